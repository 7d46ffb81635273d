/**
 * Many points as a few letters, so that they fit into an address: four for each, of base64url.
 *
 * The first two letters say how far the points reach, as a whole number; of each point then follow 11 bits of x, 11 of
 * y and 2 of the class. So points lie on a grid, which those that are packed must first be put on (see `gridded`).
 */

import type { Point } from './ask'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const STEPS = 1023 // of the grid, from the middle to either end
const NEAREST = 3
const FARTHEST = 100

const reachOf = (points: Point[]): number =>
  Math.max(NEAREST, Math.ceil(points.reduce((most, [x, y]) => Math.max(most, Math.abs(x), Math.abs(y)), 0)))

const lettersOf = (number: number, count: number): string =>
  Array.from({ length: count }, (_, i) => LETTERS[(number >> (6 * (count - 1 - i))) & 63]).join('')

function numberOf(letters: string): number | null {
  let number = 0
  for (const letter of letters) {
    const bits = LETTERS.indexOf(letter)
    if (bits < 0) return null
    number = (number << 6) | bits
  }
  return number
}

export function pack(points: Point[]): string {
  const reach = reachOf(points)
  const place = (value: number): number => Math.round((value / reach) * STEPS) + STEPS
  return lettersOf(reach, 2) + points.map(([x, y, label]) => lettersOf((place(x) << 13) | (place(y) << 2) | label, 4)).join('')
}

/** The points; null where the letters are not such as `pack` gives. */
export function unpack(letters: string): Point[] | null {
  const reach = numberOf(letters.slice(0, 2))
  if (reach === null || reach < NEAREST || reach > FARTHEST || letters.length % 4 !== 2) return null
  const value = (place: number): number => Number((((place - STEPS) / STEPS) * reach).toFixed(4))
  const found: Point[] = []
  for (let i = 2; i < letters.length; i += 4) {
    const bits = numberOf(letters.slice(i, i + 4))
    if (bits === null) return null
    const [across, up, label] = [bits >> 13, (bits >> 2) & 2047, bits & 3]
    if (across > 2 * STEPS || up > 2 * STEPS || label > 2) return null
    found.push([value(across), value(up), label])
  }
  return found
}

/** Points moved to where they lie once they have been packed; packing leaves them there. */
export function gridded(points: Point[]): Point[] {
  const once = unpack(pack(points))!
  return unpack(pack(once))! // those that reached a little beyond a whole number may now be told more finely
}
