import { describe, expect, it } from 'vitest'

import type { Manifest } from '../src/client/client'
import { colour, fill, inkOn, type ScaleName } from '../src/draw/colour'
import { layoutOf, pooled, powerOf, wrapped } from '../src/draw/plane'
import { edgesIn, edgesOf, firstOpen, MOST_LINES, MOST_ROWS, rowsOf, siblingsOf, spanOf } from '../src/network/rows'
import { tokens } from '../src/network/python'

/** x → a (two operations) → b; b also reads x. */
const manifest = {
  inputs: ['input[0]'],
  values: [
    { address: 'a.weight', origin: 'parameter', producer: null },
    { address: 'input[0]', origin: 'input', producer: null },
  ],
  operations: [
    { name: 'linear', inputs: ['input[0]', 'a.weight'], outputs: ['%0'] },
    { name: 'relu', inputs: ['%0'], outputs: ['%1'] },
    { name: 'add', inputs: ['%1', 'input[0]'], outputs: ['%2'] },
  ],
  modules: {
    path: '',
    type: 'Net',
    call: 0,
    inputs: [],
    outputs: ['%2'],
    inside: [{ path: 'a', type: 'Layer', call: 0, inputs: ['input[0]'], outputs: ['%1'], inside: [0, 1] }, 2],
  },
} as unknown as Manifest

describe('the map', () => {
  const rows = (open: string[]) => rowsOf(manifest, new Set(open), (address) => address)

  it('folds modules at first', () => {
    expect([...firstOpen(manifest)]).toEqual(['#0'])
    expect(rows(['#0']).map(({ key }) => key)).toEqual(['input[0]', 'a#0', '%2'])
  })

  it('unfolds a module to its weights and operations', () => {
    expect(rows(['#0', 'a#0']).map(({ key }) => key)).toEqual(['input[0]', 'a#0', 'a.weight', '%0', '%1', '%2'])
  })

  it('shows what feeds what, also past a module', () => {
    expect(edgesOf(manifest, rows(['#0']))).toEqual([
      [0, 1],
      [1, 2],
      [0, 2],
    ])
  })
})

describe('a map of thousands of rows', () => {
  it('draws those that are seen and some around them', () => {
    expect(spanOf(100.5, 120.2, 5000)).toEqual({ from: 94, to: 127 })
    expect(spanOf(-8, 12, 5)).toEqual({ from: 0, to: 5 })
    expect(spanOf(0, 900, 5000)).toEqual({ from: 0, to: MOST_ROWS })
    expect(spanOf(4990, 5010, 5000).to).toBe(5000)
    expect(spanOf(9000, 9020, 5000)).toEqual({ from: 5000 - MOST_ROWS, to: 5000 })
  })

  it('draws the lines that are seen, those that end there first', () => {
    const chain = Array.from({ length: 4999 }, (_, i): [number, number] => [i, i + 1])
    const span = { from: 2000, to: 2030 }
    expect(edgesIn(chain, span)).toHaveLength(31)
    const over = Array.from({ length: 500 }, (_, i): [number, number] => [i, 4000])
    const seen = edgesIn([...over, ...chain], span)
    expect(seen).toHaveLength(MOST_LINES)
    expect(seen.filter(([from, to]) => to === from + 1)).toHaveLength(31)
  })

  it('counts siblings, not rows', () => {
    const rows = rowsOf(manifest, new Set(['#0', 'a#0']), (address) => address)
    expect(siblingsOf(rows).map(({ place, count }) => `${place}/${count}`)).toEqual(
      ['1/3', '2/3', '1/3', '2/3', '3/3', '3/3'],
    )
  })
})

describe('the source', () => {
  it('is coloured without losing a letter', () => {
    const line = "    return self.f(x, 'a#b', 0.5)  # (B, K)"
    expect(
      tokens(line)
        .map(({ text }) => text)
        .join(''),
    ).toBe(line)
    expect(
      tokens(line)
        .filter(({ kind }) => kind !== 'other')
        .map(({ kind, text }) => [kind, text]),
    ).toEqual([
      ['keyword', 'return'],
      ['keyword', 'self'],
      ['string', "'a#b'"],
      ['number', '0.5'],
      ['comment', '# (B, K)'],
    ])
  })
})

describe('a plane', () => {
  it('is what remains when dimensions of one are left out in front', () => {
    expect(layoutOf([1, 6, 28, 28])).toEqual({ planes: 6, height: 28, width: 28, leading: [6] })
    expect(layoutOf([1, 120])).toEqual({ planes: 1, height: 1, width: 120, leading: [] })
    expect(layoutOf([])).toEqual({ planes: 1, height: 1, width: 1, leading: [] })
    expect(layoutOf([2, 1, 4])).toEqual({ planes: 2, height: 1, width: 4, leading: [2] })
  })

  it('of a long vector is a grid that it fills', () => {
    expect(wrapped(400)).toEqual({ height: 20, width: 20 })
    expect(wrapped(84)).toEqual({ height: 7, width: 12 })
    expect(wrapped(97)).toEqual({ height: 10, width: 10 })
    expect(wrapped(785)).toEqual({ height: 29, width: 28 })
    expect(wrapped(3)).toEqual({ height: 1, width: 3 })
  })

  it('is written in units in which its numbers can be told apart', () => {
    expect([0.0034, 5, 0.5, 12000, 0].map(powerOf)).toEqual([-3, 0, 0, 4, 0])
  })

  it('too small for its numbers shows the mean of those that share a pixel', () => {
    const numbers = Float32Array.from([1, 3, 10, 5, 7, 20, 2, 4, 6])
    expect(pooled(numbers, { height: 3, width: 3 }, 1, 1)).toEqual({ numbers, height: 3, width: 3 })
    const few = pooled(numbers, { height: 3, width: 3 }, 2, 2)
    expect(few).toEqual({ numbers: Float32Array.from([4, 15, 3, 6]), height: 2, width: 2 })
    expect(pooled(numbers, { height: 3, width: 3 }, 3, 1).numbers[1]).toBeCloseTo(32 / 3, 5)
    expect(pooled([1, NaN, 3], { height: 1, width: 3 }, 2, 1).numbers).toEqual(Float32Array.from([NaN, 3]))
  })

  it('whose last row is short has means of what is there', () => {
    const found = pooled([1, 2, 3, 4, 5], { height: 2, width: 4 }, 2, 1)
    expect(found).toEqual({ numbers: Float32Array.from([1.5, 3.5, 5]), height: 2, width: 2 })
  })

  it('knows of numbers that are none', () => {
    const image = { data: new Uint8ClampedArray(12) } as unknown as ImageData
    const extent = { scale: 'signed', low: -1, high: 1 } as const
    expect([[0, -3, 9], [0, NaN, 1], [Infinity, 0, 1]].map((numbers) => fill(image, numbers, extent, false))).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('a number on a colour', () => {
  /** How much light a colour gives (WCAG 2.2, relative luminance). */
  const light = (channels: readonly number[]): number => {
    const [red, green, blue] = channels.map((one) =>
      one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4,
    )
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
  }

  it.each(['signed', 'share', 'grey'] as ScaleName[])('is read on every colour of the scale %s', (scale) => {
    for (const dark of [false, true])
      for (let step = 0; step <= 200; step++) {
        const own = colour(step / 100 - 1, { scale, low: -1, high: 1 }, dark)
        const [less, more] = [light(own), inkOn(own) === '#fff' ? 1 : 0].sort((a, b) => a - b)
        expect((more! + 0.05) / (less! + 0.05)).toBeGreaterThanOrEqual(4.5)
      }
  })
})
