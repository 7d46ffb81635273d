/** An explanation taken apart for a reader: its lines, their terms, and the operands of each. */

import type { Explanation, Part, Tree } from '../client/client'
import { Evaluation, numberOf, type Places } from './evaluate'

/** One number of the record in a formula. */
export interface Operand {
  letter: string
  address: string
  flat: number
  gradient: boolean
  value: number
}

/** A factor of a term: an operand as it is, or something computed from operands. */
export interface Factor {
  tree: Tree
  value: number
  operand: Operand | null
  /** In a computed factor; of one that says what a maximum took, the candidates. */
  inside: Operand[]
  /** The candidate that is meant; −1 where there are none. */
  own: number
}

export interface Term {
  /** Along the axis of the sum; −1 for what stands beside it, such as a bias. */
  place: number
  factors: Factor[]
  value: number
}

/** A sum, a maximum, …: the terms in the order of reading. */
export interface Terms {
  kind: string
  terms: Term[]
  value: number
  /** The place that a maximum took. */
  chosen: number
  /** Whether the terms make up the whole line. */
  whole: boolean
}

export interface Line {
  name: string
  tree: Tree
  value: number
  terms: Terms[]
  /** Of a line without terms. */
  operands: Operand[]
}

export interface Read {
  part: Part
  evaluation: Evaluation
  value: number
  /** The result first, then the letters defined on lines of their own. */
  lines: Line[]
}

const MOST_CANDIDATES = 16

/** A part of an explanation, read. */
export function read(part: Part): Read {
  const evaluation = new Evaluation(part)
  const { result, body, define } = part.formula
  const main = line(evaluation, result, body)
  const single = define.filter(([, tree]) => [0, 1, 2].every((axis) => evaluation.length(tree, axis) === 1))
  return {
    part,
    evaluation,
    value: main.value,
    lines: [main, ...single.map(([name, tree]) => line(evaluation, name, tree))],
  }
}

/** The number, computed again from its operands. */
export const recomputed = (explanation: Explanation): number =>
  explanation.parts.reduce((sum, part) => sum + new Evaluation(part).result(), 0)

/** The sum of the absolute terms: what a residual is to be measured by. */
export function magnitude(explanation: Explanation): number {
  const sizes = explanation.parts.map((part) => {
    const found = read(part)
    const terms = found.lines[0]!.terms.find(({ whole, kind }) => whole && kind === 'sum')
    return terms ? terms.terms.reduce((sum, { value }) => sum + Math.abs(value), 0) : Math.abs(found.value)
  })
  return sizes.reduce((sum, size) => sum + size, 0)
}

function line(evaluation: Evaluation, name: string, tree: Tree): Line {
  const value = evaluation.value(tree, [])
  const sum = termsOfSum(evaluation, tree)
  const terms = sum ? [sum] : folds(tree).map((fold) => termsOfFold(evaluation, fold, fold === tree))
  return { name, tree, value, terms, operands: terms.length ? [] : operands(evaluation, tree, []) }
}

/** The terms of a line that is a sum: those of its one running sum, and what stands beside it. */
function termsOfSum(evaluation: Evaluation, tree: Tree): Terms | null {
  const parts = isList(tree, '+') ? (tree.slice(1) as Tree[]) : [tree]
  const running = parts.filter((part) => isList(part, 'fold') && part[1] === 'sum')
  if (running.length > 1 || (!running.length && !isList(tree, '+'))) return null
  if (!running.length && parts.some((part) => folds(part).length)) return null
  const terms = parts.flatMap((part) =>
    isList(part, 'fold') ? termsOfFold(evaluation, part, true).terms : [term(evaluation, part, [], -1)],
  )
  const value = evaluation.value(tree, [])
  return { kind: 'sum', terms, value, chosen: -1, whole: true }
}

