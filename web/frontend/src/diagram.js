// The live diagram of a case: where it is now, the way it took, which timers run.
import Viewer from 'bpmn-js/lib/NavigatedViewer'
import 'bpmn-js/dist/assets/diagram-js.css'
import 'bpmn-js/dist/assets/bpmn-js.css'
import './diagram.css'
import { getJson } from './wire.js'
import { say } from './words.js'

const place = document.getElementById('diagram')
const viewer = new Viewer({ container: place })

function rename (elements, names) {
  for (const [id, name] of Object.entries(names)) {
    const element = elements[id]
    if (!element) continue
    element[element.$type === 'bpmn:TextAnnotation' ? 'text' : 'name'] = name
  }
}

function badge (overlays, registry, id, text, kind) {
  if (!registry.get(id)) return
  const html = document.createElement('span')
  html.className = `badge ${kind}`
  html.textContent = text
  overlays.add(id, { position: { bottom: kind === 'timer' ? -6 : 10, left: 0 }, html })
}

function fit () {
  const canvas = viewer.get('canvas')
  canvas.resized()
  canvas.zoom('fit-viewport', 'auto')
  // A wide process on a small screen would be a line of dots: rather show where the case is, and let it be moved.
  const now = viewer.get('elementRegistry').find((element) => canvas.hasMarker(element, 'now'))
  if (canvas.zoom() < 0.45 && now) {
    canvas.zoom(0.6)
    canvas.scrollToElement(now, { top: 40, bottom: 40, left: 40, right: 40 })
  }
}

async function draw () {
  const { status, body } = await getJson(place.dataset.source)
  if (status !== 200) {
    place.textContent = body.message ?? say('broken')
    return
  }
  viewer.once('import.parse.complete', ({ elementsById }) => rename(elementsById, body.names ?? {}))
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
  if (button.dataset.zoom === 'fit') canvas.zoom('fit-viewport', 'auto')
  else canvas.zoom(canvas.zoom() * Number(button.dataset.zoom))
}))
