// The board: a changed choice is asked for at once. All else is plain pages and htmx.
import './board.css'

document.addEventListener('change', (event) => {
  event.target.closest('form[data-auto]')?.requestSubmit()
})
