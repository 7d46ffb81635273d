import { describe, expect, it } from 'vitest'

import type { Letter, Part, Tree } from '../src/client/client'
import { arranged } from '../src/client/pack'
import { Evaluation } from '../src/formula/evaluate'
import { FUNCTIONS } from '../src/formula/functions'
import { read } from '../src/formula/lines'
import { mathml } from '../src/formula/mathml'
import { equation, write } from '../src/formula/notation'
import { indexOf, flatOf, projected } from '../src/formula/shape'
import { spoken, type Say } from '../src/formula/words'
import { windowsOf } from '../src/formula/windows'
import { say, texts } from '../src/i18n/texts.svelte'

const column = (values: number[], address = '%0', shape = [values.length]): Letter => ({
  address,
  shape,
  flats: values.map((_, place) => place),
  values,
})

const part = (body: Tree, letters: Record<string, Letter>, define: [string, Tree][] = []): Part => ({
  operation: 0,
  formula: { result: 'y', body, define },
  letters,
})

describe('a formula', () => {
  it('is computed over sums, powers and letters with a line of their own', () => {
    const softmax = part(
      ['/', ['exp', ['+', 'x[i]', ['*', -1, 'm']]], 'S'],
      { 'x[i]': { ...column([2]), shape: [] }, 'x[k]': column([1, 2, 0]) },
      [
        ['m', ['fold', 'max', 'k', 0, 'x[k]']],
        ['S', ['fold', 'sum', 'k', 0, ['exp', ['+', 'x[k]', ['*', -1, 'm']]]]],
      ],
    )
    expect(new Evaluation(softmax).result()).toBeCloseTo(1 / (1 + Math.exp(-1) + Math.exp(-2)), 15)
  })

  it('follows the branch that is taken', () => {
    const relu = (a: number): number =>
      new Evaluation(part(['where', ['gt', 'a', 0], 'a', 0], { a: { number: a } })).result()
    expect([relu(2), relu(0), relu(-1)]).toEqual([2, 0, 0])
  })

  it('takes the first among equals, unless the operation chose another', () => {
    const place = (winner?: number): number => {
      const letters: Record<string, Letter> = { x: column([1, 3, 3]) }
      if (winner !== undefined) letters['winner k'] = { number: winner }
      return new Evaluation(part(['fold', 'argmax', 'k', 0, 'x[k]'], letters)).result()
    }
    expect([place(), place(2), place(0)]).toEqual([1, 2, 1])
  })

  it('adds nothing where no element stands for its letters', () => {
    expect(new Evaluation(part(['fold', 'sum', 'k', 0, 'x[k]'], { x: column([]) })).result()).toBe(0)
  })

  it('knows infinity and NaN', () => {
    expect(new Evaluation(part(['+', ['number', '-inf'], 1], {})).result()).toBe(-Infinity)
    expect(new Evaluation(part('a', { a: { number: NaN } })).result()).toBeNaN()
  })
})

describe('special functions', () => {
  it.each([
    ['erf', 0.5, 0.5204998778130465],
    ['erf', 3.1, 0.9999883513426328],
    ['erf', -2.4999, -0.9995928300996628],
    ['erfinv', 0.9, 1.1630871536766743],
    ['lgamma', 4.5, 2.4537365708424423],
    ['digamma', 0.3, -3.5025242222001332],
    ['round', 2.5, 2],
    ['round', -1.5, -2],
  ])('%s(%d)', (name, x, y) => {
    expect(FUNCTIONS[name]!(x)).toBeCloseTo(y, 12)
  })
})

