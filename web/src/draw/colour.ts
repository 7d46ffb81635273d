/** Colours of numbers: one scale for each meaning. */

export type ScaleName = 'signed' | 'share' | 'grey'

type Stop = readonly [at: number, red: number, green: number, blue: number]

/** Around zero: blue below, orange above, told apart also by who sees no red or no green. From 0: one hue. */
const STOPS: Record<ScaleName, { light: Stop[]; dark: Stop[] }> = {
  signed: {
    light: [
      [-1, 12, 58, 118],
      [-0.5, 92, 150, 205],
      [0, 247, 246, 242],
      [0.5, 240, 160, 82],
      [1, 150, 56, 4],
    ],
    dark: [
      [-1, 150, 205, 255],
      [-0.5, 48, 108, 166],
      [0, 24, 31, 35],
      [0.5, 166, 92, 28],
      [1, 255, 190, 120],
    ],
  },
  share: {
    light: [
      [0, 247, 246, 242],
      [0.5, 104, 178, 172],
      [1, 5, 78, 74],
    ],
    dark: [
      [0, 24, 31, 35],
      [0.5, 26, 122, 116],
      [1, 150, 240, 228],
    ],
  },
  grey: {
    light: [
      [0, 0, 0, 0],
      [1, 255, 255, 255],
    ],
    dark: [
      [0, 0, 0, 0],
      [1, 255, 255, 255],
    ],
  },
}

/** What the ends of a scale stand for. */
export interface Extent {
  scale: ScaleName
  low: number
  high: number
}

const STEPS = 256
const tables = new Map<string, Uint8ClampedArray>()

/** Red, green, blue of `STEPS` numbers from the low end of the scale to the high one. */
function table(scale: ScaleName, dark: boolean): Uint8ClampedArray {
  const key = `${scale} ${dark}`
  let found = tables.get(key)
  if (!found) {
    found = new Uint8ClampedArray(STEPS * 3)
    const stops = STOPS[scale][dark ? 'dark' : 'light']
    const first = stops[0]![0]
    for (let i = 0; i < STEPS; i++) found.set(mixed(stops, first + ((1 - first) * i) / (STEPS - 1)), i * 3)
    tables.set(key, found)
  }
  return found
}

function mixed(stops: Stop[], at: number): number[] {
  const next = Math.max(
    1,
    stops.findIndex((stop) => stop[0] >= at),
  )
  const [from, to] = [stops[next - 1]!, stops[next]!]
  const share = (at - from[0]) / (to[0] - from[0])
  return [1, 2, 3].map((i) => from[i]! + (to[i]! - from[i]!) * share)
}

const packed = new Map<string, Uint32Array>()

/** The same colours as the pixels of a canvas hold them: opaque, in one word each. */
function words(scale: ScaleName, dark: boolean): Uint32Array {
  const key = `${scale} ${dark}`
  let found = packed.get(key)
  if (!found) {
    const colours = table(scale, dark)
    const bytes = new Uint8ClampedArray(STEPS * 4).fill(255)
    for (let i = 0; i < STEPS; i++) bytes.set(colours.subarray(i * 3, i * 3 + 3), i * 4)
    packed.set(key, (found = new Uint32Array(bytes.buffer)))
  }
  return found
}

/** Colour the pixels of a picture, one for each number: a million in a few milliseconds. Says whether all are finite. */
export function fill(image: ImageData, numbers: ArrayLike<number>, extent: Extent, dark: boolean): boolean {
  const colours = words(extent.scale, dark)
  const pixels = new Uint32Array(image.data.buffer)
  const { low } = extent
  const factor = (STEPS - 1) / (extent.high - low || 1)
  const count = numbers.length
  let rest = 0 // NaN as soon as one is not finite
  for (let i = 0; i < count; i++) {
    const place = (numbers[i]! - low) * factor + 0.5 // as `colour` has it
    rest += place - place
    pixels[i] = colours[Math.max(0, Math.min(STEPS - 1, place)) | 0]!
  }
  if (rest === 0) return true
  for (let i = 0; i < count; i++) if (Number.isNaN(numbers[i])) pixels[i] = colours[STEPS >> 1]!
  return false
}

/** The colour of a number; NaN and infinities are striped by whoever draws, and get the middle colour here. */
export function colour(value: number, extent: Extent, dark: boolean): [number, number, number] {
  const colours = table(extent.scale, dark)
  const place = ((value - extent.low) / (extent.high - extent.low || 1)) * (STEPS - 1)
  const step = Number.isNaN(place) ? STEPS >> 1 : Math.round(Math.min(STEPS - 1, Math.max(0, place)))
  return [colours[step * 3]!, colours[step * 3 + 1]!, colours[step * 3 + 2]!]
}

export const css = ([red, green, blue]: readonly number[]): string => `rgb(${red} ${green} ${blue})`

/** Black or white, whichever is read better on a colour. */
export function inkOn(colour: readonly number[]): string {
  const [red, green, blue] = colour.map((one) => (one / 255) ** 2.2) // as much light as each gives
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue! > 0.18 ? '#000' : '#fff'
}

/** The ends for a value: the same distance to both sides of zero, 0 to 1 for shares, darkest to lightest for a picture. */
export function extentOf(view: string, minimum: number, maximum: number, gradient: boolean): Extent {
  if (!gradient && view === 'picture' && minimum >= 0) return { scale: 'grey', low: 0, high: Math.max(maximum, 1) }
  if (!gradient && ['attention', 'shares', 'gates'].includes(view) && minimum >= 0)
    return { scale: 'share', low: 0, high: 1 }
  const most = Math.max(Math.abs(minimum), Math.abs(maximum)) || 1
  return { scale: 'signed', low: -most, high: most }
}
