// The inbox: which line is open, which are ticked, what is new. The list is replaced only when it has changed,
// and then keeps the ticks, the focus and the place on the screen.
const rows = () => [...document.querySelectorAll('[data-row]')]
const ticked = () => [...document.querySelectorAll('.pick:checked')]

// The row that is open in the pane carries aria-current; the list itself is not fetched again for it.
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-open]')
  if (!link) return
  rows().forEach((row) => row.removeAttribute('aria-current'))
  link.closest('[data-row]').setAttribute('aria-current', 'true')
  // On a narrow screen the pane stands above the list and is closed until something is chosen.
  document.querySelector('.desk')?.classList.add('open')
})
document.addEventListener('htmx:afterSwap', (event) => {
  if (event.detail.target.id !== 'pane' || matchMedia('(min-width: 60em)').matches) return
  event.detail.target.scrollIntoView({ block: 'start' })
})

// What the page shows goes along with the question, so that the answer can be "nothing new".
document.addEventListener('htmx:configRequest', (event) => {
  if (event.detail.elt.id !== 'worklist') return
  event.detail.parameters.set('mark', document.querySelector('#worklist [data-mark]')?.dataset.mark ?? '')
  event.detail.parameters.set('task', current() ?? '')
  const search = document.getElementById('q')
  if (search) event.detail.parameters.set('q', search.value)
})
document.addEventListener('htmx:beforeRequest', (event) => { // a tab that nobody looks at asks for no list
  if (event.detail.elt.matches('[data-looking]') && document.hidden) event.preventDefault()
})
const current = () => document.querySelector('[data-row][aria-current]')?.id.replace('task-', '')

let known = new Set(rows().map((row) => row.id))
let kept = null
document.addEventListener('htmx:beforeSwap', (event) => {
  if (event.detail.target.id !== 'worklist') return
  const inside = event.detail.target.contains(document.activeElement) ? document.activeElement : null
  kept = {
    ticks: ticked().map((box) => box.value),
    row: inside?.closest('[data-row]')?.id,
    box: inside?.matches('.pick'),
    top: scrollY
  }
})
document.addEventListener('htmx:afterSwap', (event) => {
  if (event.detail.target.id !== 'worklist') return
  for (const box of document.querySelectorAll('.pick')) box.checked = kept?.ticks.includes(box.value) ?? false
  if (kept?.row) {
    document.querySelector(`#${kept.row} ${kept.box ? '.pick' : 'a[data-open]'}`)?.focus({ preventScroll: true })
  }
  if (kept) scrollTo({ top: kept.top, behavior: 'instant' })
  count()
  const polled = event.detail.requestConfig.headers['X-Yizhan-Poll']
  const fresh = rows().filter((row) => !known.has(row.id))
  known = new Set([...known, ...rows().map((row) => row.id)])
  if (!polled || !fresh.length) return
  fresh.forEach((row) => row.classList.add('fresh'))
  const voice = document.getElementById('voice')
  if (voice) voice.textContent = voice.dataset.words.replace('{count}', fresh.length)
  alertOf(fresh.length)
})

function count () {
  const words = document.querySelector('[data-picked]')
  if (words) words.textContent = words.dataset.words.replace('{count}', ticked().length)
}
document.addEventListener('change', (event) => {
  if (event.target.matches('.pick')) count()
  event.target.closest('[data-submits]')?.closest('form').requestSubmit()
})
document.addEventListener('click', (event) => {
  if (!event.target.closest('[data-pick-none]')) return
  ticked().forEach((box) => { box.checked = false })
  count()
})
window.addEventListener('pageshow', count)

// A message of the browser, once the person has asked for it. It names nobody: it may stand on a wall.
const button = document.querySelector('[data-alerts]')
const ASKED = 'yizhan-alerts'
if (button && 'Notification' in window && Notification.permission !== 'denied') {
  button.hidden = false
  showState()
  button.addEventListener('click', async () => {
    const on = localStorage.getItem(ASKED) !== '1' && (await Notification.requestPermission()) === 'granted'
    localStorage.setItem(ASKED, on ? '1' : '')
    showState()
  })
}
function wanted () {
  return 'Notification' in window && Notification.permission === 'granted' && localStorage.getItem(ASKED) === '1'
}
function showState () {
  button.dataset.off ??= button.textContent
  button.textContent = wanted() ? button.dataset.on : button.dataset.off
  button.setAttribute('aria-pressed', String(wanted()))
}
function alertOf (count) {
  if (!button || !wanted() || !document.hidden) return
  const message = new Notification(`${button.dataset.words} (${count})`, { tag: 'yizhan' })
  message.addEventListener('click', () => { window.focus(); message.close() })
}
