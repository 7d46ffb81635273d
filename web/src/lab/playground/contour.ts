/** Lines of equal height through a grid of numbers. */

export type Line = [x0: number, y0: number, x1: number, y1: number]

/** The pieces of the line of height `level`, in cells of the grid; by marching squares, a saddle cut as its mean says. */
export function contour(numbers: ArrayLike<number>, height: number, width: number, level: number): Line[] {
  const lines: Line[] = []
  const at = (row: number, column: number): number => numbers[row * width + column]!
  for (let row = 0; row + 1 < height; row++) {
    for (let column = 0; column + 1 < width; column++) {
      const corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)]
      const places: [number, number][] = [
        [column, row],
        [column + 1, row],
        [column + 1, row + 1],
        [column, row + 1],
      ]
      const crossed: [number, number][] = []
      for (let side = 0; side < 4; side++) {
        const [from, to] = [corners[side]!, corners[(side + 1) % 4]!]
        if (from > level === to > level) continue
        const share = (level - from) / (to - from)
        const [[x0, y0], [x1, y1]] = [places[side]!, places[(side + 1) % 4]!]
        crossed.push([x0 + (x1 - x0) * share, y0 + (y1 - y0) * share])
      }
      if (crossed.length === 4) {
        const high = corners.reduce((sum, one) => sum + one, 0) / 4 > level
        if (high !== corners[0]! > level) crossed.push(crossed.shift()!)
      }
      for (let i = 0; i + 1 < crossed.length; i += 2) lines.push([...crossed[i]!, ...crossed[i + 1]!])
    }
  }
  return lines
}

/** Draw pieces of lines whose grid is as large as `wide` × `high`. */
export function drawLines(context: CanvasRenderingContext2D, lines: Line[], across: number, up: number): void {
  context.beginPath()
  for (const [x0, y0, x1, y1] of lines) {
    context.moveTo(x0 * across, y0 * up)
    context.lineTo(x1 * across, y1 * up)
  }
  context.stroke()
}
