import { describe, expect, it } from 'vitest'

import { way } from '../src/lab/lanes'

/** A card of the road, 100 wide and 50 high, in a column and a row of it. */
const card = (column: number, row: number) => ({
  left: column * 115,
  right: column * 115 + 100,
  top: row * 60 + 7,
  bottom: row * 60 + 57,
  row: row * 60,
})

describe('a line of the road', () => {
  const places = [0, 1, 2, 3].flatMap((column) => [0, 1, 2, 3].map((row) => [column, row] as const))

  it('goes behind no card, wherever it begins and ends', () => {
    const cards = places.map(([column, row]) => card(column, row))
    for (const from of cards) {
      for (const to of cards.filter((one) => one !== from && one.row >= from.row)) {
        for (const shift of [-3, 0, 3]) {
          const points = way(from, to, shift)
          points.slice(1).forEach(([x, y], i) => {
            const [a, b] = points[i]!
            const covered = cards.some(
              (one) =>
                Math.max(a, x) > one.left && Math.min(a, x) < one.right && Math.max(b, y) > one.top && Math.min(b, y) < one.bottom,
            )
            expect(covered, `${JSON.stringify([from, to])}`).toBe(false)
          })
        }
      }
    }
  })
})
