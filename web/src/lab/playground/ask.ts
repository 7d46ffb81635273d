/** What the playground asks of the server, and what it says. See `liuli/lab/routes/playground.py`. */

import type { Formula, Letter, Numbers } from '../../client/client'
import { TYPES, type PackedType } from '../../client/pack'
import { api } from '../api'
import type { Racer, RaceSetup, Setup } from './address'

export type Point = [x: number, y: number, label: number]

/** A network that learns: its points, the first `learnt` of them to learn from. */
export interface Begun {
  network: string
  points: Point[]
  learnt: number
  classes: number
  reach: number
}

export interface LayerFacts {
  name: string
  weight: number[][]
  bias: number[]
}

export interface Figures {
  loss: number | null
  wrong: number
  count: number
}

export interface State {
  steps: number
  ended: '' | 'separated' | 'diverged'
  layers: LayerFacts[]
  extents: number[]
  figures: { train: Figures; test: Figures | null }
  /** Of the inputs and every hidden unit, then of the answer, and where two last units put the points. */
  arrays: Packed[]
}

export interface Packed {
  shape: number[]
  numbers: Numbers
}

/** A formula with a number for every letter. */
export interface Told {
  formula: Formula
  letters: Record<string, Letter>
}

/** Where a layer's sums and activations stand in a record. */
export interface Place {
  name: string
  sum: string
  activation: string
}

export interface PointRecord {
  record: string
  layers: Place[]
}

export interface Move extends PointRecord {
  name: string
  index: number[]
  before: number
  gradient: number
  after: number
  computed: number
  part: Told
}

export interface SurfaceFacts {
  name: string
  formulas: Formula[]
  window: [left: number, right: number, low: number, high: number]
  start: [number, number]
  minima: [number, number][]
  rates: Record<string, number>
  levels: number[]
  arrays: Packed[]
}

export interface Ran {
  racers: (Racer & { steps: number; diverged: boolean })[]
  /** Of each racer (steps + 1, 3): x, y, f. */
  arrays: Packed[]
}

/** Where a racer stands after so many steps: x, y, f(x, y); where it ended, if it has made fewer. */
export function placeOf(ran: Ran, racer: number, step: number): [number, number, number] {
  const { numbers, shape } = ran.arrays[racer]!
  const at = Math.min(step, shape[0]! - 1) * 3
  return [numbers[at]!, numbers[at + 1]!, numbers[at + 2]!]
}

export interface Stride {
  racer: number
  step: number
  before: [number, number]
  after: [number, number]
  gradient: [number, number]
  parts: Told[]
}

export interface Table {
  points: Point[]
  names: string[]
  scaled: { mean: number[]; deviation: number[] } | null
}

/** JSON and arrays in one answer, as `packed` in `liuli/lab/playground/asking.py` lays them. */
function unpacked<T>(content: ArrayBuffer): T & { arrays: Packed[] } {
  const length = new DataView(content).getUint32(0, true)
  const told = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 4, length))) as T & {
    arrays: { type: PackedType; shape: number[]; start: number }[]
  }
  const arrays = told.arrays.map(({ type, shape, start }) => ({
    shape,
    numbers: new TYPES[type](
      content,
      4 + length + start,
      shape.reduce((one, other) => one * other, 1),
    ),
  }))
  return { ...told, arrays }
}

const HOME = '/api/playground'
const posted = (content: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(content) })
const binary = async <T>(path: string, options?: RequestInit): Promise<T & { arrays: Packed[] }> =>
  unpacked<T>(await (await api.fetched(`${HOME}${path}`, options)).arrayBuffer())

export const ask = {
  begin: (setup: Setup, points: Point[]) => api.told<Begun>(`${HOME}/networks`, posted({ ...setup, points })),
  steps: (network: string, count: number): Promise<State> => binary(`/networks/${network}/steps`, posted({ count })),
  record: (network: string, [x, y, label]: Point) =>
    api.told<PointRecord>(`${HOME}/networks/${network}/records`, posted({ x, y, class: label })),
  move: (network: string, name: string, index: number[]) =>
    api.told<Move>(`${HOME}/networks/${network}/moves`, posted({ name, index })),
  table: (file: Blob) => api.told<Table>(`${HOME}/points`, { method: 'POST', body: file }),
  surface: (name: string): Promise<SurfaceFacts> => binary(`/surfaces/${name}`),
  race: (setup: RaceSetup): Promise<Ran> => binary('/races', posted(setup)),
  stride: (setup: RaceSetup, racer: number, step: number) =>
    api.told<Stride>(`${HOME}/races/steps`, posted({ ...setup, racer, step })),
}
