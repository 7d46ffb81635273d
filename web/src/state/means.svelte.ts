import { untrack } from 'svelte'

/** The means of neighbours in a value, made where its numbers are: they come first, and are few. */
export class Means {
  /** Undefined as long as they are on their way; null where the numbers themselves are drawn. */
  steps: Uint8Array | null | undefined = $state.raw(null)

  /**
   * @param ask for them; null where there is room for all numbers.
   * @param kept whether what was found before stays until they have come.
   */
  constructor(ask: () => Promise<Uint8Array | null> | null | undefined, kept: () => boolean) {
    $effect(() => {
      const asked = ask()
      if (!asked) this.steps = null
      else if (!untrack(kept)) this.steps = undefined
      let gone = false
      const take = (found: Uint8Array | null): void => {
        if (!gone) this.steps = found
      }
      asked?.then(take, () => take(null))
      return () => (gone = true)
    })
  }
}
