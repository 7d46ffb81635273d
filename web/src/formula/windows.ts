/** Terms that stand for places in a picture: the window and the kernel of a convolution, the window of a pool. */

import type { Operand, Term, Terms } from './lines'
import { indexOf } from './shape'

export interface Cell {
  row: number
  column: number
  term: Term
  /** In the order of `Window.letters`. */
  operands: Operand[]
}

/** The terms of one channel. */
export interface Window {
  channel: number
  height: number
  width: number
  cells: Cell[]
  /** What the channel adds. */
  value: number
}

export interface Windows {
  /** The letter of each grid: the window first, then what it is multiplied with. */
  letters: string[]
  list: Window[]
}

/**
 * The terms as windows, the channel that adds most first; null where they are no places of a picture.
 *
 * Places are those of the kernel, where there is one: a window at the rim then lies in it as it does in the network.
 */
export function windowsOf(terms: Terms, shape: (address: string) => readonly number[]): Windows | null {
  const inner = terms.terms.filter(({ place }) => place >= 0)
  const example = inner[0]
  if (inner.length < 2 || !example || !example.factors.every(({ operand }) => operand)) return null
  const letters = example.factors.map(({ operand }) => operand!.letter)
  if (letters.length > 2 || example.factors.some(({ operand }) => operand!.gradient)) return null
  const kernel = example.factors.findIndex(({ operand }) => shape(operand!.address).length >= 3 && letters.length === 2)
  const anchor = letters.length === 1 ? 0 : kernel
  if (anchor < 0 || shape(example.factors[anchor]!.operand!.address).length < 3) return null
  if (letters.length === 2 && !/^W\b/.test(letters[anchor]!)) return null
  const order = letters.length === 1 ? [0] : [1 - anchor, anchor]
  const transposed = letters[anchor]!.startsWith('W[c,')
  const list = new Map<number, Window>()
  for (const term of inner) {
    const { address, flat } = term.factors[anchor]!.operand!
    const places = indexOf(flat, shape(address))
    const [first, row, column] = places.slice(-3) as [number, number, number]
    const channel = transposed ? places[0]! : first
    const window = list.get(channel) ?? { channel, height: 0, width: 0, cells: [], value: 0 }
    window.cells.push({ row, column, term, operands: order.map((i) => term.factors[i]!.operand!) })
    window.value += term.value
    list.set(channel, window)
  }
  const found = [...list.values()].map((window) =>
    framed(window, letters.length === 2 ? shape(example.factors[anchor]!.operand!.address) : null),
  )
  found.sort((one, other) => Math.abs(other.value) - Math.abs(one.value))
  return { letters: order.map((i) => letters[i]!), list: found }
}

/** The grid that the cells lie in: the whole kernel, or as little as holds all of them. */
function framed(window: Window, kernel: readonly number[] | null): Window {
  if (kernel) return { ...window, height: kernel[kernel.length - 2]!, width: kernel[kernel.length - 1]! }
  const top = Math.min(...window.cells.map(({ row }) => row))
  const left = Math.min(...window.cells.map(({ column }) => column))
  const cells = window.cells.map((cell) => ({ ...cell, row: cell.row - top, column: cell.column - left }))
  const height = Math.max(...cells.map(({ row }) => row)) + 1
  const width = Math.max(...cells.map(({ column }) => column)) + 1
  return { ...window, cells, height, width }
}
