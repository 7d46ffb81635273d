/** A run that is followed: what the server says of it as it goes on. */

import type { Epoch, RunFacts } from '../api'
import { called } from '../called'
import { runs, type Answers, type Moment, type Progress, type RunTold, type Shown } from './api'

const GATHER = 80 // ms: what comes within them is drawn at once
const LOOK = 1000 // ms between two questions for what is not told by itself

export class Following {
  /** Of the run; 'beginning' until its process has read the data. */
  state = $state('beginning')
  facts: RunTold | null = $state.raw(null)
  epochs: Epoch[] = $state.raw([])
  progress: Progress | null = $state.raw(null)
  percents: number[] = $state.raw([])
  moments: Moment[] = $state.raw([])
  shown: Shown[] = $state.raw([])
  answers: Answers[] = $state.raw([])
  /** Which texts of the examples are liuli's own. */
  ours: string[] = $state.raw([])
  /** The epochs after which pictures were kept, by their names. */
  pictures: Record<string, number[]> = $state.raw({})
  trouble = $state('')
  /** Whether the server does not answer; the training goes on without it. */
  lost = $state(false)
  private source: EventSource | null = null
  private fresh: Epoch[] = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private looking = false
  private again = false
  private round = 0 // what was asked in an earlier one is no longer wanted

  constructor(
    readonly name: string,
    private readonly changed: () => void,
  ) {
    this.follow()
  }

  /** Whether there is more to come. */
  get going(): boolean {
    return this.state === 'beginning' || this.state === 'running'
  }

  /** As a reader calls it. */
  get called(): string {
    return called({ name: this.name, exhibit: this.name.startsWith('exhibit:') })
  }

  /** Listen, from the beginning. */
  follow(): void {
    this.leave()
    this.trouble = ''
    this.state = 'beginning'
    this.round++
    ;[this.moments, this.answers] = [[], []]
    let first = true
    const source = new EventSource(runs.events(this.name))
    const on = <T>(kind: string, act: (told: T) => void): void =>
      source.addEventListener(kind, (message) => act(JSON.parse((message as MessageEvent<string>).data) as T))
    source.addEventListener('open', () => {
      ;[first, this.lost] = [true, false] // it tells everything from the beginning, also when it was lost
    })
    source.addEventListener('error', () => (this.lost = true))
    on<Epoch>('epoch', (row) => {
      if (first) [this.epochs, this.fresh] = [[], []]
      first = false
      this.fresh.push(row)
      this.timer ??= setTimeout(this.flush, GATHER)
    })
    on<Progress>('progress', (progress) => {
      this.progress = progress
      this.timer ??= setTimeout(this.flush, GATHER)
    })
    on<RunFacts>('state', ({ state }) => {
      this.state = state
      if (state !== 'running') source.close()
      this.timer ??= setTimeout(this.flush, GATHER)
      void this.ask()
    })
    on<{ error: string }>('trouble', ({ error }) => {
      this.trouble = error
      if (!this.facts) this.state = 'failed'
      source.close()
      this.changed()
    })
    this.source = source
  }

  leave(): void {
    this.source?.close()
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private flush = (): void => {
    this.timer = undefined
    this.epochs = [...this.epochs, ...this.fresh]
    this.fresh = []
    void this.look()
  }

  private async ask(): Promise<void> {
    const facts = await runs.facts(this.name).catch(() => null)
    if (facts) {
      this.facts = facts
      this.progress = facts.progress ?? this.progress
    }
    this.changed()
  }

  /** Fetch what was seen since the last time; one question at a time, and not more than one a second. */
  async look(): Promise<void> {
    this.again = true
    if (this.looking) return
    this.looking = true
    while (this.again) {
      this.again = false
      const round = this.round
      const [seen, answered] = await Promise.all([
        runs.distributions(this.name, this.moments.length).catch(() => null),
        runs.examples(this.name, this.answers.length).catch(() => null),
      ])
      if (round !== this.round) continue
      if (seen?.moments.length) [this.percents, this.moments] = [seen.percents, [...this.moments, ...seen.moments]]
      if (answered) [this.shown, this.pictures, this.ours] = [answered.examples, answered.pictures, answered.ours]
      if (answered?.answers.length) this.answers = [...this.answers, ...answered.answers]
      if (this.again) await new Promise((done) => setTimeout(done, LOOK))
    }
    this.looking = false
  }
}
