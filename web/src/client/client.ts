/** What a page knows of a record, and how it asks for more: the one interface, with a transport each for a file and a notebook. */

import type { Descriptions } from '../components/description'

/** A formula as arithmetic: a number, a letter, or an operator with what it works on. See `liuli/lab/trees.py`. */
export type Tree = number | string | readonly [string, ...unknown[]]

/** A number as JSON has it: ["number", "inf"] for one that JSON has no word for. */
export function plainNumber(tree: Tree): number {
  if (typeof tree === 'number') return tree
  return Number(String(tree[1]).replace('inf', 'Infinity'))
}

/** A number as the network had it, which may be missing; of a complex one also its two halves. */
export function captured(told: { captured: Tree | null; halves?: Tree[] }): Pick<Explanation, 'captured' | 'halves'> {
  const number = told.captured === null ? null : plainNumber(told.captured)
  return told.halves ? { captured: number, halves: told.halves.map(plainNumber) as [number, number] } : { captured: number }
}

export interface Formula {
  result: string
  body: Tree
  /** Letters that have a line of their own, such as the mean μ; a line may use those above it. */
  define: [string, Tree][]
}

/** What stands for a letter: one number, or elements of a value (or of its gradient) over the axes of the sums. */
export interface Letter {
  number?: number
  address?: string
  gradient?: boolean
  shape?: number[]
  flats?: ArrayLike<number>
  values?: ArrayLike<number>
}

/** How one operation made a number, or what came back from it. `reason`: it cannot be said, and why. */
export interface Part {
  operation: number
  formula: Formula
  letters: Record<string, Letter>
  reason?: string
}

export interface Explanation {
  address: string
  index: number
  direction: Direction
  /** The number as the network had it; null where there is none; of a complex one the magnitude. */
  captured: number | null
  /** The real and the imaginary part of a complex one. */
  halves?: [number, number]
  /** Forward one part, none where a number has no past; backward one for each operation that used the number. */
  parts: Part[]
}

export type Direction = 'forward' | 'backward'
export type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array

export interface Statistics {
  count: number
  finite: number
  minimum?: number
  maximum?: number
  mean?: number
  deviation?: number
  zeros?: number
  /** The place of the number that lies furthest from zero. */
  strongest?: number
}

export type ViewKind =
  'scalar' | 'vector' | 'matrix' | 'picture' | 'maps' | 'kernels' | 'attention' | 'shares' | 'gates' | 'words'

/** A small picture of a large value: planes of rows and columns, in 256 steps from `low` to `high`. */
export interface Sample {
  shape: [planes: number, height: number, width: number]
  data: number
  low: number
  high: number
}

export interface ValueFacts {
  address: string
  names: string[]
  origin: 'input' | 'parameter' | 'buffer' | 'constant' | 'operation' | 'draw'
  shape: number[]
  type: string
  producer: number | null
  users: number[]
  view: ViewKind
  gradient: boolean
  /** For each dimension that runs along words, which of `Manifest.words` these are. */
  axes?: (number | null)[] | null
  /** Whether its numbers stand for words. */
  spelled?: boolean
  statistics?: Statistics
  histogram?: number[] | null
  statisticsGradient?: Statistics
  histogramGradient?: number[] | null
  /** Numbers of the arrays that hold it, in a file. */
  data?: number
  dataGradient?: number
  /** The same of the real and imaginary parts, one after another, of complex numbers, whose `data` are magnitudes. */
  halves?: number
  halvesGradient?: number
  /** A small picture, where the whole does not go into a file. */
  sample?: Sample
  sampleGradient?: Sample
}

/** What one line gave at every step of a loop: see `liuli/lab/series.py`. */
export interface Series {
  name: string
  path: string
  steps: string[]
  /** The word of each step. */
  words: string[] | null
}

export interface OperationFacts {
  name: string
  path: string
  call: number
  /** Where it stands in the sources, its own line first: [number of the source, line]. */
  places: [number, number][]
  inputs: string[]
  outputs: string[]
  arguments: Record<string, string>
  multiplyAdds: number
  opened: string | null
  /** Of a function with a backward pass of its own: what it hands gradients to, and why no formula gives them. */
  handwritten?: { inputs: string[]; reason: string }
}

