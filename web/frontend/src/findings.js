// form-js tells its findings in English only: each is recognised and said in the words of the page.
import { say } from './words.js'

const FINDINGS = [
  [/^Field is required\.$/, 'required'],
  [/^Value is not a number\.$/, 'number'],
  [/^Value is expected to be an integer\.$/, 'integer'],
  [/^Value is expected to have at most (\d+) decimal/, 'decimals'],
  [/^Please select a valid value, the two nearest valid values are (.+) and (.+)\.$/, 'step'],
  [/^Field must match pattern/, 'pattern'],
  [/^Field must have minimum value of (.+)\.$/, 'min'],
  [/^Field must have maximum value of (.+)\.$/, 'max'],
  [/^Field must have minimum length of (.+)\.$/, 'minLength'],
  [/^Field must have maximum length of (.+)\.$/, 'maxLength'],
  [/^Field must be a valid\s+international phone number/, 'phone'],
  [/^Field must be a valid email/, 'email'],
  [/^M(?:in|ax) validation value is not a valid number/, 'broken']
]

const CHOICES = new Set(['select', 'radio', 'checklist', 'taglist', 'datetime'])

export function sayFinding (text, field) {
  for (const [shape, key] of FINDINGS) {
    const found = shape.exec(text)
    if (!found) continue
    const values = { a: found[1] ?? '', b: found[2] ?? '' }
    return say(key === 'required' && CHOICES.has(field?.type) ? 'choose' : key, values)
  }
  return text
}
