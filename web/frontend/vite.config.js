// One entry a page; Jinja finds the files in built/manifest.json (web/assets.py).
import { defineConfig } from 'vite'
import { sayFormTexts } from './form-texts.mjs'

export default defineConfig({
  base: './',
  build: {
    outDir: '../static/built',
    emptyOutDir: true,
    manifest: 'manifest.json',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { app: 'src/app.js', board: 'src/board.js', posts: 'src/posts.js', form: 'src/form.js', diagram: 'src/diagram.js' }
    }
  },
  plugins: [sayFormTexts()]
})
