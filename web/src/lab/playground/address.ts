/** The state of the playground as it stands in the address, so that it can be sent as a link. */

import type { Point } from './ask'
import { gridded, pack, unpack } from './packed'

export const DATA = ['moons', 'circles', 'spirals', 'xor', 'blobs', 'own'] as const
export const MODELS = ['perceptron', 'logistic', 'cascaded', 'mlp'] as const
export const ACTIVATIONS = ['tanh', 'sigmoid', 'relu', 'leaky-relu', 'elu', 'identity'] as const
export const OPTIMIZERS = ['sgd', 'momentum', 'nesterov', 'adam'] as const
export const SURFACES = ['bowl', 'ravine', 'saddle', 'rosenbrock', 'beale', 'himmelblau'] as const
export const RACERS = ['sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam'] as const
export const MOST_LAYERS = 5
export const MOST_UNITS = 8
/** More points than this are packed. */
const MOST_WRITTEN = 150
const MOST_POINTS = 2000
const LONGEST_NAME = 40
/** Characters of an address that every program takes whole. */
export const LONG_ADDRESS = 2000

export interface Setup {
  data: (typeof DATA)[number]
  classes: number
  count: number
  noise: number
  test: number
  seed: number
  model: (typeof MODELS)[number]
  layers: number[]
  activation: (typeof ACTIVATIONS)[number]
  optimizer: (typeof OPTIMIZERS)[number]
  rate: number
  momentum: number
  decay: number
  batch: number
}

export interface Racer {
  optimizer: (typeof RACERS)[number]
  rate: number
}

export interface RaceSetup {
  surface: (typeof SURFACES)[number]
  start: [number, number]
  steps: number
  momentum: number
  racers: Racer[]
}

export const SETUP: Setup = {
  data: 'moons',
  classes: 2,
  count: 200,
  noise: 0.15,
  test: 0.3,
  seed: 0,
  model: 'mlp',
  layers: [4, 2],
  activation: 'tanh',
  optimizer: 'adam',
  rate: 0.03,
  momentum: 0.9,
  decay: 0,
  batch: 20,
}

/** What was read from an address, and the fields of it that could not be read. */
export interface ReadAddress<T> {
  setup: T
  broken: string[]
}

/** One field after the other; what is wrong is left as it was and remembered. */
class Fields {
  readonly broken: string[] = []
  constructor(readonly query: URLSearchParams) {}

  private read<T>(name: string, otherwise: T, of: (text: string) => T | null): T {
    const text = this.query.get(name)
    if (text === null) return otherwise
    const found = of(text)
    if (found === null) this.broken.push(name)
    return found ?? otherwise
  }

  number(name: string, otherwise: number, low: number, high: number, whole = false): number {
    return this.read(name, otherwise, (text) => within(text, low, high, whole))
  }

  choice<T extends string>(name: string, otherwise: T, known: readonly T[]): T {
    return this.read(name, otherwise, (text) => known.find((one) => one === text) ?? null)
  }

  points(): Point[] {
    const written = this.list('points', [], pointOf, MOST_POINTS, ';')
    return this.read('packed', written, (text) => {
      const found = unpack(text)
      return found && found.length <= MOST_POINTS ? found : null
    })
  }

  /** Names of the classes, each in a field of its own, as they may hold any sign. */
  names(classes: number): string[] {
    const found = Array.from({ length: classes }, (_, i) => this.read(`name${i + 1}`, '', (text) => text))
    const sound = found.every((name) => name && name.length <= LONGEST_NAME)
    if (found.some(Boolean) && !sound) this.broken.push('names')
    return sound ? found : []
  }

  list<T>(name: string, otherwise: T[], of: (text: string) => T | null, most: number, sign = ','): T[] {
    return this.read(name, otherwise, (text) => {
      const found = (text ? text.split(sign) : []).map(of)
      return found.length > most || found.includes(null) ? null : (found as T[])
    })
  }
}

function within(text: string, low: number, high: number, whole = false): number | null {
  const value = text.trim() ? Number(text) : NaN
  return value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : null
}

const pointOf = (text: string): Point | null => {
  const [x, y, label, ...rest] = text.split(',').map((one) => within(one, -100, 100))
  const sound = x != null && y != null && (label === 0 || label === 1 || label === 2) && !rest.length
  return sound ? [x, y, label] : null
}

/** A setup with the points that a person placed, and what their classes are called. */
export type Given = Setup & { points: Point[]; names: string[] }

/** Points and names as an address can tell them. */
export const tellable = (points: Point[], names: string[]): [Point[], string[]] => [
  points.length > MOST_WRITTEN ? gridded(points) : points,
  names.map((name) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name)),
]

