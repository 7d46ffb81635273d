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

/** A curve from each system to those that grew out of it, in the coordinates of `field`, which holds their cards. */
export function lines(stops: Stop[], field: HTMLElement): Line[] {
  const origin = field.getBoundingClientRect()
  const boxes = new Map<string, DOMRect>()
  for (const card of field.querySelectorAll<HTMLElement>('[data-stop]')) {
    boxes.set(card.dataset['stop']!, card.getBoundingClientRect())
  }
  const found: Line[] = []
  for (const stop of stops) {
    for (const parent of stop.parents) {
      const [above, below] = [boxes.get(parent), boxes.get(stop.name)]
      if (!above || !below) continue
      const [x1, y1] = [above.left + above.width / 2 - origin.left, above.bottom - origin.top]
      const [x2, y2] = [below.left + below.width / 2 - origin.left, below.top - origin.top]
      const bend = Math.max(20, (y2 - y1) / 2)
      found.push({ from: parent, to: stop.name, path: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}` })
    }
  }
  return found
}
