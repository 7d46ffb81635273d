/** What one page shows and what its reader has chosen; shared by its components through a context. */

import { getContext, setContext } from 'svelte'

import { Absent, type Client, type Direction, type Explanation, type Numbers, type ValueFacts } from '../client/client'
import { indexOf } from '../formula/shape'
import { light } from './light.svelte'
import { WhatIf } from './whatif.svelte'

export type Pane = 'network' | 'value' | 'explanation'

/** A number of the record, or of a gradient. */
export interface Place {
  address: string
  index: number
  direction: Direction
}

const AT_A_GLANCE = 1 << 12 // numbers that are fetched for a glance; of more, a small picture

export class View {
  pane: Pane = $state('network')
  place: Place = $state.raw({ address: '', index: 0, direction: 'forward' })
  /** The numbers that were asked for on the way here. */
  trail: Place[] = $state.raw([])
  explanation: Explanation | null = $state.raw(null)
  /** Why there is no explanation: its operands are not in the file, or something failed. */
  problem: 'absent' | 'failed' | null = $state(null)

  /** The record that is looked at: one made anew with numbers set takes the place of its base and gives it back. */
  client: Client = $state.raw()!
  readonly values: Map<string, ValueFacts> = $derived(
    new Map(this.client.manifest.values.map((value) => [value.address, value])),
  )
  readonly value = $derived.by(() => this.facts(this.place.address))
  readonly whatif: WhatIf

  constructor(client: Client) {
    this.client = client
    this.whatif = new WhatIf(client, (other) => this.exchange(other))
  }

  /** Look at the same place of another record of the same network. */
  private exchange(client: Client): void {
    const known = client.manifest.values.some(({ address }) => address === this.place.address)
    const { answer, outputs } = client.manifest
    const address = known ? this.place.address : this.place.address.replace(/\.was$/, '')
    const found = client.manifest.values.some((value) => value.address === address)
    this.trail = this.trail.filter((place) => client.manifest.values.some((value) => value.address === place.address))
    this.place = found ? { ...this.place, address } : { ...this.place, address: answer.shares || outputs[0]!, index: 0 }
    this.client = client
    this.explanation = null
    void this.load(this.place)
  }

  get dark() {
    return light.dark
  }

  get manifest() {
    return this.client.manifest
  }

  facts(address: string): ValueFacts {
    return this.values.get(address)!
  }

  /** Begin anew from a number. */
  begin(address: string, index: number, direction = this.place.direction): void {
    this.trail = []
    this.go({ address, index, direction })
  }

  /** Look at a value at its strongest number. */
  beginAt(address: string): void {
    this.begin(address, this.strongest(address))
    this.pane = 'value'
  }

  /** The place of the number of a value that lies furthest from zero. */
  strongest(address: string): number {
    const { statistics, statisticsGradient } = this.facts(address)
    return (this.place.direction === 'backward' ? statisticsGradient : statistics)?.strongest ?? 0
  }

  /** Another number of the same value. */
  move(index: number): void {
    this.go({ ...this.place, index })
  }

  /** Go on to an operand. */
  follow(place: Place): void {
    this.trail = [...this.trail, this.place]
    this.go(place)
  }

  /** Back to step `step` of the trail. */
  back(step = this.trail.length - 1): void {
    const place = this.trail[step]
    if (!place) return
    this.trail = this.trail.slice(0, step)
    this.go(place)
  }

  turn(direction: Direction): void {
    this.go({ ...this.place, direction })
  }

  /** All numbers of a value, or none where they are not at hand. */
  async numbers(address: string, gradient: boolean): Promise<Numbers | null> {
    try {
      return await this.client.slice(address, gradient)
    } catch (error) {
      if (error instanceof Absent) return null
      throw error
    }
  }

  /** A value to look at: its numbers, or a small picture of them. */
  async glance(address: string, gradient: boolean): Promise<{ numbers: Numbers; shape: readonly number[] } | null> {
    const { shape } = this.facts(address)
    if (shape.reduce((one, other) => one * other, 1) > AT_A_GLANCE) {
      const small = await this.client.sample?.(address, gradient)
      if (small) return small
    }
    const numbers = await this.numbers(address, gradient)
    return numbers && { numbers, shape }
  }

  /** What a value is called: its variable, else where it was made. */
  name(value: ValueFacts): string {
    if (value.names.length) return value.names[0]!
    if (value.producer === null) return value.address
    const { name, path, inputs } = this.manifest.operations[value.producer]!
    if (name === 'edit') return this.name(this.facts(inputs[0]!)).replace(/\.was$/, '')
    const place = value.address.includes('.') ? value.address.slice(value.address.indexOf('.')) : ''
    return (path && !path.startsWith('(') ? `${path}·${name}` : name) + place
  }

  /** A number for a reader: s2[3,5,7]; a first dimension of 1 is left out. */
  unit(address: string, index: number): string {
    const value = this.facts(address)
    const places = indexOf(index, value.shape)
    const single = value.origin !== 'parameter' && value.shape.length > 1 && value.shape[0] === 1
    return this.name(value) + (value.shape.length ? `[${places.slice(single ? 1 : 0).join(', ')}]` : '')
  }

  /** A number as `liuli explain --unit` takes it: %2[0,3,5,7]. */
  exact(address: string, index: number): string {
    const { shape } = this.facts(address)
    return address + (shape.length ? `[${indexOf(index, shape).join(',')}]` : '')
  }

  private go(place: Place): void {
    this.place = place
    void this.load(place)
  }

  private async load(place: Place): Promise<void> {
    let explanation: Explanation | null = null
    let problem: View['problem'] = null
    try {
      explanation = await this.client.explain(place.address, place.index, place.direction)
    } catch (error) {
      problem = error instanceof Absent ? 'absent' : 'failed'
      if (problem === 'failed') console.error(error)
    }
    if (this.place !== place && !same(this.place, place)) return // another was chosen meanwhile
    this.explanation = explanation
    this.problem = problem
  }
}

export const same = (one: Place, other: Place): boolean =>
  one.address === other.address && one.index === other.index && one.direction === other.direction

const KEY = Symbol('view')
export const provide = (view: View): View => setContext(KEY, view)
export const useView = (): View => getContext<View>(KEY)