/** "data=moons&…" as a setup. */
export function readSetup(text: string): ReadAddress<Given> {
  const fields = new Fields(new URLSearchParams(text))
  const data = fields.choice('data', SETUP.data, DATA)
  const model = fields.choice('model', SETUP.model, MODELS)
  const most = model === 'cascaded' ? 1 : MOST_LAYERS
  const layers = model === 'cascaded' ? [2] : SETUP.layers
  const setup = {
    data,
    classes: fields.number('classes', SETUP.classes, 2, classesOf(data), true),
    count: fields.number('count', SETUP.count, 2, MOST_POINTS, true),
    noise: fields.number('noise', SETUP.noise, 0, 2),
    test: fields.number('test', SETUP.test, 0, 0.9),
    seed: fields.number('seed', SETUP.seed, 0, 2 ** 31 - 1, true),
    model,
    layers: fields.list('layers', layers, (one) => within(one, 1, MOST_UNITS, true), most),
    activation: fields.choice('activation', SETUP.activation, ACTIVATIONS),
    optimizer: fields.choice('optimizer', SETUP.optimizer, OPTIMIZERS),
    rate: fields.number('rate', model === 'perceptron' ? 1 : SETUP.rate, 1e-6, 100),
    momentum: fields.number('momentum', SETUP.momentum, 0, 0.999),
    decay: fields.number('decay', SETUP.decay, 0, 1),
    batch: fields.number('batch', SETUP.batch, 1, MOST_POINTS, true),
    points: fields.points(),
    names: [] as string[],
  }
  setup.names = fields.names(setup.classes)
  if (model === 'cascaded' && setup.layers.length !== 1) setup.layers = [2]
  if (setup.points.some(([, , label]) => label >= setup.classes)) {
    fields.broken.push('points')
    setup.points = []
  }
  return { setup, broken: fields.broken }
}

/** The most classes that a pattern has. */
export const classesOf = (data: Setup['data']): number => (data === 'moons' || data === 'xor' ? 2 : 3)

export function writeSetup(setup: Setup, points: Point[], names: string[]): string {
  const { data, count, noise, layers, activation, momentum, optimizer, rate, batch, decay, ...rest } = setup
  const own = data === 'own'
  const deep = setup.model === 'mlp' || setup.model === 'cascaded'
  const parts: Record<string, unknown> = {
    data,
    ...(own ? {} : { count, noise }),
    ...rest,
    ...(deep ? { layers: layers.join(',') } : {}),
    ...(setup.model === 'mlp' ? { activation } : {}),
    rate,
    ...(setup.model === 'perceptron' ? {} : { optimizer, batch, decay }),
    ...(optimizer === 'momentum' || optimizer === 'nesterov' ? { momentum } : {}),
    ...(own ? placed(points, names) : {}),
  }
  return joined('learn', parts)
}

/** Twice encoded: the address is decoded as a whole before its fields are. */
const encoded = (text: string): string => encodeURIComponent(encodeURIComponent(text))

const placed = (points: Point[], names: string[]): Record<string, string> => ({
  ...Object.fromEntries(names.map((name, i) => [`name${i + 1}`, encoded(name)])),
  ...(points.length > MOST_WRITTEN ? { packed: pack(points) } : { points: points.map((one) => one.join(',')).join(';') }),
})

const racerOf = (text: string): Racer | null => {
  const [name, rate] = text.split(':')
  const optimizer = RACERS.find((one) => one === name)
  const value = within(rate ?? '', 1e-6, 100)
  return optimizer && value !== null ? { optimizer, rate: value } : null
}

/** A race; what the address leaves open is null: the surface has a start and rates of its own. */
export function readRace(text: string): ReadAddress<Omit<RaceSetup, 'start' | 'racers'> & {
  start: [number, number] | null
  racers: Racer[] | null
}> {
  const fields = new Fields(new URLSearchParams(text))
  const start = fields.list('start', [], (one) => within(one, -100, 100), 2)
  const racers = fields.list('racers', [], racerOf, RACERS.length)
  if (start.length === 1) fields.broken.push('start')
  const twice = new Set(racers.map(({ optimizer }) => optimizer)).size < racers.length
  if (twice) fields.broken.push('racers')
  const setup = {
    surface: fields.choice('surface', 'ravine', SURFACES),
    start: start.length === 2 ? (start as [number, number]) : null,
    steps: fields.number('steps', 100, 1, 500, true),
    momentum: fields.number('momentum', 0.9, 0, 0.999),
    racers: racers.length && !twice ? racers : null,
  }
  return { setup, broken: fields.broken }
}

export const writeRace = ({ surface, start, steps, momentum, racers }: RaceSetup): string =>
  joined('race', {
    surface,
    start: start.join(','),
    steps,
    momentum,
    racers: racers.map(({ optimizer, rate }) => `${optimizer}:${rate}`).join(','),
  })

const joined = (view: string, parts: Record<string, unknown>): string =>
  `#/playground/${view}?${Object.entries(parts)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('&')}`

/** Write the state into the address without going anywhere. */
export const remember = (hash: string): void => history.replaceState(null, '', hash)
