/** The functions of formulas in double precision, by the names that `liuli/explaining/functions.py` gives them. */

type Compute = (...x: number[]) => number

const truth = (value: boolean): number => (value ? 1 : 0)

/** Half to even, as PyTorch rounds. */
function round(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  return rest < 0.5 ? down : rest > 0.5 ? down + 1 : down % 2 === 0 ? down : down + 1
}

/** The error function: its series near 0, the continued fraction of its complement elsewhere. */
function erf(x: number): number {
  const size = Math.abs(x)
  if (Number.isNaN(x)) return x
  if (size < 2.5) {
    let term = size
    let sum = size
    for (let n = 1; Math.abs(term) > 1e-17 * sum && n < 200; n++) {
      term *= -(size * size) / n
      sum += term / (2 * n + 1)
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI)
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction)
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction))
}

/** Newton's method on erf. */
function erfinv(y: number): number {
  if (Math.abs(y) >= 1) return Math.abs(y) > 1 ? NaN : y * Infinity
  const log = Math.log(1 - y * y)
  const a = 0.147
  const first = 2 / (Math.PI * a) + log / 2
  let x = Math.sign(y) * Math.sqrt(Math.sqrt(first * first - log / a) - first)
  for (let i = 0; i < 4; i++) x -= ((erf(x) - y) * Math.sqrt(Math.PI) * Math.exp(x * x)) / 2
  return x
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

function lgamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x)
  const t = x + 6.5
  const sum = LANCZOS.reduce((total, c, i) => total + (i ? c / (x - 1 + i) : c), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}

function digamma(x: number): number {
  if (x < 0.5) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * x)
  let shift = 0
  for (; x < 12; x++) shift -= 1 / x
  const s = 1 / (x * x)
  return shift + Math.log(x) - 0.5 / x - s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s / 132))))
}

/** where(condition, yes, condition, yes, …, otherwise). */
function where(...parts: number[]): number {
  for (let i = 0; i + 1 < parts.length; i += 2) if (parts[i]) return parts[i + 1]!
  return parts[parts.length - 1]!
}

const bits =
  (compute: (a: bigint, b: bigint) => bigint): Compute =>
  (a, b) =>
    Number(compute(BigInt(Math.trunc(a!)), BigInt(Math.trunc(b!))))

export const FUNCTIONS: Record<string, Compute> = {
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  expm1: Math.expm1,
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  atan2: Math.atan2,
  erf,
  erfinv,
  lgamma,
  digamma,
  max: Math.max,
  min: Math.min,
  where,
  mod: (a, b) => a! - b! * Math.floor(a! / b!),
  fmod: (a, b) => a! % b!,
  sign: Math.sign,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: (x) => round(x!),
  isnan: (x) => truth(Number.isNaN(x)),
  isinf: (x) => truth(Math.abs(x!) === Infinity),
  isfinite: (x) => truth(Number.isFinite(x)),
  not: (x) => truth(!x),
  lt: (a, b) => truth(a! < b!),
  le: (a, b) => truth(a! <= b!),
  gt: (a, b) => truth(a! > b!),
  ge: (a, b) => truth(a! >= b!),
  eq: (a, b) => truth(a === b),
  ne: (a, b) => truth(a !== b),
  and: (a, b) => truth(!!a && !!b),
  or: (a, b) => truth(!!a || !!b),
  xor: (a, b) => truth(!a !== !b),
  bitand: bits((a, b) => a & b),
  bitor: bits((a, b) => a | b),
  bitxor: bits((a, b) => a ^ b),
  shiftleft: bits((a, b) => a << b),
  shiftright: bits((a, b) => a >> b),
}

export const INFIX: Record<string, string> = {
  lt: '<',
  le: '≤',
  gt: '>',
  ge: '≥',
  eq: '=',
  ne: '≠',
  and: '∧',
  or: '∨',
  xor: '⊻',
  bitand: '&',
  bitor: '|',
  bitxor: '⊕',
  shiftleft: '≪',
  shiftright: '≫',
}
