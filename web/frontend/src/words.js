// Every sentence comes from the page (one gettext catalogue): <script type="application/json" id="words">.
const block = document.getElementById('words')
const words = block ? JSON.parse(block.textContent) : {}

export const chinese = document.documentElement.lang.startsWith('zh')

export function say (key, values = {}) {
  return Object.entries(values).reduce(
    (text, [name, value]) => text.replace(`{${name}}`, value),
    words[key] ?? key
  )
}

globalThis.yizhanSays = say
