// Every page: htmx, the keyboard of the inbox, small comforts. No inline script anywhere (CSP).
import htmx from 'htmx.org'
import './app.css'
import './inbox.js'
import './keyboard.js'
import './discussion.js'

htmx.config.includeIndicatorStyles = false
htmx.config.allowEval = false
htmx.config.historyCacheSize = 0 // personal data stays out of localStorage

document.addEventListener('htmx:responseError', (event) => {
  if (event.detail.xhr.status === 401) location.assign('/sign-in')
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
