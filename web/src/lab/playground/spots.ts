/** Where the numbers of weights are written beside their lines, so that none lies over another. */

export interface Wanted {
  /** The line, from 0 at its begin to 1 at its end. */
  at: (share: number) => [x: number, y: number]
  /** Where on it the number would best stand. */
  share: number
  /** How wide the number is, in pixels. */
  wide: number
}

const HIGH = 19
const SHARES = Array.from({ length: 29 }, (_, i) => 0.15 + i * 0.025)

/** For each its middle: as near to where it is wanted as there is room, else where least is covered. */
export function spots(wanted: Wanted[]): [number, number][] {
  const placed: { x: number; y: number; wide: number }[] = []
  for (const { at, share, wide } of wanted) {
    const covered = ([x, y]: [number, number]): number =>
      placed.reduce((sum, one) => {
        const across = (one.wide + wide) / 2 + 2 - Math.abs(one.x - x)
        const down = HIGH - Math.abs(one.y - y)
        return sum + (across > 0 && down > 0 ? across * down : 0)
      }, 0)
    const near = [share, ...SHARES].sort((one, other) => Math.abs(one - share) - Math.abs(other - share))
    const tried = near.map((one) => ({ place: at(one), cover: covered(at(one)) }))
    const { place } = tried.find(({ cover }) => !cover) ?? tried.reduce((best, one) => (one.cover < best.cover ? one : best))
    placed.push({ x: place[0], y: place[1], wide })
  }
  return placed.map(({ x, y }) => [x, y])
}
