/** Drawing numbers on a canvas. */

import type { Numbers } from '../client/client'
import { colour, css, fill, inkOn, type Extent } from './colour'

const WIDEST = 1 << 14 // a side of a canvas that every browser draws

/** How a value is laid out to be looked at: planes of rows and columns; a vector is one plane of one row. */
export interface Layout {
  planes: number
  height: number
  width: number
  /** The dimensions that number the planes, without those of length 1 in front. */
  leading: number[]
}

/** A value to be looked at plane by plane. */
export interface Planes {
  /** None as long as they are on their way. */
  numbers: Numbers
  layout: Layout
  extent: Extent
  /** The one that is chosen. */
  plane: number
}

export function layoutOf(shape: readonly number[]): Layout {
  let start = 0
  while (start < shape.length - 1 && shape[start] === 1) start++
  const rest = shape.slice(start)
  const [height, width] = [rest.length > 1 ? rest[rest.length - 2]! : 1, rest.length ? rest[rest.length - 1]! : 1]
  const leading = rest.slice(0, -2)
  return { planes: leading.reduce((one, other) => one * other, 1), height, width, leading }
}

/** A vector is walked as a picture of rows when it is too long for bars. What follows a square (a score after 28 × 28
 * pixels) stands in a row under it. */
export function wrapped(count: number): { height: number; width: number } {
  const least = Math.ceil(Math.sqrt(count))
  for (let wide = least; wide <= 2 * least; wide++) if (count % wide === 0) return { height: count / wide, width: wide }
  const side = Math.floor(Math.sqrt(count))
  const width = count - side * side <= side ? side : least
  return { height: Math.ceil(count / width), width }
}

/** A canvas of one dot for each number, and whether all are finite. */
export function dots(
  numbers: ArrayLike<number>,
  height: number,
  width: number,
  extent: Extent,
  dark: boolean,
): { canvas: HTMLCanvasElement; finite: boolean } {
  const canvas = document.createElement('canvas')
  return { canvas, finite: dotted(canvas, numbers, height, width, extent, dark) }
}

/** Make a canvas one of a dot for each number, clear if there are none; says whether all are finite. */
export function dotted(
  canvas: HTMLCanvasElement,
  numbers: ArrayLike<number>,
  height: number,
  width: number,
  extent: Extent,
  dark: boolean,
): boolean {
  canvas.width = width
  canvas.height = height
  if (!numbers.length) return true
  const context = canvas.getContext('2d')!
  const image = context.createImageData(width, height)
  const finite = fill(image, numbers, extent, dark)
  context.putImageData(image, 0, 0)
  return finite
}

/** The ends for a picture that was made where the numbers are, in steps of the scale of colours. */
export const stepped = ({ scale }: Extent): Extent => ({ scale, low: 0, high: 255 })

/** On how many pixels `count` numbers are drawn, of `size` CSS pixels each: no more than there are numbers. */
export const pixelsFor = (count: number, size: number): number =>
  Math.max(1, Math.min(count, Math.round(count * size * (devicePixelRatio || 1))))

/** How many numbers lie in one pixel of a side, at least so many that a canvas has room for it. */
const crowd = (pixels: number, side: number): number => Math.max(1, Math.floor(1 / pixels), Math.ceil(side / WIDEST))

/** A plane with the mean of `across` × `down` numbers in the place of each: there is no room to show them one by one. */
export function pooled(
  numbers: ArrayLike<number>,
  { height, width }: { height: number; width: number },
  across: number,
  down: number,
): { numbers: ArrayLike<number>; height: number; width: number } {
  if (across === 1 && down === 1) return { numbers, height, width }
  const [rows, columns] = [Math.ceil(height / down), Math.ceil(width / across)]
  const means = new Float32Array(rows * columns)
  let held = 0 // of the last row there may be only a part
  for (let row = 0; row < rows; row++) {
    const last = Math.min(height, (row + 1) * down)
    for (let column = 0; column < columns; column++) {
      const [left, right] = [column * across, Math.min(width, (column + 1) * across)]
      let sum = 0
      let count = 0
      for (let y = row * down; y < last; y++) {
        const end = Math.min(y * width + right, numbers.length)
        for (let at = y * width + left; at < end; at++, count++) sum += numbers[at]!
      }
      if (count) means[(held = row * columns + column)] = sum / count
    }
  }
  return { numbers: means.subarray(0, held + 1), height: rows, width: columns }
}

/** The power of ten that the numbers of a grid are divided by before they are written into its cells. */
export function powerOf(most: number): number {
  return most > 0 && Number.isFinite(most) && (most < 0.1 || most >= 1000) ? Math.floor(Math.log10(most)) : 0
}

/** Draw a plane as large as the canvas of `wide` × `high` CSS pixels, sharp on any screen. */
export function paint(
  canvas: HTMLCanvasElement,
  numbers: ArrayLike<number>,
  { height, width }: { height: number; width: number },
  cell: number,
  extent: Extent,
  dark: boolean,
  text: ((value: number) => string) | null,
  high = cell,
): void {
  const ratio = devicePixelRatio || 1
  canvas.style.imageRendering = Math.min(cell, high) * ratio < 1 ? 'auto' : 'pixelated'
  // Where nothing is written or crossed out, the page itself stretches the dots: that is quickest by far.
  const few = pooled(numbers, { height, width }, crowd(cell * ratio, width), crowd(high * ratio, height))
  if (!text && dotted(canvas, few.numbers, few.height, few.width, extent, dark)) return
  canvas.width = Math.max(1, Math.round(width * cell * ratio))
  canvas.height = Math.max(1, Math.round(height * high * ratio))
  if (!numbers.length) return
  const context = canvas.getContext('2d')!
  context.scale(ratio, ratio)
  stamp(context, numbers, { height, width }, cell, high, extent, dark)
  if (!text) return
  context.font = `${Math.min(13, cell * 0.3, high * 0.6)}px ui-sans-serif, system-ui, sans-serif`
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  for (let i = 0; i < numbers.length; i++) {
    context.fillStyle = inkOn(colour(numbers[i]!, extent, dark))
    context.fillText(text(numbers[i]!), ((i % width) + 0.5) * cell, (Math.floor(i / width) + 0.5) * high, cell - 2)
  }
}

/** Draw a plane where the context's origin is, of cells of `cell` × `high` pixels. */
export function stamp(
  context: CanvasRenderingContext2D,
  numbers: ArrayLike<number>,
  { height, width }: { height: number; width: number },
  cell: number,
  high: number,
  extent: Extent,
  dark: boolean,
): void {
  const ratio = devicePixelRatio || 1
  const [across, down] = [crowd(cell * ratio, width), crowd(high * ratio, height)]
  const few = pooled(numbers, { height, width }, across, down)
  const { canvas, finite } = dots(few.numbers, few.height, few.width, extent, dark)
  context.imageSmoothingEnabled = Math.min(cell, high) * ratio < 1
  context.drawImage(canvas, 0, 0, few.width * across * cell, few.height * down * high)
  for (let i = 0; !finite && i < numbers.length; i++)
    if (!Number.isFinite(numbers[i])) cross(context, i % width, Math.floor(i / width), cell, high)
}

/** NaN and infinities are no colour. */
function cross(context: CanvasRenderingContext2D, column: number, row: number, cell: number, high: number): void {
  context.strokeStyle = css([200, 30, 90])
  context.strokeRect(column * cell + 1, row * high + 1, cell - 2, high - 2)
}
