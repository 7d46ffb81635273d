import { describe, expect, it } from 'vitest'

import { readSetup, SETUP, tellable, writeSetup } from '../src/lab/playground/address'
import type { Point } from '../src/lab/playground/ask'
import { gridded, pack, unpack } from '../src/lab/playground/packed'
import { spots } from '../src/lab/playground/spots'

/** The same each time, spread over the plane as far as `reach`. */
const spread = (count: number, reach: number): Point[] =>
  Array.from({ length: count }, (_, i) => [reach * Math.sin(i * 1.7), reach * Math.cos(i * 2.3), i % 3])

describe('packed points', () => {
  it.each([0.5, 3, 3.0001, 4, 17.3, 99.9])('that reach as far as %f stay where the grid has put them', (reach) => {
    const points = gridded(spread(400, reach))
    expect(unpack(pack(points))).toEqual(points)
    const step = Math.max(3, Math.ceil(reach)) / 1023
    spread(400, reach).forEach(([x, y, label], i) => {
      expect(Math.abs(points[i]![0] - x)).toBeLessThanOrEqual(step)
      expect(Math.abs(points[i]![1] - y)).toBeLessThanOrEqual(step)
      expect(points[i]![2]).toBe(label)
    })
  })

  it('take four letters each', () => expect(pack(spread(2000, 3))).toHaveLength(8002))

  it.each(['', 'A', 'AA', 'AD', 'ADAAA', 'AD!AAA', 'AD____', 'AB', '__'])('are refused where %s is no such', (letters) => {
    const found = unpack(letters)
    expect(found === null || found.length === 0).toBe(true)
  })
})

describe('the address', () => {
  const read = (address: string) => readSetup(decodeURIComponent(address.split('?')[1]!))
  const setup = { ...SETUP, data: 'own' as const, classes: 3 }

  it.each([3, 150, 151, 2000])('carries %i points and the names of their classes', (count) => {
    const given: [Point[], string[]] = [spread(count, 2), ['a&b=c', '50 % / ½', '紅,綠+;']]
    const [points, names] = tellable(...given)
    const { setup: found, broken } = read(writeSetup(setup, points, names))
    expect(broken).toEqual([])
    expect(found.points).toEqual(points)
    expect(found.names).toEqual(given[1])
  })

  it('says which field cannot be read', () => {
    expect(read('#/playground/learn?data=own&packed=AD!').broken).toEqual(['packed'])
    expect(read('#/playground/learn?data=own&name1=a').broken).toEqual(['names'])
    expect(read('#/playground/learn?data=own&classes=2&packed=ADAAAC').broken).toEqual(['points'])
  })
})

describe('the numbers of weights', () => {
  it('do not lie over another where there is room', () => {
    const wide = 40
    const wanted = Array.from({ length: 8 }, (_, i) => ({
      at: (share: number): [number, number] => [58 * share, 78 * i * (1 - share) + 312 * share],
      share: 0.3 + (0.45 * i) / 7,
      wide,
    }))
    const found = spots(wanted)
    for (const [i, [x, y]] of found.entries())
      for (const [u, v] of found.slice(i + 1)) expect(Math.abs(x - u) >= wide || Math.abs(y - v) >= 18).toBe(true)
  })
})
