// The form of a task or of a start: form-js, in the language of the page, with the server's findings on the fields.
import { Form } from '@bpmn-io/form-js-viewer'
import flatpickr from 'flatpickr'
import { Mandarin } from 'flatpickr/dist/l10n/zh.js'
import { sayFinding } from './findings.js'
import { getJson, newKey, postJson } from './wire.js'
import { chinese, say } from './words.js'
import '@bpmn-io/form-js-viewer/dist/assets/form-js.css'
import './form.css'

if (chinese) {
  const [yearAriaLabel, monthAriaLabel, hourAriaLabel, minuteAriaLabel] = ['Year', 'Month', 'Hour', 'Minute'].map(
    (word) => say(word)
  )
  flatpickr.localize({ ...Mandarin, yearAriaLabel, monthAriaLabel, hourAriaLabel, minuteAriaLabel })
}

const place = document.getElementById('form')
const summary = document.getElementById('form-errors')
const buttons = document.querySelectorAll('[data-send]')
// Without a pause between typing and taking over: while a field's pause lasts, the change of another one draws the form
// anew, and what was typed into the first is gone.
const form = new Form({ container: place, debounce: false })
const told = new Map() // path -> { value, messages } as the server refused it
let key = newKey()
let dirty = false
let sending = false

const pathOf = (instance) => instance.valuePath.join('.')
const valueAt = (path) => path.split('.').reduce((data, part) => data?.[part], form._getState().data)

// The server's finding stays on a field until its value changes: then only the server knows again.
const validator = form.get('validator')
const ownFindings = validator.validateFieldInstance.bind(validator)
validator.validateFieldInstance = (instance, value) => {
  const refused = told.get(pathOf(instance))
  const still = refused && JSON.stringify(value ?? null) === refused.value ? refused.messages : []
  const field = form.get('formFieldRegistry').get(instance.id)
  return [...ownFindings(instance, value).map((text) => sayFinding(text, field)), ...still]
}

const elementOf = (path) => {
  const instance = form.get('formFieldInstanceRegistry').getAllKeyed().find((one) => pathOf(one) === path)
  if (!instance) return null
  const indexes = Object.values(instance.indexes ?? {})
  const id = ['fjs-form', form._id, instance.id, ...indexes].join('-').replace('fjs-form-', '')
  return document.getElementById(id) ?? place.querySelector(`[id*="${instance.id}"]`)
}

function labelOf (path) {
  const instance = form.get('formFieldInstanceRegistry').getAllKeyed().find((one) => pathOf(one) === path)
  return instance ? form.get('formFieldRegistry').get(instance.id).label : ''
}

function showSummary (message, errors) {
  summary.replaceChildren()
  if (!Object.values(errors).flat().includes(message)) {
    const head = document.createElement('p')
    head.textContent = message
    summary.append(head)
  }
  const list = document.createElement('ul')
  for (const [path, messages] of Object.entries(errors)) {
    const item = document.createElement('li')
    const link = document.createElement('a')
    link.href = '#form'
    link.textContent = [labelOf(path), messages.join(' ')].filter(Boolean).join(chinese ? '：' : ': ')
    link.addEventListener('click', (event) => { event.preventDefault(); focusOn(path) })
    item.append(link)
    list.append(item)
  }
  if (list.children.length) summary.append(list)
  summary.hidden = false
  summary.focus()
  summary.scrollIntoView({ block: 'start' })
}

function focusOn (path) {
  const element = elementOf(path)
  const input = element?.matches('input, textarea, select, button') ? element : element?.querySelector('input, textarea')
  const first = input ?? place.querySelector('.fjs-has-errors input, .fjs-has-errors textarea')
  first?.focus()
  first?.scrollIntoView({ block: 'center' })
}

// Leaving a field shows its findings, or closes its calendar, and moves the page: the button may be gone from under
// the pointer when it comes up, and the browser makes no click of it. So a press counts where it began.
function pressable (button) {
  let from = null
  let handled = 0
  button.addEventListener('mousedown', (event) => event.preventDefault())
  button.addEventListener('pointerdown', (event) => { from = event.button === 0 ? event : null })
  document.addEventListener('pointercancel', () => { from = null })
  document.addEventListener('pointerup', (event) => {
    if (!from) return
    const still = Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) < 24
    from = null
    if (!still) return
    handled = event.timeStamp
    send(button.dataset.send)
  })
  button.addEventListener('click', (event) => { // by keyboard, or by what speaks for a person
    if (event.timeStamp - handled > 500) send(button.dataset.send)
  })
}

async function send (url) {
  if (sending) return
  sending = true
  try {
    await sendOnce(url)
  } finally {
    sending = false
  }
}

