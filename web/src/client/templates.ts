/** From the template of an operation to the formula of one of its numbers: see `liuli/lab/templates.py`. */

import { indexOf, projected } from '../formula/shape'
import { plainNumber, type Formula, type Numbers, type Part, type Tree } from './client'
import { inWindow, Rows, type RowsFacts, type WindowFacts } from './places'
import { meeting, type RelationFacts } from './relation'

/** How a letter is found; numbers of arrays stand for their contents once they are read. */
export interface Rule {
  number?: Tree
  address?: string
  addresses?: string[]
  added?: number[]
  running?: boolean
  steps?: number[]
  table?: number
  row?: number
  rows?: number
  which?: number
  fill?: Tree
  still?: [number, number]
}

export interface Slope {
  letter: string
  slope: Tree
}

interface Common {
  formula: Formula
  slopes: Slope[]
  letters: Record<string, Rule>
}

export type Template =
  | ({ kind: 'relation' } & Omit<Common, 'slopes'> & RelationFacts)
  | ({ kind: 'window' } & WindowFacts & Common)
  | ({ kind: 'rows'; reduces: boolean } & RowsFacts & Common)
  | ({ kind: 'each' } & Common)
  | { kind: 'numbers'; numbers: Record<string, Part[][]> }
  | { kind: 'none'; reason: string }

export type Ruled = Exclude<Template, { kind: 'numbers' | 'none' }>

/** Everything that a template needs of the record around it. */
export interface Surroundings {
  shape: readonly number[] // of the output
  array(number: number): Numbers // of the pack, already read
}

/** What a letter stands for, before the numbers of the elements are put in. */
export type Found =
  { address: string; flats: number[]; shape: number[] } | { values: number[]; shape: number[] } | { number: number }

export type Lookup = Record<string, Found>
export type Local = Exclude<Ruled, { kind: 'relation' }>

/** The letters of one number of the output. */
export function forward(template: Ruled, output: number, around: Surroundings): Lookup {
  return columns(template, [output], around, false)
}

/** The rule of a letter, looked up as it is written, else without its subscripts. */
export function ruleOf(template: Ruled, letter: string): Rule | undefined {
  return template.letters[letter] ?? template.letters[letter.split('[')[0]!]
}

/** The elements of every letter for several outputs: arrays over the axes of the sums, after one over j if `many`. */
export function columns(template: Ruled, outputs: number[], around: Surroundings, many: boolean): Lookup {
  const found: Lookup = {}
  const terms = template.kind === 'relation' ? meeting(template, 'y', outputs[0]!) : null
  for (const [name, rule] of Object.entries(template.letters)) {
    if (rule.number !== undefined) found[name] = { number: plainNumber(rule.number) }
    else if (rule.rows !== undefined) {
      const array = around.array(rule.rows)
      const values = outputs.map((output) => Number(array[rowOf(template, output)]))
      found[name] = many ? { values, shape: [outputs.length] } : { number: values[0]! }
    } else if (terms && !rule.added) {
      found[name] = { address: rule.address!, flats: terms[name]!, shape: [terms[name]!.length] }
    } else if (terms) {
      found[name] = { address: rule.address!, flats: [projected(outputs[0]!, around.shape, rule.added!)], shape: [] }
    } else {
      found[name] = many
        ? several(template as Local, rule, outputs, around)
        : single(template as Local, rule, outputs[0]!, around)
    }
  }
  return found
}

function single(template: Local, rule: Rule, output: number, around: Surroundings): Found {
  const { flats, running } = elements(template, rule, output, around)
  if (flats[0] === -1) return { number: plainNumber(rule.fill ?? 0) }
  return { address: addressOf(rule, around, output), flats, shape: running ? [flats.length] : [] }
}

/** A row for each output; one row where it is the same for all. */
function several(template: Local, rule: Rule, outputs: number[], around: Surroundings): Found {
  const address = addressOf(rule, around, outputs[0]!)
  const alike =
    template.kind === 'rows' && rule.running && new Set(outputs.map((one) => rowOf(template, one))).size === 1
  const every = (alike ? outputs.slice(0, 1) : outputs).map((one) => elements(template, rule, one, around))
  if (!every[0]!.running) return { address, flats: every.map((one) => one.flats[0]!), shape: [every.length] }
  const width = Math.max(...every.map((one) => one.flats.length))
  return { address, flats: every.flatMap((one) => padded(one.flats, width)), shape: [every.length, width] }
}

/** A window at the rim is smaller than others: its first element again changes neither maximum nor minimum. */
const padded = (flats: number[], width: number): number[] =>
  flats.concat(new Array<number>(width - flats.length).fill(flats[0]!))

/** The elements that a letter stands for in one output: several where a sum runs over them. */
export function elements(
  template: Local,
  rule: Rule,
  output: number,
  around: Surroundings,
): { flats: number[]; running: boolean } {
  if (template.kind === 'window' && rule.address) return { flats: inWindow(template, output), running: true }
  if (template.kind === 'rows' && rule.running) {
    return { flats: new Rows(template).members(rowOf(template, output)), running: true }
  }
  if (rule.row !== undefined)
    return { flats: [Number(around.array(rule.row)[rowOf(template, output)])], running: false }
  if (rule.steps || rule.table !== undefined) return { flats: [elementAt(rule, output, around)], running: false }
  return { flats: [0], running: false }
}

export function elementAt(rule: Rule, output: number, around: Surroundings): number {
  if (rule.table !== undefined) return Number(around.array(rule.table)[output])
  const [start, ...steps] = rule.steps!
  if (steps.length !== around.shape.length) return start! // one element for all
  return indexOf(output, around.shape).reduce((sum, place, i) => sum + place * steps[i]!, start!)
}

export function addressOf(rule: Rule, around: Surroundings, output: number): string {
  if (!rule.addresses) return rule.address ?? ''
  return rule.addresses[rule.which === undefined ? 0 : Number(around.array(rule.which)[output])] ?? ''
}

export function rowOf(template: Ruled, output: number): number {
  if (template.kind !== 'rows') return output
  return template.reduces ? output : new Rows(template).row(output)
}
