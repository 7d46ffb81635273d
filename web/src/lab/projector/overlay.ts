/** What is drawn over the points: axes, rings around those that stand out, and names where there is room. */
import { written as legible } from '../../words'
import { screenOf, type Camera, type Screen } from './camera'
import { placed } from './labels'
import { FADED } from './marks'

const TRIED = 400 // names for which room is sought
const NAMES = 36
const LONGEST = 28 // letters of a name
const ENDS = new Float32Array([0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5]) // of the axes, after where they meet

/** A point that stands out: the chosen one, its neighbours, what was looked for. */
export interface Mark {
  point: number
  kind: 'chosen' | 'near' | 'found'
}

/** What is drawn on: a canvas so wide and high in CSS pixels, its colours, and where the points are on it. */
export interface Sheet {
  pen: CanvasRenderingContext2D
  ink: { paper: string; ink: string; soft: string; warm: string }
  wide: number
  high: number
  screen: Screen
}

export function drawAxes({ pen, ink, wide, high }: Sheet, names: string[], camera: Camera, solid: boolean): void {
  if (!names.length) return
  const ends = screenOf(4)
  camera.project(ENDS, solid, wide, high, ends)
  pen.fillStyle = ink.soft
  pen.font = '11px ui-sans-serif, system-ui, sans-serif'
  for (const [axis, name] of names.entries()) {
    const [x, y] = [ends.x[axis + 1]!, ends.y[axis + 1]!]
    pen.strokeStyle = ink.soft
    pen.lineWidth = 1
    pen.beginPath()
    pen.moveTo(ends.x[0]!, ends.y[0]!)
    pen.lineTo(x, y)
    pen.stroke()
    halo(pen, ink.paper)
    pen.strokeText(name, x + 4, y - 4)
    pen.fillText(name, x + 4, y - 4)
  }
}

/** Lines from the chosen point to its neighbours, and a ring around each that stands out; `radius` is a point's. */
export function drawMarks({ pen, ink, screen }: Sheet, marks: Mark[], radius: number): void {
  const chosen = marks.find((mark) => mark.kind === 'chosen')
  pen.lineWidth = 1
  pen.strokeStyle = ink.warm
  for (const { point, kind } of marks) {
    if (kind === 'near' && chosen) {
      pen.beginPath()
      pen.moveTo(screen.x[chosen.point]!, screen.y[chosen.point]!)
      pen.lineTo(screen.x[point]!, screen.y[point]!)
      pen.stroke()
    }
  }
  for (const { point, kind } of [...marks].reverse()) {
    pen.strokeStyle = kind === 'found' ? ink.ink : ink.warm
    pen.lineWidth = kind === 'chosen' ? 3 : 1.5
    pen.beginPath()
    pen.arc(screen.x[point]!, screen.y[point]!, radius + (kind === 'chosen' ? 5 : 2.5), 0, 2 * Math.PI)
    pen.stroke()
  }
}

/** The names of the points that are wanted, and of others while there is room; `widths` are those of texts so far. */
export function drawNames(
  { pen, ink, wide, high, screen }: Sheet,
  wanted: number[],
  others: Iterable<number>,
  names: string[],
  widths: Map<string, number>,
): void {
  pen.font = '12px ui-sans-serif, system-ui, sans-serif'
  pen.textBaseline = 'middle'
  const width = (text: string): number => {
    if (!widths.has(text)) widths.set(text, pen.measureText(text).width)
    return widths.get(text)!
  }
  const short = (point: number): string => {
    const name = legible(names[point]!)
    return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name
  }
  const strong = new Set(wanted)
  const written = placed(candidates(wanted, strong, others), wanted.length + NAMES, screen, wide, high, short, width)
  halo(pen, ink.paper)
  for (const { text, x, y } of written) pen.strokeText(text, x, y)
  for (const { point, text, x, y } of written) {
    pen.fillStyle = strong.has(point) ? ink.warm : ink.ink
    pen.fillText(text, x, y)
  }
  pen.textBaseline = 'alphabetic'
}

/** Those whose style is not FADED. */
export function* bright(styles: Uint8Array): Iterable<number> {
  for (let i = 0; i < styles.length; i++) if (styles[i] !== FADED) yield i
}

function* candidates(wanted: number[], known: Set<number>, others: Iterable<number>): Iterable<number> {
  yield* wanted
  let tried = 0
  for (const one of others) {
    if (known.has(one)) continue
    if (tried++ === TRIED) return
    yield one
  }
}

/** What is stroked next is the paper around letters. */
function halo(pen: CanvasRenderingContext2D, paper: string): void {
  pen.lineJoin = 'round'
  pen.strokeStyle = paper
  pen.lineWidth = 5
}
