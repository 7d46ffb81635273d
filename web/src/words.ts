/** The words that dimensions of values run along, as the manifest has them, and how they are written. */

import type { Manifest, ValueFacts } from './client/client'
import { own } from './i18n/own'

/** A word for a reader: what cannot be seen by itself has a sign. */
export function written(word: string): string {
  const shown = word.replaceAll('\n', '↵').replaceAll('\t', '⇥').replace(/^ +| +$/g, (gap) => '␣'.repeat(gap.length))
  return shown || '∅'
}

/** Whether the words along the last dimension of a value are names of what is scored, rather than a sentence. */
export const named = (manifest: Manifest, value: ValueFacts): boolean =>
  manifest.names?.includes(value.axes?.at(-1) ?? -1) ?? false

/** The words along each dimension of a value; null for a dimension without. */
export function wordsOf(manifest: Manifest, value: ValueFacts): (string[] | null)[] {
  return value.shape.map((_, dimension) => {
    const which = value.axes?.[dimension] ?? null
    const words = which === null ? null : (manifest.words?.[which] ?? null)
    if (!words) return null
    const classes = manifest.names?.includes(which!) && words.length === manifest.answer.labels.length
    return words.map(classes ? own : written)
  })
}

/** The word that one number of a sentence stands for. */
export function wordAt(manifest: Manifest, address: string, index: number): string | null {
  const value = manifest.values.find((one) => one.address === address)
  return value?.spelled ? (wordsOf(manifest, value).at(-1)?.[index] ?? null) : null
}

/** How wide a letter is at most, in heights of the type: as a bold sans serif has it. */
function breadthOf(letter: string): number {
  if (letter.codePointAt(0)! > 0x2e80) return 1 // Chinese
  if (/[MWmw@%—…]/.test(letter)) return 1.05
  if (/[A-Z#&+<=>~_]/.test(letter)) return 0.8
  return /[\s!'"(),.:;[\]`fijlrt|-]/.test(letter) ? 0.48 : 0.7
}
const breadth = (word: string): number => [...word].reduce((sum, letter) => sum + breadthOf(letter), 0)

const LONGEST = 11

/** Pixels that the longest of some labels takes, of which very long ones are cut. */
export function roomFor(words: readonly string[] | null, size: number): number {
  if (!words) return 0
  const longest = words.reduce((most, word) => Math.max(most, breadth(word)), 0)
  return Math.ceil(Math.min(LONGEST, longest) * size) + 8
}
