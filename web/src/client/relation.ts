/** Sums of products along shared indices, as `liuli/explaining/families/relation.py` has them. */

import { strides } from '../formula/shape'

/** big = small·stride + tap·dilation − padding; where that lies outside there is no term. */
export type Link = [big: string, small: string, tap: string, stride: number, dilation: number, padding: number]

export interface RelationFacts {
  sizes: Record<string, number>
  /** The indices of each tensor's dimensions; null: a dimension of length 1 that is broadcast. */
  tensors: Record<string, (string | null)[]>
  links: Link[]
}

type Index = Record<string, number>

/** For one element of tensor `name`: all the terms it is in, as the elements of every tensor in them. */
export function meeting(relation: RelationFacts, name: string, flat: number): Record<string, number[]> {
  const found: Record<string, number[]> = Object.fromEntries(Object.keys(relation.tensors).map((one) => [one, []]))
  const fixed = coordinates(relation, name, flat)
  if (!fixed) return found
  const steps = Object.entries(relation.tensors).map(
    ([tensor, indices]) => [tensor, stepsOf(relation, indices)] as const,
  )
  walk(relation, fixed, (index) => {
    for (const [tensor, own] of steps) {
      found[tensor]!.push(own.reduce((sum, [letter, step]) => sum + (letter ? index[letter]! * step : 0), 0))
    }
  })
  return found
}

function stepsOf({ sizes }: RelationFacts, indices: (string | null)[]): [string | null, number][] {
  const steps = strides(indices.map((letter) => (letter ? sizes[letter]! : 1)))
  return indices.map((letter, i) => [letter, steps[i]!])
}

/** The indices of one element; null where a tensor with a repeated index has it off its diagonal. */
function coordinates(relation: RelationFacts, name: string, flat: number): Index | null {
  const found: Index = {}
  for (const [letter, step] of stepsOf(relation, relation.tensors[name]!)) {
    if (!letter) continue
    const place = Math.floor(flat / step) % relation.sizes[letter]!
    if (found[letter] !== undefined && found[letter] !== place) return null
    found[letter] = place
  }
  return found
}

/** Every combination of the free indices that lies inside, in row-major order. */
function walk(relation: RelationFacts, fixed: Index, visit: (index: Index) => void): void {
  const { sizes, tensors, links } = relation
  const used = new Set(Object.values(tensors).flat())
  const derived = new Set(links.map(([big, small]) => (big in fixed ? small : big)))
  const free = Object.keys(sizes).filter((letter) => used.has(letter) && !(letter in fixed) && !derived.has(letter))
  const index: Index = { ...fixed }

  function close(): void {
    for (const [big, small, tap, stride, dilation, padding] of links) {
      if (big in fixed) {
        const reach = fixed[big]! + padding - index[tap]! * dilation
        const place = reach / stride
        if (!Number.isInteger(place) || place < 0 || place >= sizes[small]!) return
        if (small in fixed && fixed[small] !== place) return
        index[small] = place
      } else {
        const place = index[small]! * stride + index[tap]! * dilation - padding
        if (place < 0 || place >= sizes[big]!) return
        index[big] = place
      }
    }
    visit(index)
  }

  function along(depth: number): void {
    if (depth === free.length) return close()
    const letter = free[depth]!
    for (let place = 0; place < sizes[letter]!; place++) {
      index[letter] = place
      along(depth + 1)
    }
  }
  along(0)
}
