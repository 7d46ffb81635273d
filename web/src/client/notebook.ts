/** The transport of a notebook: messages to the kernel, through anywidget's model. */

import {
  Absent,
  captured,
  type Client,
  type Direction,
  type Edit,
  type Edited,
  type Explanation,
  type Manifest,
  type Numbers,
  type Part,
  type Step,
  type Tree,
  type WordEdit,
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
  /** Why there is none, in a sentence. */
  error?: string
  absent?: boolean
  type?: PackedType
  captured?: Tree | null
  halves?: Tree[]
  parts?: Part[]
}

/** Questions to the kernel, each with its answer. */
class Kernel {
  private readonly waiting = new Map<number, (answer: [Answer, DataView[]]) => void>()
  private next = 0

  constructor(private readonly model: Model) {
    model.on('msg:custom', (answer, buffers) => {
      this.waiting.get(answer.id)?.([answer, buffers])
      this.waiting.delete(answer.id)
    })
  }

  async ask(question: object): Promise<[Answer, DataView[]]> {
    const id = this.next++
    const [answer, buffers] = await new Promise<[Answer, DataView[]]>((resolve) => {
      this.waiting.set(id, resolve)
      this.model.send({ id, ...question })
    })
    if (answer.error !== undefined) throw new Error(answer.error)
    return [answer, buffers]
  }
}

export class NotebookClient implements Client {
  private constructor(
    private readonly kernel: Kernel,
    readonly manifest: Manifest,
    /** Its number in the kernel: 0 is the one that is shown. */
    private readonly record: number,
  ) {}

  static open(model: Model): NotebookClient {
    return new NotebookClient(new Kernel(model), model.get('manifest'), 0)
  }

  async slice(address: string, gradient: boolean, start = 0, count?: number): Promise<Numbers> {
    return this.numbers(address, { ask: 'slice', gradient, start, count: count ?? null })
  }

  async explain(address: string, index: number, direction: Direction): Promise<Explanation> {
    const [answer] = await this.ask({ ask: 'explain', address, index, direction })
    return { address, index, direction, parts: answer.parts!, ...captured({ captured: null, ...answer }) }
  }

  async step(address: string, index: number): Promise<Step> {
    const [answer] = await this.ask({ ask: 'step', address, index })
    return answer as unknown as Step
  }

  async whatif(edits: (Edit | WordEdit)[]): Promise<Edited> {
    type Told = Omit<Edited, 'client' | 'difference'> & { record: number; manifest: Manifest }
    const [answer] = await this.ask({ ask: 'edits', edits })
    const { record, manifest, ...told } = answer as unknown as Told
    const client = new NotebookClient(this.kernel, manifest, record)
    const difference = (address: string, gradient: boolean): Promise<Numbers> =>
      client.numbers(address, { ask: 'difference', gradient })
    return { ...told, client, difference }
  }

  private async numbers(address: string, question: object): Promise<Numbers> {
    const [answer, buffers] = await this.ask({ ...question, address })
    const bytes = buffers[0]
    if (answer.absent || !bytes) throw new Absent(address)
    const own = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) // aligned for any type
    return new TYPES[answer.type!](own as ArrayBuffer)
  }

  private ask(question: object): Promise<[Answer, DataView[]]> {
    return this.kernel.ask({ ...question, record: this.record })
  }
}
