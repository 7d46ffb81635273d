/** Judging a run: what the server is asked, and how far it has come. */

import { metric } from '../../i18n/metrics'
import { texts, type Key, type Language } from '../../i18n/texts.svelte'
import { api, making, reason, Refused, type Answer, type Made, type RunFacts } from '../api'

export type Metrics = Record<string, unknown>
export type ClassRow = { class: string } & Record<string, number | null>

export interface Bin {
  above: number
  to: number
  count: number
  confidence: number
  accuracy: number
}

/** A run before it is judged: what it reached when its training ended, and whether its data are on this machine. */
export interface Before extends RunFacts {
  system: string
  kind: string
  classes: string[]
  here: boolean
  metrics: Metrics | null
  /** The key of the text that says by what it is judged, where that is no part held out; else "". */
  note: Key | ''
  /** The epochs after which pictures were kept that show how it came along, by their names. */
  pictures: Record<string, number[]>
}

/** What judging found; `measure`: what the values of its examples are; null where it has none. */
export interface Judged {
  metrics: Metrics
  measure: string | null
  examples: number
  mistakes: number | null
  /** Some of those whose examples they are; none where they are nobody's. */
  owners: string[]
}

/** A piece of a text, how much it surprised the network (nats; null: not asked), and what that named if another. */
export type Piece = [text: string, surprise: number | null, said: string]

/** An example of the test part; `wrong`: null where an answer is better or worse only. */
export interface Tile {
  index: number
  value: number
  wrong: boolean | null
  right: string
  answer: string
  words: string
  pieces: Piece[]
  seen?: string
  ideal?: string
  picture?: string
}

/** A cell of the confusion matrix. */
export interface Cell {
  true: number
  answer: number
}

const at = (run: string): string => `/api/runs/${encodeURIComponent(run)}`

export const asked = {
  before: (run: string) => api.told<Before>(`${at(run)}/judging`),
  /** Examples of a cell, and of one owner ("": of all); `known`: whether the data know that owner. */
  examples: (run: string, cell: Cell | null, owner: string, start: number, count: number) =>
    api.told<{ total: number; known: boolean; ours: string[]; examples: Tile[] }>(
      `${at(run)}/judging/examples?start=${start}&count=${count}` +
        (cell ? `&true=${cell.true}&answer=${cell.answer}` : '') +
        (owner ? `&owner=${encodeURIComponent(owner)}` : ''),
    ),
  figures: (run: string, language: Language) =>
    api.told<{ figures: string[] }>(`${at(run)}/judging/figures?language=${language}`),
  figure: (run: string, number: number, language: Language) =>
    `${at(run)}/judging/figures/${number}?language=${language}`,
  answer: (run: string, index: number, layers: boolean, made: Made, signal: AbortSignal) =>
    api.told<Answer>(`${at(run)}/parts/test/${index}/answers?layers=${layers}${making(made)}`, { method: 'POST', signal }),
  record: (run: string, index: number, made: Made = null) =>
    api.told<{ record: string }>(`${at(run)}/parts/test/${index}/records?${making(made)}`, { method: 'POST' }),
}

/** The value of an example's measure: a probability in per cent, anything else as a number. */
export const measured = (measure: string | null, value: number): string =>
  measure === 'probability' ? texts.percent(value) : `${metric(measure ?? '')} ${texts.number(value)}`

/** A run that is being judged; closing it, or leaving the page, ends the work. */
export class Judging {
  told: Judged | null = $state.raw(null)
  progress: { done: number; of: number } | null = $state.raw(null)
  problem = $state('')
  private controller = new AbortController()

  constructor(readonly run: string) {}

  async start(): Promise<void> {
    this.stop()
    this.problem = ''
    this.progress = { done: 0, of: 0 }
    const mine = (this.controller = new AbortController())
    try {
      this.told = await this.follow(mine.signal)
    } catch (error) {
      if (!mine.signal.aborted) this.problem = reason(error)
    }
    if (mine === this.controller) this.progress = null
  }

  stop(): void {
    this.controller.abort()
    this.progress = null
  }

  private async follow(signal: AbortSignal): Promise<Judged> {
    const response = await api.fetched(`${at(this.run)}/judging/events`, { signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new Refused('')
      const events = (rest + value).split('\n\n')
      rest = events.pop()!
      for (const one of events) {
        const [kind, content] = one.split('\n').map((line) => line.slice(line.indexOf(': ') + 2)) as [string, string]
        if (kind === 'progress') this.progress = JSON.parse(content) as { done: number; of: number }
        else if (kind === 'judged') return JSON.parse(content) as Judged
        else throw new Refused((JSON.parse(content) as { error: string }).error)
      }
    }
  }
}
