// form-js has no translate service: its literals become calls of yizhanSays(), which src/words.js defines.
// The build fails when a literal is gone, so that an update of form-js cannot bring English back unseen.
const LITERALS = [
  'Search', 'No results', 'All values selected', 'Browse', 'No files selected', 'Nothing to show.',
  'Add new', 'Collapse', 'Remove tag', 'Increment', 'Decrement', 'Previous page', 'Next page',
  'Date and time must both be entered.'
]
const REMOVE = '`Remove list item ${itemIndex + 1}`'
const CHOICE = /valueLabel \|\| 'Select'/
const DATE_FORMAT = /function getLocaleDateFormat\(([^)]*)\) \{/
const DATE_HINT = /function getLocaleReadableDateFormat\(([^)]*)\) \{/

export function sayFormTexts () {
  return {
    name: 'say-form-texts',
    transform (code, id) {
      if (!id.includes('form-js-viewer/dist/index.es.js')) return null
      for (const literal of LITERALS) {
        const places = new RegExp(`(["'])${literal.replace('.', '\\.')}\\1(?!:)`, 'g')
        if (!code.match(places)) throw new Error(`form-js no longer says "${literal}"`)
        code = code.replace(places, `globalThis.yizhanSays(${JSON.stringify(literal)})`)
      }
      if (!code.includes(REMOVE)) throw new Error('form-js no longer says "Remove list item"')
      code = code.replaceAll(REMOVE, "globalThis.yizhanSays('Remove list item {number}', { number: itemIndex + 1 })")
      if (!CHOICE.test(code)) throw new Error('form-js no longer says "Select"')
      code = code.replace(CHOICE, "valueLabel || globalThis.yizhanSays('Select')")
      if (!DATE_FORMAT.test(code)) throw new Error('form-js no longer has getLocaleDateFormat')
      code = code.replace(DATE_FORMAT, "function getLocaleDateFormat($1) { return 'yyyy-MM-dd'")
      if (!DATE_HINT.test(code)) throw new Error('form-js no longer has getLocaleReadableDateFormat')
      code = code.replace(DATE_HINT, "function getLocaleReadableDateFormat($1) { return globalThis.yizhanSays('date')")
      return { code, map: null }
    }
  }
}
