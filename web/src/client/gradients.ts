/** From the template of an operation to what comes back through it: how a gradient is made of those behind it. */

import { product, projected } from '../formula/shape'
import { plainNumber, type Formula, type Tree } from './client'
import { inWindows, Rows } from './places'
import { meeting } from './relation'
import {
  addressOf,
  columns,
  elementAt,
  elements,
  rowOf,
  ruleOf,
  type Local,
  type Lookup,
  type Rule,
  type Ruled,
  type Surroundings,
} from './templates'

/** One use of an operand: the outputs it takes part in, and where along the axis of a sum it stands in each. */
interface Use {
  letter: string
  slope: Tree
  outputs: number[]
  places: number[]
}

/** How a gradient comes back: Σ_j of the gradient of output j × the slope there, for each slope. */
export function backward(
  template: Ruled,
  address: string,
  flat: number,
  output: string,
  around: Surroundings,
): { formula: Formula; letters: Lookup }[] {
  if (template.kind === 'relation') return backwardOfRelation(template, address, flat, output, around)
  const found = []
  for (const use of uses(template, address, flat, around)) {
    if (!use.outputs.length) continue
    const letters: Lookup = {
      [UPSTREAM]: { address: output, flats: use.outputs, shape: [use.outputs.length] },
      ...columns(template, use.outputs, around, true),
    }
    for (const [name, letter] of Object.entries(atPlaces(template, use, around))) letters[name] = letter
    found.push({ formula: summed(use, template.formula), letters })
  }
  return found
}

export const UPSTREAM = '∂L/∂y'
const AT = '′' // marks a letter at one place of a sum

/** Σ_j ∂L/∂y · slope, its inner axes moved one on to make room for j. */
function summed({ letter, slope }: Use, formula: Formula): Formula {
  const moved = (tree: Tree): Tree => {
    if (typeof tree !== 'object') return tree
    const [sign, ...parts] = tree as [string, ...Tree[]]
    if (sign === 'at') return `${parts[0] as string}${AT}`
    if (sign === 'fold' || sign === 'chosen') {
      const [kind, variable, axis, body] = parts as [string, string, number, Tree]
      return [sign, kind, variable, axis + 1, moved(body), ...(sign === 'chosen' ? [PLACE] : [])]
    }
    return [sign, ...parts.map(moved)]
  }
  const product = typeof slope === 'object' && slope[0] === '*'
  const factors = slope === 1 ? [] : (product ? (slope.slice(1) as Tree[]) : [slope]).map(moved)
  const body: Tree = factors.length ? ['*', UPSTREAM, ...factors] : UPSTREAM
  const define = formula.define.map(([name, tree]): [string, Tree] => [name, moved(tree)])
  return { result: `∂L/∂${letter}`, body: ['fold', 'sum', 'j', 0, body], define }
}

const PLACE = 'place'

/** The letters of slopes at the place of the operand itself, and that place. */
function atPlaces(template: Local, use: Use, around: Surroundings): Lookup {
  const found: Lookup = {}
  const count = use.outputs.length
  for (const [name, rule] of Object.entries(template.letters)) {
    const column = use.outputs.map((output, j) => {
      const inside = elements(template, rule, output, around)
      return inside.flats.length > 1 || inside.running ? inside.flats[use.places[j]!]! : inside.flats[0]!
    })
    if (rule.number !== undefined) found[name + AT] = { number: plainNumber(rule.number) }
    else if (rule.rows !== undefined) {
      const array = around.array(rule.rows)
      found[name + AT] = { values: use.outputs.map((output) => Number(array[rowOf(template, output)])), shape: [count] }
    } else found[name + AT] = { address: addressOf(rule, around, use.outputs[0]!), flats: column, shape: [count] }
  }
  found[PLACE] = { values: use.places, shape: [count] }
  return found
}

/** The outputs that an element of an operand takes part in, by each letter that it may stand for. */
function uses(template: Local, address: string, flat: number, around: Surroundings): Use[] {
  return template.slopes.flatMap(({ letter, slope }) => {
    const rule = ruleOf(template, letter)!
    if (rule.still && flat >= rule.still[0] && flat < rule.still[1]) return []
    const every = met(template, rule, address, flat, around)
    return [{ letter, slope, outputs: every.map(([output]) => output), places: every.map(([, place]) => place) }]
  })
}

/** Every output for which `rule` finds element `flat` of `address`, and the place of it along the sum. */
function met(
  template: Local,
  rule: Rule,
  address: string,
  flat: number,
  around: Surroundings,
): [output: number, place: number][] {
  const found: [number, number][] = []
  if (template.kind === 'window') {
    if (rule.address !== address) return []
    return inWindows(template, flat)
  }
  if (template.kind === 'rows' && (rule.running || rule.row !== undefined)) {
    if (rule.address !== address) return []
    const rows = new Rows(template)
    if (rule.running) {
      const row = rows.row(flat)
      const place = rows.place(flat)
      if (template.reduces) return [[row, place]]
      return rows.members(row).map((output) => [output, place])
    }
    around.array(rule.row!).forEach((one, row) => {
      if (one === flat) found.push(...rows.members(row).map((output): [number, number] => [output, 0]))
    })
    return found
  }
  const count = product(around.shape)
  for (let output = 0; output < count; output++) {
    if (elementAt(rule, output, around) === flat && addressOf(rule, around, output) === address) found.push([output, 0])
  }
  return found
}

function backwardOfRelation(
  template: Extract<Ruled, { kind: 'relation' }>,
  address: string,
  flat: number,
  output: string,
  around: Surroundings,
): { formula: Formula; letters: Lookup }[] {
  const found: { formula: Formula; letters: Lookup }[] = []
  const constants: Lookup = {}
  for (const [name, rule] of Object.entries(template.letters)) {
    if (rule.number !== undefined) constants[name] = { number: plainNumber(rule.number) }
  }
  for (const [name, rule] of Object.entries(template.letters)) {
    if (rule.address !== address) continue
    if (rule.added) {
      const outputs = []
      for (let one = 0; one < product(around.shape); one++) {
        if (projected(one, around.shape, rule.added) === flat) outputs.push(one)
      }
      const factors = constants['β'] ? ['β'] : []
      found.push(weighted(name, factors, [], { [UPSTREAM]: column(output, outputs), ...constants }))
      continue
    }
    const terms = meeting(template, name, flat)
    const others = Object.keys(template.tensors).filter((other) => other !== 'y' && other !== name)
    const letters: Lookup = { [UPSTREAM]: column(output, terms['y']!), ...constants }
    for (const other of others) letters[other] = column(template.letters[other]!.address!, terms[other]!)
    found.push(weighted(name, constants['α'] ? ['α'] : [], others, letters))
  }
  return found
}

const column = (address: string, flats: number[]): Lookup[string] => ({ address, flats, shape: [flats.length] })

function weighted(
  name: string,
  factors: string[],
  others: string[],
  letters: Lookup,
): { formula: Formula; letters: Lookup } {
  const body: Tree = others.length ? ['*', UPSTREAM, ...others] : UPSTREAM
  const sum: Tree = ['fold', 'sum', 'j', 0, body]
  return {
    formula: { result: `∂L/∂${name}`, body: factors.length ? ['*', ...factors, sum] : sum, define: [] },
    letters,
  }
}
