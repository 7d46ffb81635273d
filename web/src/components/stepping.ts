/** How many planes are shown at once. */
export const PAGE = 64

/** The planes of the page that `plane` is on. */
export function pageOf(plane: number, planes: number): number[] {
  const first = plane - (plane % PAGE)
  return Array.from({ length: Math.min(PAGE, planes - first) }, (_, i) => first + i)
}

/** Walking along a row of buttons, of which one is pressed, by arrow keys: to the one before it or after it. */
export function stepping(event: KeyboardEvent, at: number, count: number, choose: (one: number) => void): void {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
  if (!step || at + step < 0 || at + step >= count) return
  event.preventDefault()
  choose(at + step)
  const row = event.currentTarget as HTMLElement
  requestAnimationFrame(() => row.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus())
}

/** Moving the focus along a row of buttons by arrow keys; the one that has it is chosen by Enter. */
export function walking(event: KeyboardEvent, at: number): void {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
  const next = step && (event.currentTarget as HTMLElement).children[at + step]
  if (!next) return
  event.preventDefault()
  ;(next as HTMLElement).focus()
}
