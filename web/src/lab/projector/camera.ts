/** Where points are seen from: turned, moved and enlarged; and where that puts them on the screen. */

export const LEVELS = 6
const FAR = 3.2 // from the eye to the middle, where the points fill a ball of radius 1
const FILLED = 0.5 // of the shorter side
const LEAST = 0.2
const MOST = 60

/** Points on the screen, in CSS pixels; `level` from 0, far, to LEVELS − 1, near. */
export interface Screen {
  x: Float32Array
  y: Float32Array
  level: Uint8Array
}

export const screenOf = (count: number): Screen => ({
  x: new Float32Array(count),
  y: new Float32Array(count),
  level: new Uint8Array(count),
})

/** Points (N, 3) around the middle of a ball of radius 1, which a few far ones may lie outside of. */
export function centred(points: Float32Array): Float32Array<ArrayBuffer> {
  const count = points.length / 3
  const middle = [0, 1, 2].map((axis) => {
    let sum = 0
    for (let i = axis; i < points.length; i += 3) sum += points[i]!
    return sum / count
  })
  const found = points.map((value, i) => value - middle[i % 3]!)
  const far = new Float32Array(count)
  for (let i = 0; i < count; i++) far[i] = Math.hypot(found[i * 3]!, found[i * 3 + 1]!, found[i * 3 + 2]!)
  far.sort()
  const radius = far[Math.floor((count - 1) * 0.99)]! * 1.05 || far[count - 1]! || 1
  return found.map((value) => value / radius)
}

export class Camera {
  zoom = 1
  x = 0
  y = 0
  private turned = [1, 0, 0, 0, 1, 0, 0, 0, 1]

  /** To the first view: in three dimensions a little from the side. */
  reset(solid: boolean): void {
    this.zoom = 1
    this.x = this.y = 0
    this.turned = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    if (solid) this.turn(-0.5, 0.35)
  }

  /** By angles about the screen's vertical and horizontal axis. */
  turn(right: number, up: number): void {
    const [c, s] = [Math.cos(right), Math.sin(right)]
    const [d, e] = [Math.cos(up), Math.sin(up)]
    const by = [c, 0, s, e * s, d, -e * c, -d * s, e, d * c] // first about the vertical, then about the horizontal
    this.turned = by.map((_, i) => {
      const row = i - (i % 3)
      return by[row]! * this.turned[i % 3]! + by[row + 1]! * this.turned[3 + (i % 3)]! + by[row + 2]! * this.turned[6 + (i % 3)]!
    })
  }

  move(right: number, down: number): void {
    this.x += right
    this.y += down
  }

  /** Enlarge about a place, in CSS pixels from the middle. */
  enlarge(times: number, x = 0, y = 0): void {
    const zoom = Math.min(MOST, Math.max(LEAST, this.zoom * times))
    const by = zoom / this.zoom
    this.x = x + (this.x - x) * by
    this.y = y + (this.y - y) * by
    this.zoom = zoom
  }

  project(points: Float32Array, solid: boolean, wide: number, high: number, into: Screen): void {
    const [a, b, c, d, e, f, g, h, k] = this.turned as [number, number, number, number, number, number, number, number, number]
    const scale = FILLED * Math.min(wide, high) * this.zoom
    const [left, top] = [wide / 2 + this.x, high / 2 + this.y]
    for (let i = 0, at = 0; i < into.x.length; i++, at += 3) {
      const [x, y, z] = [points[at]!, points[at + 1]!, points[at + 2]!]
      if (!solid) {
        into.x[i] = left + scale * x
        into.y[i] = top - scale * y
        into.level[i] = LEVELS - 1
        continue
      }
      const near = g * x + h * y + k * z
      const size = near < FAR - 0.2 ? (scale * FAR) / (FAR - near) : 0 // what lies behind the eye is put in the middle
      into.x[i] = left + size * (a * x + b * y + c * z)
      into.y[i] = top - size * (d * x + e * y + f * z)
      into.level[i] = Math.min(LEVELS - 1, Math.max(0, Math.floor(((near + 1) / 2) * LEVELS)))
    }
  }
}

/** The point nearest to a place on the screen, within `reach` pixels; of several the one in front. */
export function pointAt(screen: Screen, styles: Uint8Array, faded: number, x: number, y: number, reach: number): number | null {
  let best: number | null = null
  let least = reach * reach
  for (let i = 0; i < screen.x.length; i++) {
    if (styles[i] === faded) continue
    const [across, down] = [screen.x[i]! - x, screen.y[i]! - y]
    const far = across * across + down * down - screen.level[i]!
    if (far < least) [best, least] = [i, far]
  }
  return best
}
