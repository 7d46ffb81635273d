/** How classes and racers look: a colour each, and a shape or a dash, so that nothing hangs on colour alone. */

export const CLASSES = ['var(--negative)', 'var(--positive)', 'var(--keyword)'] as const
export const RACER_COLOURS: Record<string, string> = {
  sgd: 'var(--ink)',
  momentum: 'var(--negative)',
  nesterov: 'var(--keyword)',
  adagrad: 'var(--string)',
  rmsprop: 'var(--positive)',
  adam: 'var(--warm)',
}
export const DASHES: Record<string, number[]> = {
  sgd: [],
  momentum: [9, 4],
  nesterov: [3, 3],
  adagrad: [12, 4, 3, 4],
  rmsprop: [6, 2, 2, 2, 2, 2],
  adam: [16, 4],
}

/** A colour of the page as a canvas takes it. */
export const resolved = (element: Element, colour: string): string =>
  getComputedStyle(element).getPropertyValue(colour.slice(4, -1)).trim()

/** The outline of a class's mark about (x, y): a disc, a square, a triangle. */
export function mark(context: CanvasRenderingContext2D, label: number, x: number, y: number, size: number): void {
  context.beginPath()
  if (label === 0) context.arc(x, y, size, 0, 2 * Math.PI)
  else if (label === 1) context.rect(x - size * 0.88, y - size * 0.88, size * 1.76, size * 1.76)
  else {
    context.moveTo(x, y - size * 1.2)
    context.lineTo(x + size * 1.1, y + size * 0.8)
    context.lineTo(x - size * 1.1, y + size * 0.8)
    context.closePath()
  }
}

/** A canvas as sharp as the screen, `wide` × `high` CSS pixels. */
export function sized(canvas: HTMLCanvasElement, wide: number, high: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio || 1
  canvas.width = Math.max(1, Math.round(wide * ratio))
  canvas.height = Math.max(1, Math.round(high * ratio))
  const context = canvas.getContext('2d')!
  context.scale(ratio, ratio)
  return context
}

/** Red, green and blue of a colour such as #3f7fbd. */
export const channels = (colour: string): [number, number, number] => {
  const value = Number.parseInt(colour.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}