async function sendOnce (url) {
  // A field still being typed in hands its value over when it is left; a date a moment later, with its calendar.
  const date = document.activeElement?.closest('.fjs-form-field-datetime')
  document.activeElement?.blur()
  await new Promise((resolve) => setTimeout(resolve, date ? 200 : 0))
  place.dataset.sent = ''
  told.clear()
  summary.hidden = true
  const { data, errors } = form.submit()
  if (Object.keys(errors).length) {
    const wrong = form.get('formFieldInstanceRegistry').getAllKeyed()
      .map((one) => [pathOf(one), validator.validateFieldInstance(one, valueAt(pathOf(one)))])
      .filter(([, messages]) => messages.length)
    showSummary(say('check', { count: wrong.length }), Object.fromEntries(wrong))
    return
  }
  buttons.forEach((button) => { button.disabled = true; button.setAttribute('aria-busy', 'true') })
  clearTimeout(waiting)
  await keeping // a draft on its way must not arrive after what it was the draft of
  const { status, body } = await postJson(url, data, key)
  buttons.forEach((button) => { button.disabled = false; button.removeAttribute('aria-busy') })
  if (status >= 200 && status < 300) {
    dirty = failed = false
    location.assign(body.next)
    return
  }
  // Nothing was done: another try is another act. Without an answer it may have been: the same key asks again.
  if (status >= 400 && status < 500) key = newKey()
  for (const [path, messages] of Object.entries(body.errors ?? {})) {
    told.set(path, { value: JSON.stringify(valueAt(path) ?? null), messages })
  }
  if (told.size) form.validate()
  showSummary(body.message ?? say('broken'), body.errors ?? {})
}

// What is written is kept on the server while it is written, sealed, and brought back when the page is opened again.
const PAUSE = 1200 // ms without a change, then the draft is kept
const restored = document.getElementById('draft')
const draftState = document.getElementById('draft-state')
let waiting = 0
let keeping = Promise.resolve()
let failed = false

function changed () {
  dirty = true
  clearTimeout(waiting)
  waiting = setTimeout(keepDraft, PAUSE)
}

function keepDraft (leaving = false) {
  clearTimeout(waiting)
  if (!place.dataset.draft || !dirty || sending) return
  dirty = false
  const written = form._getSubmitData()
  keeping = keeping.then(() => postJson(place.dataset.draft, written, newKey(), leaving)).then(({ status, body }) => {
    failed = status !== 200
    if (!failed) draftState.textContent = say('kept', { at: body.saved })
    else {
      dirty = true
      draftState.textContent = say('unkept', { why: body.message ?? '' })
    }
  })
}

document.addEventListener('visibilitychange', () => { if (document.hidden) keepDraft(true) })
window.addEventListener('pagehide', () => keepDraft(true))
restored?.querySelector('[data-discard]').addEventListener('click', async () => {
  clearTimeout(waiting)
  await keeping
  const { status, body: answer } = await postJson(`${place.dataset.draft}/discard`, {}, newKey())
  if (status !== 200) return showSummary(answer.message ?? say('broken'), {})
  await form.importSchema(body.schema, body.data)
  clearTimeout(waiting)
  dirty = false
  restored.hidden = true
  draftState.textContent = ''
})

// What the server reckons from a field that is being typed (a new deadline from a number of days).
function previewed (preview) {
  let shown
  let waiting
  form.on('changed', ({ data }) => {
    const value = data[preview.dataset.reads] ?? ''
    if (value === shown) return
    shown = value
    clearTimeout(waiting)
    waiting = setTimeout(async () => {
      const answer = value === '' ? null : await getJson(`${preview.dataset.source}?${new URLSearchParams({ [preview.dataset.reads]: value })}`)
      if (value !== shown) return // something newer is being typed
      preview.hidden = !answer
      preview.classList.toggle('bad', answer?.status !== 200)
      preview.textContent = answer?.body.said ?? answer?.body.message ?? ''
    }, 250)
  })
}

// A choice may bring words for other fields (an approved answer): they are written there, to be changed at will.
function filling (choices) {
  form.on('field.updated', ({ fieldInstance, value }) => {
    const { valuesKey } = form.get('formFieldRegistry').get(fieldInstance.id)
    const chosen = choices[valuesKey]?.find((one) => one.value === value)
    for (const [path, words] of Object.entries(chosen?.fills ?? {})) {
      const other = form.get('formFieldInstanceRegistry').getAllKeyed().find((one) => pathOf(one) === path)
      if (other) queueMicrotask(() => form._update({ fieldInstance: other, value: words }))
    }
  })
}

const { status, body } = await getJson(place.dataset.source)
if (status === 200) {
  await form.importSchema(body.schema, { ...body.data, ...body.draft?.data })
  place.removeAttribute('aria-busy')
  if (body.draft) {
    restored.querySelector('span').textContent = say('draft', { at: body.draft.saved })
    restored.hidden = false
  }
  form.on('field.updated', changed)
  filling(body.data)
  form.on('changed', ({ errors }) => { if (!Object.keys(errors).length) summary.hidden = true })
  buttons.forEach(pressable)
  const preview = document.getElementById('preview')
  if (preview) previewed(preview)
  place.addEventListener('submit', (event) => event.preventDefault(), true)
  if (matchMedia('(min-width: 60em)').matches) {
    // A choice would open its list over the form, so it is the first text that is still empty; one further down would
    // scroll away what is to be read first.
    const texts = place.querySelectorAll('.fjs-form-field-textfield input, .fjs-form-field-textarea textarea')
    const first = [...texts].find((one) => !one.value && !one.readOnly && !one.disabled)
    if (first?.getBoundingClientRect().bottom < innerHeight) first.focus()
  }
} else {
  place.removeAttribute('aria-busy')
  showSummary(body.message ?? say('broken'), {})
}
window.addEventListener('beforeunload', (event) => {
  if (failed && dirty) event.preventDefault() // only what the server could not keep would be lost
  else keepDraft(true)
})
