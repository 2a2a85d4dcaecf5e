// The documents' fonts: typst reads them from workflow/station/fonts (built, not committed).
import { copyFileSync, mkdirSync } from 'node:fs'

const from = 'node_modules/@expo-google-fonts/noto-sans-sc'
const to = '../../workflow/station/fonts'
mkdirSync(to, { recursive: true })
copyFileSync(`${from}/400Regular/NotoSansSC_400Regular.ttf`, `${to}/NotoSansSC-Regular.ttf`)
copyFileSync(`${from}/700Bold/NotoSansSC_700Bold.ttf`, `${to}/NotoSansSC-Bold.ttf`)
copyFileSync(`${from}/LICENSE_FONT`, `${to}/LICENSE`)
