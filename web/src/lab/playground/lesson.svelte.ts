/** One network that learns: what was chosen, what the server says of it, and whether it goes on. */

import { untrack } from 'svelte'

import { ServerClient } from '../../client/server'
import { say } from '../../i18n/texts.svelte'
import { reason } from '../api'
import { LONG_ADDRESS, remember, tellable, writeSetup, type Given, type Setup } from './address'
import { ask, type Begun, type Move, type Point, type PointRecord, type State } from './ask'
import type { Moment } from './LossCurve.svelte'
import type { Chosen } from './Net.svelte'

const MOST_MOMENTS = 400

export class Lesson {
  setup: Setup = $state.raw(null!)
  /** Placed by hand, or from a file. */
  own: Point[] = $state.raw([])
  begun: Begun | null = $state.raw(null)
  told: State | null = $state.raw(null)
  moments: Moment[] = $state.raw([])
  playing = $state(false)
  /** Steps between two pictures. */
  speed = $state(5)
  problem = $state('')
  point: Point | null = $state.raw(null)
  opened: PointRecord | null = $state.raw(null)
  /** The activations at the chosen point, by layer. */
  values: ArrayLike<number>[] = $state.raw([])
  chosen: Chosen | null = $state.raw(null)
  move: Move | string | null = $state.raw(null)
  /** Class names of a file. */
  names: string[] = $state.raw([])

  /** Characters of the address, where they are more than every program takes; else 0. */
  long = $state(0)

  constructor({ points, names, ...setup }: Given) {
    this.setup = setup
    this.own = points
    this.names = names
  }

  /** Do it; say in a sentence why it was refused. */
  private async attempt<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      const found = await work()
      this.problem = ''
      return found
    } catch (error) {
      this.playing = false
      this.problem = reason(error)
      return null
    }
  }

  /** From the first weights, with what is chosen now. */
  async begin(): Promise<void> {
    remember(writeSetup(this.setup, this.own, this.names))
    this.long = location.href.length > LONG_ADDRESS ? location.href.length : 0
    this.playing = false
    if (this.setup.data === 'own' && !this.own.length) {
      this.begun = this.told = this.opened = this.point = null
      this.problem = ''
      return
    }
    const [setup, own] = [this.setup, this.own]
    await this.attempt(async () => {
      const begun = await ask.begin(setup, own)
      const told = await ask.steps(begun.network, 0)
      if (setup !== this.setup || own !== this.own) return // something else was chosen meanwhile
      const kept = this.point && begun.points.some((one) => one.join() === this.point!.join())
      this.begun = begun
      this.moments = []
      this.heard(told)
      this.opened = this.move = null
      this.values = []
      this.point = kept ? this.point : begun.points[0]!
      const sizes = told.layers.map(({ bias }) => bias.length)
      const there = this.chosen && this.chosen.from === null && this.chosen.unit < (sizes[this.chosen.layer - 1] ?? 0)
      this.chosen = there ? this.chosen : { layer: sizes.length, unit: 0, from: null }
      await this.open()
    })
  }

  change(change: Partial<Setup>): void {
    this.setup = { ...this.setup, ...change }
    if (change.classes) this.own = this.own.filter(([, , label]) => label < change.classes!)
    void this.begin()
  }

  place(points: Point[], names: string[] = []): void {
    ;[this.own, this.names] = tellable(points, names)
    void this.begin()
  }

  async upload(file: Blob): Promise<string> {
    const table = await this.attempt(() => ask.table(file))
    if (!table) return ''
    this.setup = { ...this.setup, classes: table.names.length }
    this.place(table.points, table.names)
    return table.scaled ? say('play.scaled') : ''
  }

  private heard(told: State): void {
    this.told = told
    const moments = [...this.moments, { steps: told.steps, figures: told.figures }]
    this.moments =
      moments.length > MOST_MOMENTS ? moments.filter((_, i) => i % 2 === 0 || i === moments.length - 1) : moments
    if (told.ended) this.playing = false
  }

  /** Take steps; then look, unless it plays on. */
  async step(count: number): Promise<void> {
    const begun = this.begun
    if (!begun) return
    const told = await this.attempt(() => ask.steps(begun.network, count))
    if (!told || begun !== this.begun) return
    if (this.playing && !told.ended) this.heard(told)
    else await this.open(told)
  }

  async play(): Promise<void> {
    this.playing = true
    this.values = []
    this.opened = this.move = null
    while (this.playing) {
      await this.step(this.speed)
      await new Promise(requestAnimationFrame)
    }
    if (!this.opened) await this.open() // paused between two steps
  }

  /** What is under way comes to its end, and is then looked at. */
  pause(): void {
    this.playing = false
  }

  /** Another point, which need not be one of the data. */
  async look(point: Point): Promise<void> {
    this.point = point
    if (!this.playing) await this.open()
  }

  async choose(chosen: Chosen): Promise<void> {
    this.chosen = { layer: chosen.layer, unit: chosen.unit, from: chosen.from }
    if (this.playing) this.pause()
    else await this.explainWeight()
  }

  /** The chosen point's way through the network, and the next step of the chosen weight. What was `told` of the network
   * since is shown together with them: numbers that stand side by side are of one moment. */
  private async open(told = this.told): Promise<void> {
    const { begun, point } = this
    if (!begun || !point || !told) return
    const found = await this.attempt(async () => {
      const opened = await ask.record(begun.network, point)
      const client = await ServerClient.open(opened.record)
      const layers = await Promise.all(opened.layers.map(({ activation }) => client.slice(activation, false)))
      return { opened, values: [[point[0], point[1]], ...layers], move: await this.moveOf(told) }
    })
    if (begun !== this.begun || point !== this.point || told.steps < this.told!.steps) return
    if (told !== this.told) this.heard(told)
    if (this.playing) return
    this.opened = found?.opened ?? null
    this.values = found?.values ?? []
    this.move = found?.move ?? null
  }

  private async explainWeight(): Promise<void> {
    const { chosen, told } = this
    this.move = null
    const move = told && (await this.moveOf(told))
    if (chosen === this.chosen && told === this.told) this.move = move
  }

  /** How the next step moves the chosen weight; a sentence where none does, null where no weight is chosen. */
  private async moveOf(told: State): Promise<Move | string | null> {
    const { begun, chosen } = this
    if (!begun || !chosen || chosen.from === null) return null
    const name = `${told.layers[chosen.layer - 1]!.name}.${chosen.from < 0 ? 'bias' : 'weight'}`
    const index = chosen.from < 0 ? [chosen.unit] : [chosen.unit, chosen.from]
    try {
      return await ask.move(begun.network, name, index)
    } catch (error) {
      return reason(error)
    }
  }

  /** What a unit is called: x, y; h 1,2; the outputs by their class. */
  unit = (layer: number, unit: number): string => {
    const last = untrack(() => this.told!.layers.length)
    if (layer === 0) return unit ? 'y' : 'x'
    if (layer < last) return `h${layer},${unit + 1}`
    const { classes } = this.begun!
    return say('play.output', { class: this.label(classes === 2 ? 1 : unit) })
  }

  label = (label: number): string => this.names[label] ?? String(label + 1)
}
