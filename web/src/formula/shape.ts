/** Places in tensors: indices and flat numbers, in row-major order. */

export const product = (sizes: readonly number[]): number => sizes.reduce((one, other) => one * other, 1)

/** The steps in a flat array from one element to the next along each dimension. */
export function strides(shape: readonly number[]): number[] {
  const steps = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    steps[i] = step
    step *= shape[i]!
  }
  return steps
}

export function indexOf(flat: number, shape: readonly number[]): number[] {
  return strides(shape).map((step, i) => Math.floor(flat / step) % shape[i]!)
}

export function flatOf(index: readonly number[], shape: readonly number[]): number {
  return strides(shape).reduce((sum, step, i) => sum + step * index[i]!, 0)
}

/** Where element `flat` of `shape` finds its operand of shape `smaller`, which is broadcast to it. */
export function projected(flat: number, shape: readonly number[], smaller: readonly number[]): number {
  const index = indexOf(flat, shape).slice(shape.length - smaller.length)
  return flatOf(index.map((place, i) => (smaller[i]! > 1 ? place : 0)), smaller)
}
