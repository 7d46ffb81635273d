/** The road as a table, a row for each year and a column for each family, and the lines that go through it. */

import type { Stop } from './api'

const ORDER = ['foundations', 'vision', 'detection', 'sequence', 'language', 'generative', 'graphs', 'decisions']

export interface Year {
  year: number
  cells: Record<string, Stop[]>
}

export function lanes(stops: Stop[]): { families: string[]; years: Year[] } {
  const place = (family: string): number => (ORDER.includes(family) ? ORDER.indexOf(family) : ORDER.length)
  const families = [...new Set(stops.map((stop) => stop.family))].sort((a, b) => place(a) - place(b))
  const years = new Map<number, Year>()
  for (const stop of [...stops].sort((a, b) => a.year - b.year)) {
    const row = years.get(stop.year) ?? { year: stop.year, cells: {} }
    ;(row.cells[stop.family] ??= []).push(stop)
    years.set(stop.year, row)
  }
  return { families, years: [...years.values()] }
}

export interface Line {
  from: string
  to: string
  path: string
}

type Point = readonly [number, number]
type Box = { left: number; right: number; top: number; bottom: number; row: number }

const GUTTER = 7 // px from a card to the lines beside it
const APART = 3 // px between lines of different systems that go side by side
const ROUND = 5 // px: radius of a corner

/** A line from each system to those that grew out of it, in the coordinates of `field`, which holds their cards. */
export function lines(stops: Stop[], field: HTMLElement): Line[] {
  const origin = field.getBoundingClientRect()
  const boxes = new Map<string, Box>()
  for (const card of field.querySelectorAll<HTMLElement>('[data-stop]')) {
    const { left, right, top, bottom } = card.getBoundingClientRect()
    const row = card.closest('ol > li')!.getBoundingClientRect().top - origin.top
    const [x, y] = [origin.left, origin.top]
    boxes.set(card.dataset['stop']!, { left: left - x, right: right - x, top: top - y, bottom: bottom - y, row })
  }
  return stops.flatMap((stop) =>
    stop.parents.flatMap((parent) => {
      const [above, below] = [boxes.get(parent), boxes.get(stop.name)]
      const shift = ([...boxes.keys()].indexOf(parent) % 3) - 1
      return above && below ? [{ from: parent, to: stop.name, path: rounded(way(above, below, shift * APART)) }] : []
    }),
  )
}

/** Beside the cards and between the years, so that no line goes behind a card and seems to come out of it. */
export function way(above: Box, below: Box, shift: number): Point[] {
  const [from, to] = [(above.top + above.bottom) / 2, below.top + 16 + shift]
  const [out, into] = below.left > above.left ? ['right', 'left'] as const : below.left < above.left ? ['left', 'right'] as const : ['left', 'left'] as const
  const beside = (box: Box, side: 'left' | 'right'): number => box[side] + (side === 'left' ? -GUTTER : GUTTER) + shift
  const [first, last, between] = [beside(above, out), beside(below, into), below.row + 3 + shift]
  const turns: Point[] =
    Math.abs(first - last) < 3 * GUTTER ? [[last, from], [last, to]] : [[first, from], [first, between], [last, between], [last, to]]
  return [[above[out], from], ...turns, [below[into], to]]
}

/** A path through the points, its corners round. */
function rounded(points: Point[]): string {
  const corners = points.slice(1, -1).map(([x, y], i) => {
    const near = ([a, b]: Point): string => {
      const reach = Math.min(ROUND / Math.max(Math.hypot(a - x, b - y), 1e-9), 0.5)
      return `${x + (a - x) * reach} ${y + (b - y) * reach}`
    }
    return `L${near(points[i]!)}Q${x} ${y} ${near(points[i + 2]!)}`
  })
  return `M${points[0]!.join(' ')}${corners.join('')}L${points.at(-1)!.join(' ')}`
}
