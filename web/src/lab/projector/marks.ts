/**
 * How points look: a colour and a shape for each class, paler the further away.
 *
 * Each is drawn once; then its pixels are copied for every point, which without a graphics card takes a sixth of the
 * time that drawing them one by one does.
 */

import { LEVELS, type Screen } from './camera'

const LIGHT = ['#1b6fb3', '#b84a06', '#2a7a39', '#b3203f', '#744ab0', '#80590a', '#b03488', '#46575f', '#087a80', '#5a6a00']
const DARK = ['#6fb4ee', '#f5954f', '#74cf86', '#ff8296', '#bb98f2', '#dcb45e', '#f088cb', '#b3c3ca', '#4fd0d4', '#bccb50']
const SHAPES = [
  'M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z',
  'M-.9 -.9H.9V.9H-.9Z',
  'M0 -1.15L1.1 .8H-1.1Z',
  'M0 -1.25L1.15 0L0 1.25L-1.15 0Z',
  'M-.4 -1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z',
  'M0 1.15L1.1 -.8H-1.1Z',
  'M-1.1 -.6L-.6 -1.1L0 -.5L.6 -1.1L1.1 -.6L.5 0L1.1 .6L.6 1.1L0 .5L-.6 1.1L-1.1 .6L-.5 0Z',
] // around the middle, of like area

const LEAST_COVER = 16 // of 255; a pixel that is covered less stays
const WHOLE = 250
const OPAQUE = 0xff000000 | 0

/** The style of a point that is not looked for. */
export const FADED = 255

/** Colour and shape repeat after 10 and after 7 classes, so that the pair does after 70. */
export const colourOf = (kind: number, dark: boolean): string => (dark ? DARK : LIGHT)[kind % LIGHT.length]!
export const shapeOf = (kind: number): string => SHAPES[kind % SHAPES.length]!

/**
 * Stamps: for each kind (the last is a faded point) and level the pixels that it covers, those covered wholly first.
 *
 * Pixels are signed, as an engine reckons with those in whole numbers and with unsigned ones in floating point.
 */
export interface Stamps {
  /** Colour of the paper, as one pixel. */
  paper: number
  /** Half of the side of a stamp, in pixels. */
  half: number
  /** Pixels of stamp s are those from begins[s] to begins[s + 1], from softs[s] on only covered in part. */
  begins: Uint32Array
  softs: Uint32Array
  across: Int8Array
  down: Int8Array
  colours: Int32Array
  /** How much of each pixel is covered, of 255. */
  covers: Uint8Array
}

/** The stamps of so many kinds, of a radius in pixels of the screen. */
export function stampsOf(kinds: number, radius: number, paper: string, faded: string, dark: boolean, solid: boolean): Stamps {
  const size = Math.ceil(radius * 2.6) + 2
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size
  const pen = canvas.getContext('2d', { willReadFrequently: true })!
  const begins = [0]
  const [across, down, colours, covers, softs]: number[][] = [[], [], [], [], []]
  const stamp = (kind: number, level: number): void => {
    const pale = kind === kinds
    const near = solid ? level / (LEVELS - 1) : 1
    const large = radius * (pale ? 0.5 : solid ? 0.7 + 0.3 * near : 1)
    const path = new Path2D(shapeOf(pale ? 0 : kind))
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.clearRect(0, 0, size, size)
    pen.setTransform(large, 0, 0, large, size / 2, size / 2)
    pen.lineWidth = 0.6 / large
    for (const [colour, share] of [[paper, 1], [pale ? faded : colourOf(kind, dark), pale ? 0.6 : 0.45 + 0.55 * near]] as const) {
      pen.globalAlpha = share // paler the further away: some of the paper is left
      pen.fillStyle = colour
      pen.fill(path)
    }
    pen.globalAlpha = 1
    pen.strokeStyle = paper // apart from what lies behind
    if (!pale) pen.stroke(path)
    const seen = pen.getImageData(0, 0, size, size).data
    const pixels = new Int32Array(seen.buffer)
    const add = (soft: boolean): void => {
      for (let i = 0; i < pixels.length; i++) {
        const cover = seen[i * 4 + 3]!
        if (cover < LEAST_COVER || cover <= WHOLE !== soft) continue
        across!.push((i % size) - (size >> 1))
        down!.push(Math.floor(i / size) - (size >> 1))
        colours!.push(pixels[i]! | OPAQUE)
        covers!.push(cover)
      }
    }
    add(false)
    softs!.push(across!.length)
    add(true)
    begins.push(across!.length)
  }
  for (let kind = 0; kind <= kinds; kind++) for (let level = 0; level < LEVELS; level++) stamp(kind, level)
  pen.setTransform(1, 0, 0, 1, 0, 0)
  pen.fillStyle = paper
  pen.fillRect(0, 0, size, size)
  return {
    paper: new Int32Array(pen.getImageData(0, 0, 1, 1).data.buffer)[0]!,
    half: (size >> 1) + 1,
    begins: Uint32Array.from(begins),
    softs: Uint32Array.from(softs!),
    across: Int8Array.from(across!),
    down: Int8Array.from(down!),
    colours: Int32Array.from(colours!),
    covers: Uint8Array.from(covers!),
  }
}

/** Stamp points into a picture, the farthest first; at `ratio` pixels of it for one of CSS. */
export function stamp(image: ImageData, stamps: Stamps, screen: Screen, styles: Uint8Array, kinds: number, ratio: number): void {
  const { width, height } = image
  const pixels = new Int32Array(image.data.buffer)
  const { begins, softs, across, down, colours, covers, half } = stamps
  const away = Int32Array.from(across, (right, at) => right + down[at]! * width)
  const { x, y, level } = screen
  pixels.fill(stamps.paper)
  for (let depth = 0; depth < LEVELS; depth++) {
    for (let i = 0; i < styles.length; i++) {
      if (level[i] !== depth) continue
      const left = Math.round(x[i]! * ratio)
      const top = Math.round(y[i]! * ratio)
      if (left < half || top < half || left >= width - half || top >= height - half) continue
      const style = styles[i]!
      const which = (style === FADED ? kinds : style) * LEVELS + depth
      const place = top * width + left
      const soft = softs[which]!
      const end = begins[which + 1]!
      let at = begins[which]!
      for (; at < soft; at++) pixels[place + away[at]!] = colours[at]!
      for (; at < end; at++) {
        const pixel = place + away[at]!
        pixels[pixel] = mixed(pixels[pixel]!, colours[at]!, covers[at]!)
      }
    }
  }
}

/** Two colours, `cover` of 255 of the second; red and blue at once. */
function mixed(under: number, over: number, cover: number): number {
  const rest = 255 - cover
  const both = (Math.imul(under & 0xff00ff, rest) + Math.imul(over & 0xff00ff, cover)) >>> 8
  const green = (Math.imul(under & 0xff00, rest) + Math.imul(over & 0xff00, cover)) >>> 8
  return OPAQUE | (both & 0xff00ff) | (green & 0xff00)
}
