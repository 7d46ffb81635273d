/** The transport of a file: everything lies in the page, arrays are read when they are first needed. */

import {
  Absent,
  captured,
  type Client,
  type Direction,
  type Explanation,
  type Letter,
  type Manifest,
  type Numbers,
  type Part,
  type Tree,
  type ValueFacts,
} from './client'
import { unpack, type PackedType } from './pack'
import { UPSTREAM, backward } from './gradients'
import { forward, type Found, type Rule, type Ruled, type Surroundings, type Template } from './templates'

export interface FileManifest extends Manifest {
  /** For each operation, one for each of its outputs. */
  templates: Template[][]
  /** Where not everything fits: explanations of the numbers on one way through the network. */
  way: Record<string, { captured: Tree | null; halves?: Tree[]; parts: Part[] }>
}

/** The text of array `number` of the page, and its type. */
export type Arrays = (number: number) => { text: string; type: PackedType }

const arraysOfPage: Arrays = (number) => {
  const element = document.getElementById(`array-${number}`) as HTMLTemplateElement
  return { text: element.content.textContent!, type: element.dataset['type'] as PackedType }
}

export class FileClient implements Client {
  private readonly read = new Map<number, Promise<Numbers>>()
  private readonly values: Map<string, ValueFacts>

  constructor(
    readonly manifest: FileManifest,
    private readonly arrays: Arrays = arraysOfPage,
  ) {
    this.values = new Map(manifest.values.map((value) => [value.address, value]))
  }

  async slice(address: string, gradient: boolean, start = 0, count?: number): Promise<Numbers> {
    const value = this.values.get(address)
    const number = gradient ? value?.dataGradient : value?.data
    if (number === undefined) throw new Absent(address)
    const whole = await this.array(number)
    return whole.subarray(start, count === undefined ? undefined : start + count)
  }

  async explain(address: string, index: number, direction: Direction): Promise<Explanation> {
    const told = this.manifest.way[`${direction} ${address} ${index}`]
    if (told) return { address, index, direction, parts: told.parts, ...captured(told) }
    const value = this.values.get(address)!
    if (direction === 'backward' && !value.gradient) return { address, index, direction, captured: null, parts: [] }
    const [number] = await this.slice(address, direction === 'backward', index, 1)
    const parts = await (direction === 'forward' ? this.made(value, index) : this.returned(value, index))
    const halves = await this.halves(value, index, direction)
    return { address, index, direction, parts, captured: number!, ...(halves && { halves }) }
  }

  private async halves(value: ValueFacts, index: number, direction: Direction): Promise<[number, number] | undefined> {
    const number = direction === 'forward' ? value.halves : value.halvesGradient
    const all = number === undefined ? null : await this.array(number)
    return all ? [all[2 * index]!, all[2 * index + 1]!] : undefined
  }

  async sample(address: string, gradient: boolean) {
    const value = this.values.get(address)
    const facts = gradient ? value?.sampleGradient : value?.sample
    if (!facts) return null
    const steps = await this.array(facts.data)
    return {
      numbers: Float32Array.from(steps, (step) => facts.low + ((facts.high - facts.low) * step) / 255),
      shape: facts.shape,
    }
  }

  explained(address: string): number[] {
    return Object.keys(this.manifest.way).flatMap((key) => {
      const [direction, own, index] = key.split(' ')
      return direction === 'forward' && own === address ? [Number(index)] : []
    })
  }

  /** How the operation made the number. */
  private async made(value: ValueFacts, index: number): Promise<Part[]> {
    if (value.producer === null) return []
    const operation = value.producer
    const output = this.manifest.operations[operation]!.outputs.indexOf(value.address)
    if (output < 0) return []
    const template = this.manifest.templates[operation]![output]!
    if (template.kind === 'none') return [unsaid(operation, template.reason)]
    if (template.kind === 'numbers') return template.numbers[`forward ${value.address}`]?.[index] ?? []
    const letters = forward(template, index, await this.surroundings(template, value))
    return [{ operation, formula: template.formula, letters: await this.filled(letters) }]
  }

  /** What came back from each operation that used the number. */
  private async returned(value: ValueFacts, index: number): Promise<Part[]> {
    const parts = await Promise.all([...new Set(value.users)].map((user) => this.fromUser(value, index, user)))
    return parts.flat()
  }

  private async fromUser(value: ValueFacts, index: number, operation: number): Promise<Part[]> {
    const found: Part[] = []
    const { outputs, handwritten } = this.manifest.operations[operation]!
    if (handwritten) {
      const back = outputs.some((address) => this.values.get(address)!.gradient)
      return back && handwritten.inputs.includes(value.address) ? [unsaid(operation, handwritten.reason)] : []
    }
    for (const [place, address] of outputs.entries()) {
      const output = this.values.get(address)!
      const template = this.manifest.templates[operation]![place]!
      if (template.kind === 'numbers') found.push(...(template.numbers[`backward ${value.address}`]?.[index] ?? []))
      if (!output.gradient || template.kind === 'numbers') continue
      if (template.kind === 'none') {
        found.push(unsaid(operation, template.reason))
        continue
      }
      for (const one of backward(template, value.address, index, address, await this.surroundings(template, output))) {
        found.push({ operation, formula: one.formula, letters: await this.filled(one.letters, true) })
      }
    }
    return found
  }

  /** The arrays that the rules of a template name, read. */
  private async surroundings(template: Ruled, output: ValueFacts): Promise<Surroundings> {
    const keys: (keyof Rule)[] = ['table', 'row', 'rows', 'which']
    const numbers = Object.values(template.letters).flatMap((rule) => keys.map((key) => rule[key]))
    const known = new Map<number, Numbers>()
    for (const number of numbers) if (typeof number === 'number') known.set(number, await this.array(number))
    return { shape: output.shape, array: (number) => known.get(number)! }
  }

  /** Put in the numbers of the elements. */
  private async filled(letters: Record<string, Found>, backward = false): Promise<Record<string, Letter>> {
    const found: Record<string, Letter> = {}
    for (const [name, letter] of Object.entries(letters)) {
      if (!('address' in letter)) found[name] = letter
      else {
        const gradient = backward && name === UPSTREAM
        const numbers = await this.slice(letter.address, gradient)
        found[name] = { ...letter, gradient, values: letter.flats.map((flat) => Number(numbers[flat])) }
      }
    }
    return found
  }

  private array(number: number): Promise<Numbers> {
    let found = this.read.get(number)
    if (!found) {
      const { text, type } = this.arrays(number)
      this.read.set(number, (found = unpack(text, type)))
    }
    return found
  }
}

const unsaid = (operation: number, reason: string): Part => ({
  operation,
  formula: { result: 'y', body: NaN, define: [] },
  letters: {},
  reason,
})
