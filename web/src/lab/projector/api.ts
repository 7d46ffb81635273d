/** What the projector asks the server: see `liuli/lab/routes/projector.py`. */

import { api } from '../api'

/** Vectors of a run that can be seen as points. */
export interface Offer {
  key: string
  kind: 'hidden' | 'embedding'
  rows?: number
  width?: number
}

export interface CloudFacts {
  kind: 'hidden' | 'embedding'
  /** The module whose weights they are, or that reads them. */
  layer: string
  /** What the source calls what it reads; "" where it gives no name. */
  variable: string
  /** The sizes of the map that each vector is the mean of, over all its places; none where there is no such map. */
  places: number[]
  /** Numbers of each vector. */
  width: number
  /** How many points there would be if there were no limit. */
  whole: number
  names: string[]
  /** Points that the network cannot be asked about. */
  silent: number[]
  classes: string[]
  /** The class of each point; empty where they have none. */
  labels: number[]
  /** Of the variance, along the first principal components. */
  shares: number[]
}

export interface Neighbour {
  point: number
  value: number
}

export type Measure = 'cosine' | 'euclidean'

export interface Progress {
  iteration: number
  of: number
  error: number | null
}

const part = encodeURIComponent
const place = (run: string, key: string): string => `/api/runs/${part(run)}/clouds/${part(key)}`
const floats = async (path: string): Promise<Float32Array> =>
  new Float32Array(await (await api.fetched(path)).arrayBuffer())

export const clouds = {
  offered: (run: string) => api.told<Offer[]>(`/api/runs/${part(run)}/clouds`),
  facts: (run: string, key: string) => api.told<CloudFacts>(place(run, key)),
  axes: (run: string, key: string) => floats(`${place(run, key)}/axes`),
  tsne: (run: string, key: string, dimensions: number) => floats(`${place(run, key)}/tsne/${dimensions}`),
  /** Where t-SNE says how far it is; it ends when nobody listens any longer. */
  events: (run: string, key: string, dimensions: number) =>
    new EventSource(`${place(run, key)}/tsne/${dimensions}/events`),
  neighbours: (run: string, key: string, point: number, measure: Measure) =>
    api.told<Neighbour[]>(`${place(run, key)}/neighbours?point=${point}&measure=${measure}`),
  picture: (run: string, key: string, point: number) => `${place(run, key)}/points/${point}/picture`,
  record: (run: string, key: string, point: number) =>
    api.told<{ record: string }>(`${place(run, key)}/points/${point}/records`, { method: 'POST' }),
}
