/** A formula as it is read aloud, in the language of `say`. */

import type { Notation } from './notation'

/** A phrase of the page's texts with what is put into it. */
export type Say = (key: string, words?: Record<string, string>) => string

export function spoken(say: Say, number: (value: number) => string): Notation {
  const list = (items: string[]): string => items.join(say('said.and'))
  return {
    flat: true,
    letter(name) {
      const [head, rest] = name.replace('′', '').split('[') as [string, string?]
      const own = head.endsWith('_sq') ? say('said.power', { base: head.slice(0, -3), exponent: '2' }) : head
      return rest ? say('said.of', { name: own, places: rest.slice(0, -1).split(',').join(' ') }) : own
    },
    number,
    relation: (left, sign, right) => say(`said.${RELATIONS[sign] ?? 'equals'}`, { left, right }),
    plus: (left, right) => say('said.plus', { left, right }),
    minus: (left, right) => say('said.minus', { left, right }),
    negative: (inner) => say('said.negative', { inner }),
    product: (factors) => factors.reduce((left, right) => say('said.times', { left, right })),
    fence: (inner) => say('said.fence', { inner }),
    fraction: (above, below) => say('said.over', { above, below }),
    power: (base, exponent) => say('said.power', { base, exponent }),
    root: (inner) => say('said.root', { inner }),
    fold: (kind, variable, body) => say(`said.${kind}`, { variable: list(variable.split(',')), body }),
    call: (name, parts) =>
      name === 'exp' ? say('said.exp', { inner: parts[0]! }) : say('said.call', { name, inner: list(parts) }),
    cases: (pairs, otherwise) =>
      [...pairs.map(([condition, yes]) => say('said.if', { yes, condition })), say('said.else', { otherwise })].join(
        say('said.comma'),
      ),
    chosen: (kind, body) => say('said.chosen', { kind, body }),
  }
}

const RELATIONS: Record<string, string> = {
  '=': 'equals',
  '<': 'less',
  '>': 'greater',
  '≤': 'most',
  '≥': 'least',
  '≠': 'differs',
}
