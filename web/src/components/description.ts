/** The text about a system, taken apart for a page. */

export interface Description {
  title: string
  opening: { text: string; formula: boolean }[]
  sections: Record<string, string>
}

/** By language; English is always among them. */
export type Descriptions = Record<string, Description>

/** The text in a language, or in English where there is none; and which of them it is. */
export function spoken<T>(texts: Record<string, T>, language: string): { lang: string; text: T } {
  const lang = language in texts ? language : 'en'
  return { lang, text: texts[lang]! }
}

/** A title cut behind the name that it begins with: "Long short-term memory" and ": a state that is kept …". */
export function named(title: string): [name: string, rest: string] {
  const end = title.search(/[:：]|, /)
  return end < 0 ? [title, ''] : [title.slice(0, end), title.slice(end)]
}

/** The paragraphs of a section: a line that ends a sentence ends one. */
export const entries = (text: string): string[] =>
  text.split(/(?<=[.?!。？！])\n/).map((entry) => entry.replaceAll('\n', ' '))

/** The lines of the shapes: one that goes on where the width of the source ended it is joined. */
export const shapeLines = (text: string): string => text.replace(/(?<=[,;])\n|\n(?=[a-z(])/g, ' ')

/** A line of a formula with the name that stands before it: "loss: L = …"; "" where there is none. */
export interface FormulaLine {
  name: string
  text: string
  /** It goes on with the line above. */
  further: boolean
}

export const formulaLines = (text: string): FormulaLine[] =>
  text.split('\n').map((line) => {
    const [, name = '', rest = line] = /^([^\s=|][^=|(]{0,30}?)[:：]\s*(.*)$/.exec(line) ?? []
    return { name, text: rest.trimStart(), further: /^\s/.test(line) }
  })

/** Prose cut at its backticks: every second piece is code. */
export const pieces = (text: string): { text: string; code: boolean }[] =>
  text
    .split('`')
    .map((piece, i) => ({ text: piece, code: i % 2 === 1 }))
    .filter((piece) => piece.text)
