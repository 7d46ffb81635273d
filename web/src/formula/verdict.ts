/** Whether a number that is computed here, in float64, is the one that the network had. */

export type Verdict = 'agrees' | 'overflows' | 'differs'

const TOLERANCE: Record<string, number> = { float64: 1e-10, float16: 1e-2, bfloat16: 1e-2 }
const DIGITS = 1e-5 // of float32, and of all others
const LARGEST: Record<string, number> = { float32: 3.4028234663852886e38, float16: 65504, bfloat16: 3.3895313892515355e38 }

const tolerance = (type: string): number => TOLERANCE[type] ?? DIGITS

/** Of the types that a number came through, the one with the fewest digits. */
export const coarsest = (types: readonly string[]): string =>
  types.reduce((one, other) => (tolerance(other) > tolerance(one) ? other : one))

/** @param scale the sum of the absolute terms, whose rounding adds up. */
export function verdict(result: number, captured: number, scale: number, type: string): Verdict {
  if (Object.is(result, captured)) return 'agrees'
  if (Math.abs(captured) === Infinity && Math.sign(result) === Math.sign(captured))
    return Math.abs(result) > (LARGEST[type] ?? Infinity) ? 'overflows' : 'differs'
  return Math.abs(result - captured) <= tolerance(type) * Math.max(scale, Math.abs(result)) ? 'agrees' : 'differs'
}
