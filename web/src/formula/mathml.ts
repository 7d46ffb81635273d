/** The inside of a `<math>` element. */

import { lowered } from '../i18n/texts.svelte'
import type { Notation } from './notation'

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!)

/** What stands in formulas in words. */
export const WORDS = ['if', 'else', 'ranked', 'place'] as const
type Word = (typeof WORDS)[number]

const SIGNS: Record<string, string> = { sum: '∑', product: '∏' }

/** A name as it is typed in a formula: `x[i,j]`, `σ_sq`, `∂L/∂y`, `x′`. */
function letter(name: string): string {
  if (name.startsWith('∂L/∂')) {
    const below = letter(name.slice(4))
    return `<mfrac><mrow><mo>∂</mo><mi>L</mi></mrow><mrow><mo>∂</mo>${below}</mrow></mfrac>`
  }
  const [head, rest] = name.replace('′', '').split('[') as [string, string?]
  const [own, mark = ''] = head.split('_') as [string, string?]
  const square = mark === 'sq'
  const base = own.length > 1 ? `<mi mathvariant="normal">${escaped(own)}</mi>` : `<mi>${escaped(own)}</mi>`
  const places = [square ? '' : mark, rest?.slice(0, -1) ?? ''].filter(Boolean).join(',')
  const below = places && `<mtext>${escaped(places.replace(/\*/g, '·').replace(/-/g, '−'))}</mtext>`
  if (square) return below ? `<msubsup>${base}${below}<mn>2</mn></msubsup>` : `<msup>${base}<mn>2</mn></msup>`
  return below ? `<msub>${base}${below}</msub>` : base
}

/** MathML whose numbers are written by `number`. */
export function mathml(number: (value: number) => string, words: Record<Word, string>): Notation {
  return {
    flat: false,
    letter,
    number(value) {
      const [digits, power] = number(value).split('×10')
      if (power === undefined) return `<mn>${digits}</mn>`
      return `<mrow><mn>${digits}</mn><mo>×</mo><msup><mn>10</mn><mn>${lowered(power)}</mn></msup></mrow>`
    },
    relation: (left, sign, right) => `${left}<mo>${escaped(sign)}</mo>${right}`,
    plus: (left, right) => `${left}<mo>+</mo>${right}`,
    minus: (left, right) => `${left}<mo>−</mo>${right}`,
    negative: (inner) => `<mo form="prefix">−</mo>${inner}`,
    product: (factors) => factors.join('<mo>·</mo>'),
    fence: (inner) => `<mrow><mo>(</mo>${inner}<mo>)</mo></mrow>`,
    fraction: (above, below) => `<mfrac><mrow>${above}</mrow><mrow>${below}</mrow></mfrac>`,
    power: (base, exponent) => `<msup><mrow>${base}</mrow><mrow>${exponent}</mrow></msup>`,
    root: (inner) => `<msqrt><mrow>${inner}</mrow></msqrt>`,
    fold: (kind, variable, body) =>
      `<mrow><munder><mo>${SIGNS[kind] ?? words[kind as Word] ?? kind}</mo><mtext>${escaped(variable)}</mtext></munder>${body}</mrow>`,
    call(name, parts) {
      const inner = parts.join('<mo>,</mo>')
      if (name === 'exp') return `<msup><mi>e</mi><mrow>${inner}</mrow></msup>`
      if (name === 'abs') return `<mrow><mo>|</mo>${inner}<mo>|</mo></mrow>`
      return `<mrow><mi>${name}</mi><mo>&#x2061;</mo><mrow><mo>(</mo>${inner}<mo>)</mo></mrow></mrow>`
    },
    cases(pairs, otherwise) {
      const rows = pairs.map(([condition, yes]) => [yes, `<mtext>${words.if}&#xA0;</mtext>${condition}`])
      rows.push([otherwise, `<mtext>${words.else}</mtext>`])
      const cells = rows.map((row) => `<mtr>${row.map((cell) => `<mtd><mrow>${cell}</mrow></mtd>`).join('')}</mtr>`)
      return `<mrow><mo>{</mo><mtable columnalign="left">${cells.join('')}</mtable></mrow>`
    },
    chosen: (kind, body) => `<mrow><mo>[</mo>${body}<mo>=</mo><mi>${kind}</mi><mo>]</mo></mrow>`,
  }
}
