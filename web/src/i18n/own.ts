/** What liuli's Python says of its own (answers, remarks, why something cannot be done), in the language of the page.
 *
 * The key of such a sentence is the sentence itself, in English, with {} in its places: "a code of {} nats". Its
 * translation has the places by number; of a place with a ! what stands there is such a text too, of one with a & it is
 * names in a row. A key that begins with … is only ever a part of others.
 */

import zh from './own.zh-TW.json'
import { texts } from './texts.svelte'

type Known = Record<string, string>

const NUMBER = '[−-]?[\\d.,]+\\s?%?'
const PART = '…'
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const inARow = (names: string): string => names.replaceAll(' and ', ' 與 ').replaceAll(' or ', ' 或 ').replaceAll(', ', '、')

export class Sentences {
  /** Those with places, the ones with the most words of their own first. */
  private readonly patterns: { said: string; part: boolean; expression: RegExp }[]

  constructor(private readonly known: Known) {
    this.patterns = Object.entries(known)
      .map(([key, said]) => ({ key: key.replace(/^…/, ''), said, part: key.startsWith(PART) }))
      .filter(({ key }) => key.includes('{}'))
      .sort((a, b) => b.key.replaceAll('{}', '').length - a.key.replaceAll('{}', '').length)
      .map(({ key, said, part }) => ({
        said,
        part,
        expression: new RegExp(`^${key.split('{}').map(escaped).join('([^]*?)')}$`),
      }))
  }

  /** A text translated; null where it is not known. */
  translated(text: string, part = false): string | null {
    const whole = (part ? this.known[PART + text] : undefined) ?? this.known[text]
    if (whole !== undefined) return whole
    const again = (one: string): string | null => this.translated(one, part)
    const several = (): string | null => list(text, '; or ', '；或是', again) ?? list(text, '; ', '；', again)
    return (
      this.counted(text) ??
      (part ? several() : null) ?? // a part may be several, which a sentence with few words would take for one
      this.sentence(text, part) ??
      several() ??
      list(text, ', ', '、', again) ??
      list(text, ' / ', '／', again)
    )
  }

  /** "3 car", "car 12%", "row 3". */
  private counted(text: string): string | null {
    const [, before, behind, last, first] = text.match(`^(?:(${NUMBER}) (.+)|(.+) (${NUMBER}))$`) ?? []
    const name = this.known[behind ?? last ?? '']
    return name === undefined ? null : before !== undefined ? `${before} ${name}` : `${name} ${first}`
  }

  private sentence(text: string, within: boolean): string | null {
    for (const { said, part, expression } of this.patterns) {
      const found = part && !within ? null : text.match(expression)
      if (!found) continue
      return said.replace(/\{(\d+)([!&]?)\}/g, (_, place: string, kind: string) => {
        const one = found[Number(place) + 1] ?? ''
        return kind === '!' ? (this.translated(one, true) ?? one) : kind === '&' ? inARow(one) : one
      })
    }
    return null
  }
}

/** Several such texts in a row, each of which is known. */
function list(text: string, gap: string, sign: string, translated: (one: string) => string | null): string | null {
  const parts = text.split(gap)
  if (parts.length < 2) return null
  const said = parts.map(translated)
  return said.every((part) => part !== null) ? said.join(sign) : null
}

const names = new Sentences(zh)
let refusals = names

/** Know these refusals as well; a page without a server meets none and does without them. */
export const know = (more: Known): void => {
  refusals = new Sentences({ ...zh, ...more })
}

/** A text of liuli's own for a reader; one that is not known stays as it is. */
export const own = (text: string): string => (texts.language === 'en' ? text : (names.translated(text) ?? text))

/** The same of a text that may as well be words of the data. */
export const told = (text: string, ours: boolean): string => (ours ? own(text) : text)

/** Why something could not be done, for a reader. */
export const why = (problem: string): string =>
  texts.language === 'en' ? problem : (refusals.translated(problem) ?? problem)