function termsOfFold(evaluation: Evaluation, fold: Tree, whole: boolean): Terms {
  const [, kind, variable, axis, body] = fold as [string, string, string, number, Tree]
  const terms = []
  const count = evaluation.count(body, axis)
  for (let place = 0; place < count; place++) {
    const places: (number | undefined)[] = []
    places[axis] = place
    terms.push(term(evaluation, body, places, place))
  }
  const values = terms.map(({ value }) => value)
  const picks = kind !== 'sum' && kind !== 'product' && count > 0
  const chosen = picks ? evaluation.best(kind, variable, values) : -1
  return { kind, terms, value: evaluation.value(fold, []), chosen, whole }
}

function term(evaluation: Evaluation, tree: Tree, places: Places, place: number): Term {
  const parts = isList(tree, '*') ? (tree.slice(1) as Tree[]) : [tree]
  const factors = parts.map((part) => factor(evaluation, part, places))
  return { place, factors, value: evaluation.value(tree, places) }
}

function factor(evaluation: Evaluation, tree: Tree, places: Places): Factor {
  const operand = typeof tree === 'string' ? operandOf(evaluation, tree, places) : null
  const value = evaluation.value(tree, places)
  if (isList(tree, 'chosen')) return { tree, value, operand, ...candidates(evaluation, tree, places) }
  return { tree, value, operand, inside: operand ? [] : operands(evaluation, tree, places), own: -1 }
}

/** What a maximum chose from, where that is a letter: all of it, or of many the chosen one and the one that is meant. */
function candidates(evaluation: Evaluation, tree: Tree, places: Places): { inside: Operand[]; own: number } {
  const [, kind, variable, axis, body, at] = tree as [string, string, string, number, Tree, string]
  if (typeof body !== 'string') return { inside: [], own: -1 }
  const own = evaluation.value(at, places)
  const values = evaluation.values(tree, places)
  const all = values.map((_, place) => place)
  const shown =
    all.length <= MOST_CANDIDATES
      ? all
      : all.filter((place) => place === own || place === evaluation.best(kind, variable, values))
  const inside = shown.map((place) => {
    const along = [...places]
    along[axis] = place
    return operandOf(evaluation, body, along)
  })
  return { inside: inside.filter((one) => one !== null), own: shown.indexOf(own) }
}

/** The operand that a letter stands for; null for a constant or a letter with a line of its own. */
function operandOf(evaluation: Evaluation, name: string, places: Places): Operand | null {
  const letter = evaluation.find(name)
  if (!letter?.address || !letter.flats) return null
  const element = evaluation.element(letter, places)
  if (Number.isNaN(element)) return null
  return {
    letter: name,
    address: letter.address,
    flat: letter.flats[element]!,
    gradient: letter.gradient ?? false,
    value: numberOf(letter, element),
  }
}

/** The operands in a tree, each once; those that a sum inside runs over are left to that sum. */
export function operands(evaluation: Evaluation, tree: Tree, places: Places): Operand[] {
  const found = new Map<string, Operand>()
  const walk = (node: Tree): void => {
    if (typeof node === 'string') {
      const operand = operandOf(evaluation, node, places)
      if (operand) found.set(`${operand.gradient} ${operand.address} ${operand.flat}`, operand)
    } else if (typeof node === 'object' && node[0] !== 'fold' && node[0] !== 'chosen' && node[0] !== 'number') {
      ;(node.slice(1) as Tree[]).forEach(walk)
    }
  }
  walk(tree)
  return [...found.values()]
}

/** The outermost folds in a tree. */
function folds(tree: Tree): Tree[] {
  if (typeof tree !== 'object' || tree[0] === 'number' || tree[0] === 'chosen') return []
  return tree[0] === 'fold' ? [tree] : (tree.slice(1) as Tree[]).flatMap(folds)
}

export function isList(tree: Tree, sign: string): tree is readonly [string, ...unknown[]] {
  return typeof tree === 'object' && tree[0] === sign
}
