/** What liuli's Python says of its own (answers, remarks, why something cannot be done), in the language of the page.
 *
 * The key of such a sentence is the sentence itself, in English, with {} in its places: "a code of {} nats". Its
 * translation has the places by number; of a place with a ! what stands there is such a text too.
 */

import zh from './own.zh-TW.json'
import { texts } from './texts.svelte'

const TABLE: Record<string, string> = zh
const NUMBER = '[−-]?[\\d.,]+\\s?%?'
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
/** The sentences with places, those with the most words of their own first. */
const patterns = Object.keys(TABLE)
  .filter((key) => key.includes('{}'))
  .sort((a, b) => b.replaceAll('{}', '').length - a.replaceAll('{}', '').length)
  .map((key) => ({ key, expression: new RegExp(`^${key.split('{}').map(escaped).join('([^]*?)')}$`) }))

/** A text of liuli's own for a reader; one that is not known stays as it is. */
export const own = (text: string): string => (texts.language === 'en' ? text : (translated(text) ?? text))

/** The same of a text that may as well be words of the data. */
export const told = (text: string, ours: boolean): string => (ours ? own(text) : text)

export function translated(text: string): string | null {
  if (TABLE[text] !== undefined) return TABLE[text]
  return counted(text) ?? sentence(text) ?? list(text, '; ', '；') ?? list(text, ', ', '、') ?? list(text, ' / ', '／')
}

/** "3 car", "car 12%", "row 3". */
function counted(text: string): string | null {
  const [, before, behind, last, first] = text.match(`^(?:(${NUMBER}) (.+)|(.+) (${NUMBER}))$`) ?? []
  const name = TABLE[behind ?? last ?? '']
  return name === undefined ? null : before !== undefined ? `${before} ${name}` : `${name} ${first}`
}

function sentence(text: string): string | null {
  for (const { key, expression } of patterns) {
    const found = text.match(expression)
    if (!found) continue
    return TABLE[key]!.replace(/\{(\d+)(!?)\}/g, (_, place: string, again: string) => {
      const part = found[Number(place) + 1] ?? ''
      return again ? (translated(part) ?? part) : part
    })
  }
  return null
}

/** Several such texts in a row, each of which is known. */
function list(text: string, gap: string, sign: string): string | null {
  const parts = text.split(gap)
  if (parts.length < 2) return null
  const said = parts.map((part) => translated(part))
  return said.every((part) => part !== null) ? said.join(sign) : null
}
