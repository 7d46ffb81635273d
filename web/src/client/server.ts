/** The transport of the laboratory: questions to the server about a record that lies open there. */

import { api } from '../lab/api'
import {
  Absent,
  captured,
  FEW,
  type Client,
  type Direction,
  type Edit,
  type Edited,
  type Explanation,
  type Manifest,
  type Numbers,
  type Part,
  type Pooling,
  type Sample,
  type Step,
  type Tree,
  type WordEdit,
} from './client'
import { TYPES, type PackedType } from './pack'

const MOST = 1 << 22 // numbers of one answer
const KEPT = 1 << 23 // numbers of values that are kept
const UNSEEN = 200 // ms after which a page is taken for one that nobody sees: it draws nothing

export class ServerClient implements Client {
  private readonly kept = new Map<string, { size: number; numbers: Promise<Numbers> }>()

  private readonly pictures = new Set<Promise<unknown>>()

  private constructor(
    private readonly place: string,
    readonly manifest: Manifest,
  ) {}

  static async open(record: string): Promise<ServerClient> {
    const place = `/api/records/${encodeURIComponent(record)}`
    return new ServerClient(place, await api.told<Manifest>(place))
  }

  /** All numbers of a value, which do not change: kept while there is room, as several parts of a page ask for them. */
  private whole(address: string, gradient: boolean): Promise<Numbers> {
    const key = `${gradient} ${address}`
    const size = this.size(address)
    if (size > MOST) return Promise.reject(new Absent(address))
    let found = this.kept.get(key)?.numbers
    if (!found) {
      found = this.afterPictures(size).then(() => this.slice(address, gradient, 0, size))
      found.catch(() => this.kept.delete(key))
      let room = KEPT - size
      for (const [one, { size }] of [...this.kept].reverse()) if ((room -= size) < 0) this.kept.delete(one)
    }
    this.kept.delete(key) // the newest stands last
    this.kept.set(key, { size, numbers: found })
    return found
  }

  /** Many numbers keep a page from drawing while they come in: they wait until what is asked for now is drawn. */
  private async afterPictures(size: number): Promise<void> {
    if (size <= FEW) return
    await new Promise((done) => setTimeout(done))
    if (!this.pictures.size) return
    await Promise.allSettled(this.pictures)
    await new Promise<void>((done) => {
      requestAnimationFrame(() => setTimeout(done))
      setTimeout(done, UNSEEN)
    })
  }

  private size(address: string): number {
    const found = this.manifest.values.find((value) => value.address === address)
    return found ? found.shape.reduce((one, other) => one * other, 1) : 0
  }

  async slice(address: string, gradient: boolean, start = 0, count?: number): Promise<Numbers> {
    if (count === undefined && start === 0) return this.whole(address, gradient)
    const query = new URLSearchParams({ address, gradient: String(gradient), start: String(start) })
    if (count !== undefined) query.set('count', String(count))
    return numbersOf(await api.fetched(`${this.place}/numbers?${query}`), address)
  }

  step(address: string, index: number): Promise<Step> {
    return api.told<Step>(`${this.place}/steps?${new URLSearchParams({ address, index: String(index) })}`)
  }

  async whatif(edits: (Edit | WordEdit)[]): Promise<Edited> {
    type Told = Omit<Edited, 'client' | 'difference'> & { record: string }
    const body = JSON.stringify({ edits })
    const { record, ...told } = await api.told<Told>(`${this.place}/edits`, { method: 'POST', body })
    const client = await ServerClient.open(record)
    return { ...told, client, difference: (address, gradient) => client.difference(address, gradient) }
  }

  private async difference(address: string, gradient: boolean): Promise<Numbers> {
    const query = new URLSearchParams({ address, gradient: String(gradient) })
    return numbersOf(await api.fetched(`${this.place}/differences?${query}`), address)
  }

  picture(address: string, gradient: boolean, pooling: Pooling): Promise<Uint8Array | null> {
    if (this.size(address) > MOST) return Promise.resolve(null)
    const found = this.pictured(address, gradient, pooling)
    this.pictures.add(found)
    const forget = (): boolean => this.pictures.delete(found)
    found.then(forget, forget)
    return found
  }

  private async pictured(address: string, gradient: boolean, pooling: Pooling): Promise<Uint8Array | null> {
    const which = Object.entries(pooling).map(([name, number]) => [name, String(number)])
    const query = new URLSearchParams([['address', address], ['gradient', String(gradient)], ...which])
    const response = await api.fetched(`${this.place}/pictures?${query}`)
    return response.status === 204 ? null : new Uint8Array(await response.arrayBuffer())
  }

  async sample(
    address: string,
    gradient: boolean,
  ): Promise<{ numbers: Float32Array; shape: Sample['shape'] } | null> {
    const query = new URLSearchParams({ address, gradient: String(gradient) })
    const response = await api.fetched(`${this.place}/samples?${query}`)
    if (response.status === 204) return null
    const [low, high] = ['low', 'high'].map((end) => Number(response.headers.get(`liuli-${end}`))) as [number, number]
    const steps = new Uint8Array(await response.arrayBuffer())
    const shape = response.headers.get('liuli-shape')!.split(',').map(Number) as Sample['shape']
    return { numbers: Float32Array.from(steps, (step) => low + (step / 255) * (high - low)), shape }
  }

  async explain(address: string, index: number, direction: Direction): Promise<Explanation> {
    const query = new URLSearchParams({ address, index: String(index), direction })
    const found = await api.told<{ captured: Tree | null; halves?: Tree[]; parts: Part[] }>(`${this.place}/explanations?${query}`)
    return { address, index, direction, parts: found.parts, ...captured(found) }
  }
}

async function numbersOf(response: Response, address: string): Promise<Numbers> {
  if (response.status === 204) throw new Absent(address)
  return new TYPES[response.headers.get('liuli-type') as PackedType](await response.arrayBuffer())
}