export interface ModuleFacts {
  path: string
  type: string
  call: number
  inputs: string[]
  outputs: string[]
  /** In the order of execution: operations by number, modules as they are. */
  inside: (number | ModuleFacts)[]
}

export interface SourceFacts {
  function: string
  first: number
  lines: string[]
}

export interface Manifest {
  liuli: string
  title: string
  /** Its name in the catalogue; empty for a module of one's own. */
  system: string
  input: string
  /** `ours`: which of the texts about the example are liuli's own. */
  answer: { text: string; ours: string[]; shares: string; labels: string[]; picture: string }
  /** The text about the system; nothing of a module of one's own. */
  about: Descriptions
  notes: [string, Record<string, string>][]
  remarks: string[]
  exact: boolean
  residual: number | null
  /** The number that is shown first: an address and a place. */
  begin: [string, number] | null
  inputs: string[]
  outputs: string[]
  loss: string | null
  modules: ModuleFacts
  words?: string[][]
  /** Which of `words` are names, of classes or of a whole vocabulary, in no sequence. */
  names?: number[]
  series?: Series[]
  sources: SourceFacts[]
  operations: OperationFacts[]
  values: ValueFacts[]
}

/** Numbers of a value that come and are drawn at once. */
export const FEW = 1 << 16

/** Which numbers of a value are drawn, and on how many pixels: see `liuli/lab/pooling.py`. */
export interface Pooling {
  start: number
  planes: number
  height: number
  width: number
  rows: number
  columns: number
  low: number
  high: number
}

/** Numbers that are not at hand: of a value too large for a file. */
export class Absent extends Error {
  constructor(readonly address: string) {
    super(address)
  }
}

/** A number that is set: in the place of what the record has at `index` (row-major) of the value at `address`. */
export interface Edit {
  address: string
  index: number
  number: number
}

/** The same by the word that the number stands for. */
export interface WordEdit {
  address: string
  index: number
  word: string
}

/** How far a value lies from what it was: ‖after − before‖ / max(‖before‖, ‖after‖); null where it is not finite. */
export interface Change {
  address: string
  relative: number | null
  largest: number | null
}

/** A record made anew with numbers set, beside the one that it was made from: see `liuli/lab/whatif.py`. */
export interface Edited {
  client: Client
  /** With what stood there; null: no finite number. */
  edits: (Edit & { was: number | null })[]
  answers: {
    before: string
    after: string
    shares: { label: string; before: number | null; after: number | null }[]
  }
  /** The values that changed most, the most first; `count` of all `of` did. */
  changed: Change[]
  count: number
  of: number
  /** Where the network took another way than before. */
  parted: string | null
  /** after − before. Throws `Absent`. */
  difference(address: string, gradient: boolean): Promise<Numbers>
}

/** How an optimizer would move a weight; `assumed`: nobody has named one, `first`: it remembers nothing yet. */
export interface Step {
  optimizer: string
  assumed: boolean
  first: boolean
  before: Tree
  after: Tree
  change: Tree
  part: Part
}

export interface Client {
  readonly manifest: Manifest
  /** The optimizer's next step on a weight. */
  step?(address: string, index: number): Promise<Step>
  /** The network run again with numbers set, where it is at hand. */
  whatif?(edits: (Edit | WordEdit)[]): Promise<Edited>
  /** Elements `start` to `start + count` of a value or of its gradient, in row-major order. Throws `Absent`. */
  slice(address: string, gradient: boolean, start?: number, count?: number): Promise<Numbers>
  /** How one number came to be, or its gradient. Throws `Absent`. */
  explain(address: string, index: number, direction: Direction): Promise<Explanation>
  /** Means of neighbours in 256 steps from `low` to `high`, made where the numbers are; null: draw the numbers. */
  picture?(address: string, gradient: boolean, pooling: Pooling): Promise<Uint8Array | null>
  /** The small picture of a value that is not at hand whole: its numbers plane by plane. */
  sample?(address: string, gradient: boolean): Promise<{ numbers: Float32Array; shape: Sample['shape'] } | null>
  /** The numbers of such a value that are explained nevertheless. */
  explained?(address: string): number[]
}
