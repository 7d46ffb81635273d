/** Which names are written beside points: the wanted ones, then as many others as there is room for. */

const HIGH = 15

export interface Label {
  point: number
  text: string
  x: number
  y: number
}

/** Labels of which none covers another: those of `candidates`, in their order, that find room on the screen. */
export function placed(
  candidates: Iterable<number>,
  most: number,
  screen: { x: Float32Array; y: Float32Array },
  wide: number,
  high: number,
  text: (point: number) => string,
  width: (text: string) => number,
): Label[] {
  const found: (Label & { right: number })[] = []
  for (const point of candidates) {
    if (found.length >= most) break
    const [x, y] = [screen.x[point]! + 7, screen.y[point]!]
    if (x < 0 || y < HIGH / 2 || x > wide || y > high - HIGH / 2) continue
    const written = text(point)
    const right = x + width(written)
    if (right > wide + 20) continue
    if (found.some((one) => one.x < right + 4 && one.right + 4 > x && Math.abs(one.y - y) < HIGH)) continue
    found.push({ point, text: written, x, y, right })
  }
  return found
}
