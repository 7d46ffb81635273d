/** What the laboratory's server is asked, and what it says. */

import type { Descriptions } from '../components/description'
import type { Target } from '../i18n/metrics'
import { say } from '../i18n/texts.svelte'

export interface RunFacts {
  name: string
  /** Whether it came with liuli. */
  exhibit: boolean
  state: string
  data: string
  /** How pictures of the data were made: "handwriting", "photograph"; "" for other kinds. */
  form: string
  /** What one typed input is made of, in its order; empty where the data do not say. */
  given: string[]
  /** From which language into which, where the data say so. */
  languages: string[]
  metric: string | null
  value: number | null
  reached: boolean | null
}

export interface Stop {
  name: string
  family: string
  year: number
  paper: string
  /** By language. */
  titles: Record<string, string>
  data: string
  target: Target
  /** The systems that its file imports. */
  parents: string[]
  /** Those whose idea it goes on with besides. */
  after: string[]
  runs: RunFacts[]
}

export interface Layer {
  path: string
  /** How often the module was called; of a system it is not told. */
  calls?: number
  kind: string
  shape: number[]
  parameters: number
  multiply_adds: number
}

export interface SystemFacts {
  name: string
  family: string
  year: number
  about: Descriptions
  data: string
  layers: Layer[]
  input: number[]
  parameters: number
  recipe: Record<string, unknown>
  target: Target
  kind: string
  reads: { text: boolean; endings: string[] }
  /** How many tokens an answer has, and at most, where that may be chosen. */
  makes: { usual: number; most: number } | null
  runs: RunFacts[]
}

export interface Epoch {
  epoch: number
  seconds: number
  [metric: string]: number
}

/** A run with its recipe and all its epochs; `reason`: why it failed. */
export interface Learnt extends RunFacts {
  recipe: Record<string, unknown>
  reason: string | null
  epochs: Epoch[]
}

/** What a layer made of an input, small: planes of rows of columns, 256 steps from low to high, in base64. */
export interface LayerMap {
  name: string
  shape: number[]
  planes: number
  rows: number
  columns: number
  low: number
  high: number
  data: string
}

export interface Answer {
  answer: string
  probability?: number
  probabilities?: Record<string, number>
  /** Which of the texts are liuli's own: "answer", "given". */
  ours: string[]
  read: string
  remark: string
  /** What would have been right, where that is known. */
  right?: string
  layers?: LayerMap[]
  seen?: string
  picture?: string
  /** What somebody whom the data know would like most; or, of whom nothing is known, what most people like. */
  recommended?: Recommended[]
  popular?: Recommended[]
  /** Of words that were added and taken away: those nearest to the sum, by the cosine of the angle between them. */
  nearest?: { word: string; similarity: number }[]
  [more: string]: unknown
}

/** One of the things that are recommended. */
export interface Recommended {
  title: string
  rating: number
  'ratings learnt from': number
}

/** Why the server did not do what it was asked: a sentence for the reader. */
export class Refused extends Error {}

/** The same of whatever was thrown: where it is not the server's, it does not answer. */
export const reason = (error: unknown): string =>
  error instanceof Refused && error.message ? error.message : say('lab.gone')

/** How many tokens an answer shall have; null: as many as it has usually. */
export type Made = number | null
export const making = (made: Made): string => (made === null ? '' : `&made=${made}`)

/** What a person gives to a network: words, or a file. */
export type Given = string | Blob

async function fetched(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, options)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Refused('')
  }
  if (response.ok) return response
  const said = await response.text()
  try {
    throw new Refused(String((JSON.parse(said) as { error: string }).error))
  } catch (error) {
    if (error instanceof Refused) throw error
    throw new Refused(response.status === 500 ? say('lab.failed') : said.replace(/^liuli: /, ''))
  }
}

const told = async <T>(path: string, options?: RequestInit): Promise<T> =>
  (await (await fetched(path, options)).json()) as T

const sent = (given: Given, signal?: AbortSignal): RequestInit => ({
  method: 'POST',
  body: given,
  headers: { 'content-type': typeof given === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream' },
  ...(signal ? { signal } : {}),
})

const part = encodeURIComponent

export const api = {
  road: () => told<Stop[]>('/api/road'),
  system: (name: string) => told<SystemFacts>(`/api/systems/${part(name)}`),
  drawn: (name: string) => told<{ record: string }>(`/api/systems/${part(name)}/records`, { method: 'POST' }),
  runs: () => told<(RunFacts & { system: string })[]>('/api/runs'),
  answer: (run: string, given: Given, layers: boolean, made: Made, signal?: AbortSignal) =>
    told<Answer>(`/api/runs/${part(run)}/answers?layers=${layers}${making(made)}`, sent(given, signal)),
  /** Words to ask a network by that its data know. */
  known: (run: string) => told<{ known: string[] }>(`/api/runs/${part(run)}/known`),
  record: (run: string, given: Given, made: Made = null) =>
    told<{ record: string }>(`/api/runs/${part(run)}/records?${making(made)}`, sent(given)),
  fetched,
  told,
}
