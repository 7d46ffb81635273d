/** Computing a formula again, in double precision, from the numbers that stand for its letters. */

import { plainNumber, type Letter, type Part, type Tree } from '../client/client'
import { FUNCTIONS } from './functions'

/** Where one stands along the axes of the sums around a letter. */
export type Places = readonly (number | undefined)[]

const SHARED = -1

/** The number of one element of a letter. */
export function numberOf(letter: Letter, element: number): number {
  const found = letter.values ? letter.values[element] : letter.number
  return found === undefined ? NaN : plainNumber(found)
}

export class Evaluation {
  private readonly defined: Map<string, Tree>
  private readonly axes = new Map<string, number[]>()
  private readonly known = new Map<string, number>()

  constructor(readonly part: Part) {
    this.defined = new Map(part.formula.define)
  }

  /** The number of the whole formula. */
  result(): number {
    return this.value(this.part.formula.body, [])
  }

  value(tree: Tree, places: Places): number {
    if (typeof tree === 'number') return tree
    if (typeof tree === 'string') return this.letter(tree, places)
    const [sign, ...parts] = tree as [string, ...Tree[]]
    switch (sign) {
      case '+':
        return parts.reduce<number>((sum, part) => sum + this.value(part, places), 0)
      case '*':
        return parts.reduce<number>((result, part) => result * this.value(part, places), 1)
      case '/':
        return this.value(parts[0]!, places) / this.value(parts[1]!, places)
      case '^':
        return Math.pow(this.value(parts[0]!, places), this.value(parts[1]!, places))
      case 'number':
        return plainNumber(tree)
      case 'fold':
        return this.fold(tree, places)
      case 'chosen':
        return this.chosen(tree, places)
      default:
        return FUNCTIONS[sign]!(...parts.map((part) => this.value(part, places)))
    }
  }

  /** Whether a sum has one term only, so that its sign need not be written. */
  single = (fold: Tree): boolean => {
    const [, kind, , axis, body] = fold as [string, string, string, number, Tree]
    return kind === 'sum' && this.count(body, axis) === 1
  }

  /** What stands for a letter: looked up as it is written, else without its subscripts. */
  find(name: string): Letter | undefined {
    return this.part.letters[name] ?? this.part.letters[name.split('[')[0]!]
  }

  /** The body of a letter that has a line of its own. */
  definition(name: string): Tree | undefined {
    return this.defined.get(name)
  }

  /** Which element of a letter is meant at `places`. */
  element(letter: Letter, places: Places): number {
    const shape = letter.shape ?? []
    let flat = 0
    for (let axis = 0; axis < shape.length; axis++) {
      const place = shape[axis]! > 1 ? (places[axis] ?? NaN) : 0
      flat = flat * shape[axis]! + place
    }
    return flat
  }

  private letter(name: string, places: Places): number {
    const letter = this.find(name)
    if (letter) return numberOf(letter, this.element(letter, places))
    const body = this.defined.get(name)
    if (body === undefined) return NaN
    const key = `${name} ${this.varying(name)
      .map((axis) => places[axis])
      .join(' ')}`
    let value = this.known.get(key)
    if (value === undefined) {
      value = this.value(body, places)
      this.known.set(key, value)
    }
    return value
  }

  /** The axes along which a defined letter has several values. */
  private varying(name: string): number[] {
    let found = this.axes.get(name)
    if (!found) {
      const body = this.defined.get(name)!
      found = [0, 1, 2, 3].filter((axis) => this.length(body, axis) > 1)
      this.axes.set(name, found)
    }
    return found
  }

  /** How many places `axis` has in `tree`; 1 where nothing runs over it. */
  length(tree: Tree, axis: number): number {
    if (typeof tree === 'number') return 1
    if (typeof tree === 'string') {
      const letter = this.find(tree)
      if (letter) return letter.shape?.[axis] ?? 1
      const body = this.defined.get(tree)
      return body === undefined ? 1 : this.length(body, axis)
    }
    const [sign, ...parts] = tree
    if (sign === 'number') return 1
    if (sign === 'fold' || sign === 'chosen') return parts[2] === axis ? 1 : this.length(parts[3] as Tree, axis)
    return (parts as Tree[]).reduce<number>((most, part) => Math.max(most, this.length(part, axis)), 1)
  }

  /** The values of a fold's body along its axis. */
  values(tree: Tree, places: Places): number[] {
    const [, , , axis, body] = tree as [string, string, string, number, Tree]
    const inside = [...places]
    const values = []
    const count = this.count(body, axis)
    for (let place = 0; place < count; place++) {
      inside[axis] = place
      values.push(this.value(body, inside))
    }
    return values
  }

  /** How many terms a fold has: none where no element stands for its letters. */
  count(body: Tree, axis: number): number {
    const empty = (tree: Tree): boolean => {
      if (typeof tree === 'string') return this.find(tree)?.shape?.[axis] === 0
      return Array.isArray(tree) && tree.slice(1).some((part) => empty(part as Tree))
    }
    return empty(body) ? 0 : this.length(body, axis)
  }

  private fold(tree: Tree, places: Places): number {
    const [, kind, variable] = tree as [string, string, string]
    const values = this.values(tree, places)
    switch (kind) {
      case 'sum':
        return values.reduce((sum, value) => sum + value, 0)
      case 'product':
        return values.reduce((result, value) => result * value, 1)
      case 'max':
        return values.reduce((most, value) => (value > most || Number.isNaN(value) ? value : most), -Infinity)
      case 'min':
        return values.reduce((least, value) => (value < least || Number.isNaN(value) ? value : least), Infinity)
      case 'ranked':
        return values[this.best(kind, variable, values)]!
      default:
        return this.best(kind, variable, values)
    }
  }

  /** The place of the element that is sought: the operation's own choice among equals, else the first. */
  best(kind: string, variable: string, values: number[]): number {
    const place = this.sought(kind, variable, values)
    const own = this.find(`winner ${variable}`)?.number
    const equal = own !== undefined && own >= 0 && (values[own] === values[place] || Number.isNaN(values[own]))
    return equal ? own : place
  }

  private sought(kind: string, variable: string, values: number[]): number {
    if (kind === 'ranked' || kind === 'place') {
      const order = values.map((_, place) => place).sort((a, b) => values[a]! - values[b]! || a - b)
      return order[this.find(`rank ${variable}`)?.number ?? 0]!
    }
    const least = kind === 'min' || kind === 'argmin'
    return values.reduce((best, value, i) => ((least ? value < values[best]! : value > values[best]!) ? i : best), 0)
  }

  /** 1 where the maximum or minimum stands, else 0; a part where equals share. */
  private chosen(tree: Tree, places: Places): number {
    const [, kind, variable, , , at] = tree as [string, string, string, number, Tree, string]
    const values = this.values(tree, places)
    const own = this.value(at, places)
    const best = this.best(kind, variable, values)
    if (this.find(`winner ${variable}`)?.number !== SHARED) return own === best ? 1 : 0
    const equal = values.filter((value) => value === values[best]).length
    return values[own] === values[best] ? 1 / equal : 0
  }
}
