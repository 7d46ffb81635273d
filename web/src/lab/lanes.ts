/** The road as a table, a column for each family, from the oldest row to the newest, and the lines that go through it. */

import type { Stop } from './api'

const ORDER = ['foundations', 'vision', 'detection', 'sequence', 'language', 'generative', 'graphs', 'decisions']

/** Some years that follow one another: no family has systems of two of them, and none grew out of another there. */
export interface Row {
  first: number
  last: number
  cells: Record<string, Stop[]>
}

/** What a system grew out of. */
export const origins = ({ parents, after }: Stop): string[] => [...parents, ...after]

export function lanes(stops: Stop[]): { families: string[]; rows: Row[] } {
  const place = (family: string): number => (ORDER.includes(family) ? ORDER.indexOf(family) : ORDER.length)
  const families = [...new Set(stops.map((stop) => stop.family))].sort((a, b) => place(a) - place(b))
  const rows: Row[] = []
  for (const year of [...new Set(stops.map((stop) => stop.year))].sort((a, b) => a - b)) {
    const mine = stops.filter((stop) => stop.year === year)
    const last = rows.at(-1)
    const held = new Set(Object.values(last?.cells ?? {}).flatMap((cell) => cell.map((stop) => stop.name)))
    const fits = mine.every((stop) => !last?.cells[stop.family] && !origins(stop).some((name) => held.has(name)))
    const row = last && fits ? last : { first: year, last: year, cells: {} }
    if (row !== last) rows.push(row)
    row.last = year
    for (const stop of mine) (row.cells[stop.family] ??= []).push(stop)
  }
  return { families, rows }
}

export interface Line {
  from: string
  to: string
  path: string
  /** Whether the one imports the other. */
  imported: boolean
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
    origins(stop).flatMap((parent) => {
      const [above, below] = [boxes.get(parent), boxes.get(stop.name)]
      const shift = ([...boxes.keys()].indexOf(parent) % 3) - 1
      const imported = stop.parents.includes(parent)
      return above && below ? [{ from: parent, to: stop.name, path: rounded(way(above, below, shift * APART)), imported }] : []
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
