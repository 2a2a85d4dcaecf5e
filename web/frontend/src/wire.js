// Talking to the server: JSON both ways, the CSRF token of the page, words for what can go wrong.
import { say } from './words.js'

const token = document.querySelector('meta[name="csrf-token"]')?.content ?? ''

export async function getJson (url) {
  let answer
  try {
    answer = await fetch(url, { headers: { Accept: 'application/json' } })
  } catch { // no network, or the page was left while it was being drawn
    return { status: 0, body: { message: say('offline') } }
  }
  return { status: answer.status, body: await answer.json().catch(() => ({})) }
}

// ``leaving``: the page goes; the browser sends it all the same (up to 64 KB).
export async function postJson (url, data, key, leaving = false) {
  let answer
  try {
    answer = await fetch(url, {
      method: 'POST',
      keepalive: leaving,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'X-CSRFToken': token,
        'Idempotency-Key': key
      },
      body: JSON.stringify(data)
    })
  } catch {
    return { status: 0, body: { message: say('offline') } }
  }
  return { status: answer.status, body: await answer.json().catch(() => ({ message: say('broken') })) }
}

// crypto.randomUUID exists only in secure contexts; the demo also runs on plain http.
export function newKey () {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
