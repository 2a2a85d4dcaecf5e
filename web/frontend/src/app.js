// Every page: htmx, the keyboard of the inbox, small comforts. No inline script anywhere (CSP).
import htmx from 'htmx.org'
import './app.css'

htmx.config.includeIndicatorStyles = false
htmx.config.allowEval = false
htmx.config.historyCacheSize = 0 // personal data stays out of localStorage

document.addEventListener('htmx:responseError', (event) => {
  if (event.detail.xhr.status === 401) location.assign('/sign-in')
})

const rows = () => [...document.querySelectorAll('[data-row]')]
const typing = (target) => target.closest('input, textarea, select, [contenteditable], .fjs-container')

function step (by) {
  const all = rows()
  if (!all.length) return
  const now = all.findIndex((row) => row.hasAttribute('aria-current'))
  const next = all[Math.min(Math.max(now + by, 0), all.length - 1)] ?? all[0]
  const link = next.querySelector('a[data-open]')
  link.focus()
  link.click()
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
  if (event.key === 'j') step(1)
  else if (event.key === 'k') step(-1)
  else if (event.key === '/') document.querySelector('input[type="search"]')?.focus()
  else if (event.key === 'Enter' && event.target.matches('body, [data-open]')) {
    const go = document.querySelector('[data-go]')
    if (!go) return
    go.click()
  } else return
  event.preventDefault()
})

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

// A row that was not there before the poll is new work: it is marked, and said aloud once.
let known = new Set(rows().map((row) => row.id))
document.addEventListener('htmx:afterSwap', (event) => {
  if (event.detail.target.id !== 'worklist') return
  const fresh = rows().filter((row) => !known.has(row.id))
  if (event.detail.requestConfig.headers['X-Yizhan-Poll']) fresh.forEach((row) => row.classList.add('fresh'))
  known = new Set(rows().map((row) => row.id))
  const voice = document.getElementById('voice')
  if (voice && fresh.length) voice.textContent = voice.dataset.words.replace('{count}', fresh.length)
})

document.addEventListener('click', (event) => {
  if (event.target.closest('[data-print]')) window.print()
  const copy = event.target.closest('[data-fill]')
  if (copy) {
    document.getElementById('login').value = copy.dataset.fill
    document.getElementById('password').focus()
  }
})

// A second click on a button that already sends would do the thing twice.
document.addEventListener('submit', (event) => {
  const button = event.target.querySelector('button[type="submit"], button:not([type])')
  if (button) setTimeout(() => { button.disabled = true })
})
window.addEventListener('pageshow', () => {
  document.querySelectorAll('form button:disabled').forEach((button) => { button.disabled = false })
})
