/** What the server is asked about training, and what it says. */

import { api, type Learnt } from '../api'

/** How far a run has come; `left`: seconds, if it goes on at this pace. */
export interface Progress {
  step: number
  steps: number
  seconds: number
  loss?: number
  left: number | null
}

export interface RunTold extends Learnt {
  system: string
  command: string | null
  progress: Progress | null
}

/** Of every tensor by its name the quantiles, then the root mean square; null where it holds what is no number. */
export type Spread = Record<string, number[] | null>

export interface Moment {
  step: number
  epoch: number
  weights: Spread
  gradients: Spread
}

export interface Shown {
  picture: string | null
  words: string
  right: string
  /** Whether every other answer is wrong. */
  judged?: boolean
  /** What is right, drawn. */
  ideal?: string | null
}

export interface Said {
  answer: string
  probability?: number
  picture?: string
}

export interface Answers {
  step: number
  epoch: number
  answers: Said[]
}

export interface Comparison {
  runs: string[]
  different: Record<string, unknown[]>
  figures: Record<string, (number | null)[]>
}

export interface Wanted {
  system: string
  data?: string
  settings: Record<string, string>
}

const part = encodeURIComponent
const posted = (body?: unknown): RequestInit => ({ method: 'POST', ...(body ? { body: JSON.stringify(body) } : {}) })

export const runs = {
  facts: (run: string) => api.told<RunTold>(`/api/runs/${part(run)}`),
  events: (run: string) => `/api/runs/${part(run)}/events`,
  distributions: (run: string, start: number) =>
    api.told<{ percents: number[]; moments: Moment[] }>(`/api/runs/${part(run)}/distributions?start=${start}`),
  examples: (run: string, start: number) =>
    api.told<{ examples: Shown[]; answers: Answers[]; ours: string[]; pictures: Record<string, number[]> }>(`/api/runs/${part(run)}/examples?start=${start}`),
  picture: (run: string, name: string, epoch: number) => `/api/runs/${part(run)}/pictures/${part(name)}/${epoch}`,
  compared: (names: string[]) =>
    api.told<Comparison>(`/api/comparison?${names.map((name) => `run=${part(name)}`).join('&')}`),
  command: (wanted: Wanted) => api.told<{ command: string }>('/api/commands', posted(wanted)),
  begin: (wanted: Wanted) => api.told<{ run: string }>('/api/runs', posted(wanted)),
  bid: (run: string, what: 'pause' | 'resume' | 'stop') => api.told(`/api/runs/${part(run)}/${what}`, posted()),
}
