import { describe, expect, it } from 'vitest'

import type { Stop } from '../src/lab/api'
import { lanes, way } from '../src/lab/lanes'

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

describe('a row of the road', () => {
  const stop = (name: string, year: number, family: string, after: string[] = []): Stop =>
    ({ name, year, family, after, parents: [] as string[] }) as Stop
  const rows = (...stops: Stop[]): string[] =>
    lanes(stops).rows.map(({ first, last, cells }) => `${first} ${last} ${Object.values(cells).flat().map(({ name }) => name)}`)

  it('holds years that have nothing to do with one another', () => {
    expect(rows(stop('a', 1900, 'vision'), stop('b', 1910, 'graphs'))).toEqual(['1900 1910 a,b'])
  })
  it('ends where a family goes on', () => {
    expect(rows(stop('a', 1900, 'vision'), stop('b', 1910, 'vision'))).toEqual(['1900 1900 a', '1910 1910 b'])
  })
  it('ends where one grew out of another', () => {
    const [old, young] = [stop('a', 1900, 'vision'), stop('b', 1910, 'graphs', ['a'])]
    expect(rows(young, old)).toEqual(['1900 1900 a', '1910 1910 b'])
    expect(rows({ ...young, after: [], parents: ['a'] }, old)).toEqual(['1900 1900 a', '1910 1910 b'])
  })
  it('holds the systems of one year whatever they are', () => {
    expect(rows(stop('a', 1900, 'vision'), stop('b', 1900, 'vision', ['a']))).toEqual(['1900 1900 a,b'])
  })
})