describe('terms', () => {
  const linear = part(['+', ['fold', 'sum', 'k', 0, ['*', 'W[o,k]', 'x[n,k]']], 'b[o]'], {
    W: column([1, 2, 3], 'w'),
    x: column([4, -5, 6], '%1'),
    b: { ...column([0.5], 'bias'), shape: [] },
  })

  it('of a sum stand in the order of reading, what is added beside it last', () => {
    const [line] = read(linear).lines
    expect(line!.terms[0]!.terms.map(({ value }) => value)).toEqual([4, -10, 18, 0.5])
    expect(line!.terms[0]!.terms[1]!.factors.map(({ operand }) => [operand!.address, operand!.flat])).toEqual([
      ['w', 1],
      ['%1', 1],
    ])
    expect(line!.value).toBe(12.5)
  })

  it('of a maximum say which was taken', () => {
    const [line] = read(part(['fold', 'max', 'u,v', 0, 'x[u,v]'], { 'x[u,v]': column([1, 7, 3]) })).lines
    expect(line!.terms[0]!.chosen).toBe(1)
  })

  it('of a convolution lie in windows, at the rim too', () => {
    const letters = {
      W: { address: 'w', shape: [3], flats: [4, 5, 13], values: [1, 2, 3] }, // of (1, 2, 3, 3): the rest lies outside
      x: { address: '%1', shape: [3], flats: [0, 1, 16], values: [1, 1, 1] },
    }
    const { lines } = read(part(['fold', 'sum', 'c,u,v', 0, ['*', 'W[o,c,u,v]', 'x[n,c,i+u,j+v]']], letters))
    const windows = windowsOf(lines[0]!.terms[0]!, (address) => (address === 'w' ? [1, 2, 3, 3] : [1, 2, 4, 4]))!
    expect(windows.letters).toEqual(['x[n,c,i+u,j+v]', 'W[o,c,u,v]'])
    expect(windows.list.map(({ channel, value }) => [channel, value])).toEqual([
      [0, 3],
      [1, 3],
    ])
    expect(windows.list[0]!.cells.map(({ row, column: at }) => [row, at])).toEqual([
      [1, 1],
      [1, 2],
    ])
    expect(windows.list[0]!.height).toBe(3)
  })
})

describe('notation', () => {
  const notation = mathml(String, { if: 'if', else: 'else', ranked: 'ranked', place: 'place' })

  it('takes signs out of sums and sets parentheses where they are needed', () => {
    expect(write(['+', 'a', ['*', -1, 'b', 'c']], notation)).toBe('<mi>a</mi><mo>−</mo><mi>b</mi><mo>·</mo><mi>c</mi>')
    expect(write(['*', ['+', 'a', 'b'], 'c'], notation)).toContain('<mo>(</mo><mi>a</mi><mo>+</mo><mi>b</mi><mo>)</mo>')
    expect(write(['^', ['+', 'x', 1], 0.5], notation)).toBe(
      '<msqrt><mrow><mi>x</mi><mo>+</mo><mn>1</mn></mrow></msqrt>',
    )
  })

  it('writes subscripts, squares and gradients', () => {
    expect(write('x[i,j-1]', notation)).toBe('<msub><mi>x</mi><mtext>i,j−1</mtext></msub>')
    expect(write('σ_sq', notation)).toBe('<msup><mi>σ</mi><mn>2</mn></msup>')
    expect(write('β_1', notation)).toBe('<msub><mi>β</mi><mtext>1</mtext></msub>')
    expect(write('∂L/∂y', notation)).toContain('<mfrac>')
  })

  it('escapes what is typed', () => {
    expect(write('a<b', notation)).not.toContain('a<b')
  })

  it('is read aloud in both languages', () => {
    const tree: Tree = ['+', ['fold', 'sum', 'k', 0, ['*', 'W[o,k]', 'x[k]']], 'b']
    texts.language = 'zh-TW'
    expect(equation('y', tree, spoken(say as Say, texts.number))).toBe('y 等於 對 k 加總 W 下標 o k 乘 x 下標 k 加 b')
    texts.language = 'en'
    const english = equation('y', tree, spoken(say as Say, texts.number))
    expect(english).toBe('y equals the sum over k of W of o k times x of k plus b')
  })
})

describe('places', () => {
  it('go there and back', () => {
    for (let flat = 0; flat < 24; flat++) expect(flatOf(indexOf(flat, [2, 3, 4]), [2, 3, 4])).toBe(flat)
  })

  it('are projected onto what is broadcast', () => {
    expect(Array.from({ length: 6 }, (_, flat) => projected(flat, [2, 3], [3]))).toEqual([0, 1, 2, 0, 1, 2])
    expect(Array.from({ length: 6 }, (_, flat) => projected(flat, [2, 3], [2, 1]))).toEqual([0, 0, 0, 1, 1, 1])
  })

  it('of bytes are put together again', () => {
    const numbers = Float32Array.from([1.5, -2, 1e-9])
    const bytes = new Uint8Array(numbers.buffer)
    const sorted = Uint8Array.from({ length: 12 }, (_, i) => bytes[(i % 3) * 4 + Math.floor(i / 3)]!)
    expect(arranged(sorted, 'f4')).toEqual(numbers)
  })
})
