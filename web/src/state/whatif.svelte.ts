/** What would be, had some numbers been others: the edits that stand, and the record that they lead to. */

import type { Client, Edit, Edited, Numbers, WordEdit } from '../client/client'

export type Side = 'before' | 'after'

export class WhatIf {
  found: Edited | null = $state.raw(null)
  side: Side = $state('before')
  working = $state(false)
  /** Why the last edit was refused: a sentence, or '' where the server does not answer. */
  problem: string | null = $state(null)

  constructor(
    readonly base: Client,
    private readonly look: (client: Client) => void,
  ) {}

  get possible(): boolean {
    return this.base.whatif !== undefined
  }

  get edits(): Edited['edits'] {
    return this.found?.edits ?? []
  }

  /** What was set at a place, if anything. */
  at(address: string, index: number): Edited['edits'][number] | undefined {
    return this.edits.find((one) => one.address === address && one.index === index)
  }

  /** Set one number, beside those that are set already. */
  set(edit: Edit | WordEdit): Promise<void> {
    return this.run([...this.others(edit), edit])
  }

  /** Let one number be what it was. */
  unset(edit: Edit): Promise<void> {
    return this.run(this.others(edit))
  }

  /** Look at the record as it is, or at what would be. */
  turn(side: Side): void {
    if (!this.found || side === this.side) return
    this.side = side
    this.look(side === 'after' ? this.found.client : this.base)
  }

  /** Back to the network as it is. */
  clear(): void {
    this.turn('before')
    this.found = null
    this.problem = null
  }

  /** All numbers of a value on either side; null where they are not at hand. */
  async numbers(side: Side, address: string, gradient: boolean): Promise<Numbers | null> {
    const client = side === 'before' ? this.base : this.found!.client
    return client.slice(address, gradient).catch(() => null)
  }

  private others({ address, index }: Edit | WordEdit): Edit[] {
    return this.edits
      .filter((one) => one.address !== address || one.index !== index)
      .map((one) => ({ address: one.address, index: one.index, number: one.number }))
  }

  private async run(edits: (Edit | WordEdit)[]): Promise<void> {
    this.problem = null
    if (!edits.length) return this.clear()
    this.working = true
    try {
      this.found = await this.base.whatif!(edits)
      this.side = 'after'
      this.look(this.found.client)
    } catch (error) {
      this.problem = error instanceof Error ? error.message : ''
    }
    this.working = false
  }
}
