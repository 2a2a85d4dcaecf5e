// The keyboard of every list, and of the house: j k Enter / x c ? and g with a letter.
const rows = () => [...document.querySelectorAll('[data-row]')]
const current = () => document.querySelector('[data-row][aria-current]')
const typing = (target) => target.closest('input:not([type="checkbox"]), textarea, select, [contenteditable], .fjs-container')
const PLACES = { i: '/', b: '/board', c: '/cases' }
const SECOND = 1200 // ms in which the letter after g counts
let going = 0

function step (by) {
  const all = rows()
  if (!all.length) return
  const now = all.findIndex((row) => row.hasAttribute('aria-current'))
  const next = all[Math.min(Math.max(now + by, 0), all.length - 1)] ?? all[0]
  const link = next.querySelector('a[data-open]')
  link.focus()
  link.click()
}

// Only where the bar on top leads: a place this person does not have is none for the keyboard either.
function go (letter) {
  const link = document.querySelector(`.bar nav a[href="${PLACES[letter]}"]`)
  if (link) location.assign(link.href)
  return Boolean(link)
}

function pick () {
  const box = current()?.querySelector('.pick')
  if (box) box.click()
}

const acts = {
  j: () => step(1),
  k: () => step(-1),
  '/': () => document.querySelector('input[type="search"]')?.focus(),
  x: pick,
  c: () => document.querySelector('.pane [data-claim]')?.click(),
  g: () => { going = Date.now() },
  '?': () => document.getElementById('keys')?.showModal()
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
  if (document.querySelector('dialog[open]')) return
  if (Date.now() - going < SECOND && PLACES[event.key]) {
    going = 0
    if (go(event.key)) event.preventDefault()
    return
  }
  going = 0
  if (event.key === 'Enter' && event.target.matches('body, [data-open]')) {
    const work = document.querySelector('[data-go]')
    if (!work) return
    work.click()
  } else if (acts[event.key]) acts[event.key]()
  else return
  event.preventDefault()
})

document.addEventListener('keydown', (event) => { // a menu closes like a dialog
  if (event.key !== 'Escape') return
  const open = event.target.closest('details.menu[open]') ?? document.querySelector('details.menu[open]')
  if (!open) return
  open.removeAttribute('open')
  open.querySelector('summary').focus()
})
document.addEventListener('click', (event) => {
  if (event.target.closest('[data-keys]')) document.getElementById('keys')?.showModal()
  document.querySelectorAll('details.menu[open]').forEach((menu) => {
    if (!menu.contains(event.target)) menu.removeAttribute('open')
  })
})
