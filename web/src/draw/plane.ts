/** Drawing numbers on a canvas. */

import { colour, css, fill, inkOn, type Extent } from './colour'

/** How a value is laid out to be looked at: planes of rows and columns; a vector is one plane of one row. */
export interface Layout {
  planes: number
  height: number
  width: number
  /** The dimensions that number the planes, without those of length 1 in front. */
  leading: number[]
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

/** A canvas of one dot for each number. */
export function dots(
  numbers: ArrayLike<number>,
  height: number,
  width: number,
  extent: Extent,
  dark: boolean,
): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d')!
  const image = context.createImageData(width, height)
  fill(image, numbers, extent, dark)
  context.putImageData(image, 0, 0)
  return canvas
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
  canvas.width = Math.max(1, Math.round(width * cell * ratio))
  canvas.height = Math.max(1, Math.round(height * high * ratio))
  const context = canvas.getContext('2d')!
  context.imageSmoothingEnabled = Math.min(cell, high) * ratio < 1
  context.drawImage(dots(numbers, height, width, extent, dark), 0, 0, canvas.width, canvas.height)
  context.scale(ratio, ratio)
  for (let i = 0; i < numbers.length; i++)
    if (!Number.isFinite(numbers[i])) cross(context, i % width, Math.floor(i / width), cell, high)
  if (!text) return
  context.font = `${Math.min(13, cell * 0.3, high * 0.6)}px ui-sans-serif, system-ui, sans-serif`
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  for (let i = 0; i < numbers.length; i++) {
    context.fillStyle = inkOn(colour(numbers[i]!, extent, dark))
    context.fillText(text(numbers[i]!), ((i % width) + 0.5) * cell, (Math.floor(i / width) + 0.5) * high, cell - 2)
  }
}

/** NaN and infinities are no colour. */
function cross(context: CanvasRenderingContext2D, column: number, row: number, cell: number, high: number): void {
  context.strokeStyle = css([200, 30, 90])
  context.strokeRect(column * cell + 1, row * high + 1, cell - 2, high - 2)
}
