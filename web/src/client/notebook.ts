/** The transport of a notebook: messages to the kernel, through anywidget's model. */

import {
  Absent,
  captured,
  type Client,
  type Direction,
  type Explanation,
  type Manifest,
  type Numbers,
  type Part,
} from './client'
import { TYPES, type PackedType } from './pack'

/** What we use of anywidget's model. */
export interface Model {
  get(name: 'manifest'): Manifest
  send(content: object): void
  on(event: 'msg:custom', answer: (content: Answer, buffers: DataView[]) => void): void
}

interface Answer {
  id: number
  absent?: boolean
  type?: PackedType
  captured?: number | null
  parts?: Part[]
}

export class NotebookClient implements Client {
  readonly manifest: Manifest
  private readonly waiting = new Map<number, (answer: [Answer, DataView[]]) => void>()
  private next = 0

  constructor(private readonly model: Model) {
    this.manifest = model.get('manifest')
    model.on('msg:custom', (answer, buffers) => {
      this.waiting.get(answer.id)?.([answer, buffers])
      this.waiting.delete(answer.id)
    })
  }

  async slice(address: string, gradient: boolean, start = 0, count?: number): Promise<Numbers> {
    const [answer, buffers] = await this.ask({ ask: 'slice', address, gradient, start, count: count ?? null })
    const bytes = buffers[0]
    if (answer.absent || !bytes) throw new Absent(address)
    const own = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) // aligned for any type
    return new TYPES[answer.type!](own as ArrayBuffer)
  }

  async explain(address: string, index: number, direction: Direction): Promise<Explanation> {
    const [answer] = await this.ask({ ask: 'explain', address, index, direction })
    return { address, index, direction, captured: captured(answer.captured!), parts: answer.parts! }
  }

  private ask(question: object): Promise<[Answer, DataView[]]> {
    const id = this.next++
    return new Promise((resolve) => {
      this.waiting.set(id, resolve)
      this.model.send({ id, ...question })
    })
  }
}
