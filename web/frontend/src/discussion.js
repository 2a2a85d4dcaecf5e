// @ in a comment: a list of colleagues, by name or by the first letters of its sound.
const field = document.querySelector('[data-mentions]')
const source = document.getElementById('colleagues')
if (field && source) mentions(field, JSON.parse(source.textContent))

function mentions (field, people) {
  const list = document.getElementById(field.getAttribute('aria-controls'))
  let found = []
  let chosen = 0

  // The word after the last @ before the cursor, if one is being written.
  function word () {
    const before = field.value.slice(0, field.selectionStart)
    return /@([^\s@]{0,12})$/.exec(before)?.[1] ?? null
  }

  function close () {
    list.hidden = true
    found = []
    field.removeAttribute('aria-activedescendant')
    field.setAttribute('aria-expanded', 'false')
  }

  function show () {
    const typed = word()?.toLowerCase()
    if (typed === undefined) return close()
    found = people.filter((one) => one.name.startsWith(typed) || one.initials.startsWith(typed)).slice(0, 8)
    if (!found.length || found.some((one) => one.name === typed)) return close()
    chosen = Math.min(chosen, found.length - 1)
    list.replaceChildren(...found.map((one, index) => {
      const item = document.createElement('li')
      item.id = `mention-${index}`
      item.role = 'option'
      item.textContent = `${one.name} ${one.title}`.trim()
      item.setAttribute('aria-selected', String(index === chosen))
      item.addEventListener('mousedown', (event) => { event.preventDefault(); chosen = index; take() })
      return item
    }))
    list.hidden = false
    field.setAttribute('aria-expanded', 'true')
    field.setAttribute('aria-activedescendant', `mention-${chosen}`)
  }

  function take () {
    const end = field.selectionStart
    const start = end - word().length
    field.setRangeText(`${found[chosen].name} `, start, end, 'end')
    chosen = 0
    close()
  }

  field.addEventListener('input', () => { chosen = 0; show() })
  field.addEventListener('blur', close)
  field.addEventListener('keydown', (event) => {
    if (list.hidden) return
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      chosen = (chosen + (event.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length
      show()
    } else if (event.key === 'Enter' || event.key === 'Tab') take()
    else if (event.key === 'Escape') close()
    else return
    event.preventDefault()
  })
}
