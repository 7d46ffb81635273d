/** Which elements belong together: the windows of a pool, the rows of a softmax. */

import { indexOf, product, strides } from '../formula/shape'

export interface WindowFacts {
  /** For each dimension and each place of the output, the places of the input. */
  spans: number[][][]
  sizes: number[]
}

/** The elements of the input that an output stands for. */
export function inWindow({ spans, sizes }: WindowFacts, output: number): number[] {
  const counts = spans.map((span) => span.length)
  const channel = Math.floor(output / product(counts))
  const index = indexOf(output % product(counts), counts)
  let found = [channel * product(sizes)]
  strides(sizes).forEach((step, d) => {
    found = found.flatMap((start) => spans[d]![index[d]!]!.map((place) => start + place * step))
  })
  return found
}

/** The outputs whose windows an element lies in, and its place in each. */
export function inWindows(facts: WindowFacts, flat: number): [output: number, place: number][] {
  const { spans, sizes } = facts
  const counts = spans.map((span) => span.length)
  const index = indexOf(flat % product(sizes), sizes)
  let found = [Math.floor(flat / product(sizes)) * product(counts)]
  strides(counts).forEach((step, d) => {
    const inside = spans[d]!.flatMap((span, number) => (span.includes(index[d]!) ? [number] : []))
    found = found.flatMap((start) => inside.map((number) => start + number * step))
  })
  return found.map((output) => [output, inWindow(facts, output).indexOf(flat)])
}

export interface RowsFacts {
  shape: number[]
  dims: number[]
}

/** A tensor cut into rows along `dims`: see `liuli/explaining/families/rows.py`. */
export class Rows {
  private readonly steps: number[]
  private readonly others: number[]

  constructor(private readonly facts: RowsFacts) {
    this.steps = strides(facts.shape)
    this.others = facts.shape.map((_, d) => d).filter((d) => !facts.dims.includes(d))
  }

  members(row: number): number[] {
    const start = this.offset(this.others, row)
    const count = product(this.facts.dims.map((d) => this.facts.shape[d]!))
    return Array.from({ length: count }, (_, place) => start + this.offset(this.facts.dims, place))
  }

  row(flat: number): number {
    return this.numbered(flat, this.others)
  }

  place(flat: number): number {
    return this.numbered(flat, this.facts.dims)
  }

  private numbered(flat: number, dims: number[]): number {
    const { shape } = this.facts
    return dims.reduce((number, d) => number * shape[d]! + (Math.floor(flat / this.steps[d]!) % shape[d]!), 0)
  }

  private offset(dims: number[], number: number): number {
    const index = indexOf(
      number,
      dims.map((d) => this.facts.shape[d]!),
    )
    return index.reduce((sum, place, i) => sum + place * this.steps[dims[i]!]!, 0)
  }
}
