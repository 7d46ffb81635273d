/** The words that dimensions of values run along, as the manifest has them, and how they are written. */

import type { Manifest, ValueFacts } from './client/client'

/** A word for a reader: what cannot be seen by itself has a sign. */
export function written(word: string): string {
  const shown = word.replaceAll('\n', '↵').replaceAll('\t', '⇥').replace(/^ +| +$/g, (gap) => '␣'.repeat(gap.length))
  return shown || '∅'
}

/** The words along each dimension of a value; null for a dimension without. */
export function wordsOf(manifest: Manifest, value: ValueFacts): (string[] | null)[] {
  return value.shape.map((_, dimension) => {
    const which = value.axes?.[dimension] ?? null
    return which === null ? null : (manifest.words?.[which]?.map(written) ?? null)
  })
}

/** The word that one number of a sentence stands for. */
export function wordAt(manifest: Manifest, address: string, index: number): string | null {
  const value = manifest.values.find((one) => one.address === address)
  return value?.spelled ? (wordsOf(manifest, value).at(-1)?.[index] ?? null) : null
}

/** How wide a word is in capital letters of a Latin script, of which a Chinese character takes two. */
const breadth = (word: string): number =>
  [...word].reduce((sum, one) => sum + (one.codePointAt(0)! > 0x2e80 ? 2 : 1), 0)

const LONGEST = 13

/** Pixels that the longest of some labels takes, of which very long ones are cut. */
export function roomFor(words: readonly string[] | null, size: number): number {
  if (!words) return 0
  return Math.ceil(Math.min(LONGEST, Math.max(...words.map(breadth))) * size * 0.58) + 8
}
