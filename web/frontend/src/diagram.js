// The live diagram of a case: where it is now, the way it took, which timers run.
import Viewer from 'bpmn-js/lib/NavigatedViewer'
import 'bpmn-js/dist/assets/diagram-js.css'
import 'bpmn-js/dist/assets/bpmn-js.css'
import './diagram.css'
import { getJson } from './wire.js'
import { say } from './words.js'

const place = document.getElementById('diagram')
const font = getComputedStyle(document.body).fontFamily
const viewer = new Viewer({
  container: place,
  textRenderer: {
    defaultStyle: { fontFamily: font, fontSize: 13, lineHeight: 1.25 },
    externalStyle: { fontSize: 12, lineHeight: 1.2 }
  }
})
const MARGIN = 24 // diagram units around the whole
const [LOWEST, HIGHEST] = [300, 640] // pixels
const WORD = 8.4 // diagram units a letter takes, at most
const READABLE = 0.42 // below this zoom a wide process is only a line of dots

function rename (elements, names) {
  for (const [id, name] of Object.entries(names)) {
    const element = elements[id]
    if (!element) continue
    element[element.$type === 'bpmn:TextAnnotation' ? 'text' : 'name'] = name
  }
  Object.values(elements).forEach((drawn) => widen(drawn, names[drawn.bpmnElement?.id]))
}

// Labels were measured for Chinese, which breaks anywhere: give the longest English word its place.
function widen ({ bounds, label }, name) {
  if (!name || !label?.bounds) return
  const width = Math.max(label.bounds.width, ...name.split(/\s+/).map((word) => word.length * WORD))
  const beside = bounds && label.bounds.x >= bounds.x + bounds.width
  if (!beside) label.bounds.x -= (width - label.bounds.width) / 2
  label.bounds.width = width
}

function badge (overlays, registry, id, text, kind) {
  if (!registry.get(id)) return
  const html = document.createElement('span')
  html.className = `badge ${kind}`
  html.textContent = text
  overlays.add(id, { position: kind === 'timer' ? { top: -22, left: -10 } : { bottom: 10, left: 0 }, html })
}

function whole () {
  const canvas = viewer.get('canvas')
  const { inner } = canvas.viewbox()
  const tall = (inner.height + 2 * MARGIN) * place.clientWidth / (inner.width + 2 * MARGIN)
  place.style.height = `${Math.round(Math.min(Math.max(tall, LOWEST), HIGHEST))}px`
  canvas.resized()
  const { outer } = canvas.viewbox()
  if (!(outer.width > 0 && outer.height > 0 && inner.width > 0)) return 1 // not laid out (yet, or any more)
  const zoom = Math.min(outer.width / (inner.width + 2 * MARGIN), outer.height / (inner.height + 2 * MARGIN), 1)
  const [width, height] = [outer.width / zoom, outer.height / zoom]
  canvas.viewbox({
    x: inner.x + inner.width / 2 - width / 2, y: inner.y + inner.height / 2 - height / 2, width, height
  })
  return zoom
}

// On a small screen rather show where the case is, and let the rest be moved into view.
function fit () {
  const canvas = viewer.get('canvas')
  const now = viewer.get('elementRegistry').find((element) => canvas.hasMarker(element, 'now'))
  if (whole() >= READABLE || !now) return
  canvas.zoom(0.62)
  const { outer } = canvas.viewbox()
  const [width, height] = [outer.width / 0.62, outer.height / 0.62]
  canvas.viewbox({ x: now.x + now.width / 2 - width / 2, y: now.y + now.height / 2 - height / 2, width, height })
}

async function draw () {
  const { status, body } = await getJson(place.dataset.source)
  if (status !== 200) {
    place.textContent = body.message ?? say('broken')
    return
  }
  viewer.get('eventBus').once('import.parse.complete', ({ elementsById }) => rename(elementsById, body.names ?? {}))
  await viewer.importXML(body.xml)
  place.removeAttribute('aria-busy')
  const [canvas, overlays, registry] = ['canvas', 'overlays', 'elementRegistry'].map((name) => viewer.get(name))
  const mark = (ids, name) => ids.filter((id) => registry.get(id)).forEach((id) => canvas.addMarker(id, name))
  mark(body.path, 'passed')
  mark(body.timers.map((timer) => timer.id), 'waiting')
  mark(body.tokens.map((token) => token.id), 'now')
  body.tokens.forEach((token) => badge(overlays, registry, token.id, token.text, 'token'))
  body.timers.forEach((timer) => badge(overlays, registry, timer.id, timer.text, 'timer'))
  fit()
}

await draw()
window.addEventListener('resize', fit)
document.querySelectorAll('[data-zoom]').forEach((button) => button.addEventListener('click', () => {
  const canvas = viewer.get('canvas')
  if (button.dataset.zoom === 'fit') whole()
  else canvas.zoom(canvas.zoom() * Number(button.dataset.zoom))
}))
