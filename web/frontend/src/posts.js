// Positions, absences and the roster: only their look.
import './board.css'
import './posts.css'
