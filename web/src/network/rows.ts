/** The network as rows of a list: modules that unfold to what runs inside them, and what flows between them. */

import type { Manifest, ModuleFacts } from '../client/client'

export interface Row {
  key: string
  kind: 'input' | 'module' | 'operation' | 'parameter'
  depth: number
  label: string
  detail: string
  /** The value that the row stands for; null for a module that gave none. */
  address: string | null
  /** Whether it can be unfolded, and is. */
  open: boolean | null
  /** The operations that the row stands for. */
  operations: number[]
}

/** Modules that nothing is gained by folding: those that hold all the rest. */
export function firstOpen(manifest: Manifest): Set<string> {
  const open = new Set<string>()
  let module: ModuleFacts | undefined = manifest.modules
  while (module) {
    open.add(keyOf(module))
    const inside: (number | ModuleFacts)[] = module.inside.filter(
      (one) => typeof one === 'number' || one.path !== '(loss)',
    )
    const only: number | ModuleFacts | undefined = inside.length === 1 ? inside[0] : undefined
    module = typeof only === 'object' ? only : undefined
  }
  return open
}

const keyOf = (module: ModuleFacts): string => `${module.path}#${module.call}`

export function rowsOf(manifest: Manifest, open: ReadonlySet<string>, name: (address: string) => string): Row[] {
  const rows: Row[] = manifest.inputs.map((address) => plain('input', address, 0, name(address), ''))
  const parameters = new Map<string, string[]>()
  for (const { address, origin, producer } of manifest.values) {
    if (origin !== 'parameter' && (origin !== 'buffer' || producer !== null)) continue
    const owner = address.slice(0, Math.max(0, address.lastIndexOf('.')))
    parameters.set(owner, [...(parameters.get(owner) ?? []), address])
  }

  function inside(module: ModuleFacts, depth: number): void {
    if (module.call === 0) {
      for (const address of parameters.get(module.path) ?? []) {
        rows.push(plain('parameter', address, depth, address.slice(address.lastIndexOf('.') + 1), ''))
      }
    }
    for (const one of module.inside) {
      if (typeof one === 'number') rows.push(ofOperation(one, depth))
      else ofModule(one, depth)
    }
  }

  function ofOperation(index: number, depth: number): Row {
    const { name: kind, outputs } = manifest.operations[index]!
    const own = name(outputs[0]!).split('·').pop()!
    return {
      ...plain('operation', outputs[0]!, depth, kind, own === kind ? '' : own),
      key: `%${index}`,
      operations: [index],
    }
  }

  function ofModule(module: ModuleFacts, depth: number): void {
    const key = keyOf(module)
    const unfolded = open.has(key)
    const made = module.outputs[0] ?? lastOutput(manifest, module)
    const again = module.call ? ` (${module.call + 1})` : ''
    rows.push({
      key,
      kind: 'module',
      depth,
      label: labelOf(module.path) + again,
      detail: module.path === '(loss)' ? '' : module.type,
      address: made,
      open: unfolded,
      operations: unfolded ? [] : everyOperation(module),
    })
    if (unfolded) inside(module, depth + 1)
  }

  inside(manifest.modules, 0)
  return rows
}

/** The last part of a path; with the one before it where it is a number. */
function labelOf(path: string): string {
  const parts = path.split('.')
  return parts.slice(/^\d+$/.test(parts[parts.length - 1]!) ? -2 : -1).join('.')
}

function plain(kind: Row['kind'], address: string, depth: number, label: string, detail: string): Row {
  return { key: address, kind, depth, label, detail, address, open: null, operations: [] }
}

function everyOperation(module: ModuleFacts): number[] {
  return module.inside.flatMap((one) => (typeof one === 'number' ? [one] : everyOperation(one)))
}

function lastOutput(manifest: Manifest, module: ModuleFacts): string | null {
  const last = everyOperation(module).pop()
  return last === undefined ? null : (manifest.operations[last]!.outputs[0] ?? null)
}

/** Which rows feed which: pairs of places in `rows`. */
export function edgesOf(manifest: Manifest, rows: Row[]): [number, number][] {
  const place = new Map<string, number>() // of the row that gives a value
  rows.forEach((row, i) => {
    if (row.kind === 'input' && row.address) place.set(row.address, i)
    for (const operation of row.operations)
      for (const output of manifest.operations[operation]!.outputs) place.set(output, i)
  })
  const found = new Map<string, [number, number]>()
  rows.forEach((row, to) => {
    for (const operation of row.operations) {
      for (const input of manifest.operations[operation]!.inputs) {
        const from = place.get(input)
        if (from !== undefined && from < to) found.set(`${from} ${to}`, [from, to])
      }
    }
  })
  return [...found.values()]
}

/** The rows of which some are drawn: those from `from` up to `to`. */
export interface Span {
  from: number
  to: number
}

/** At most this many rows are drawn at once, and this many lines between them: with all their parts below 500 nodes. */
export const MOST_ROWS = 48
export const MOST_LINES = 60

/** The rows between two heights of a list of `count` rows, in rows, and some beyond either end. */
export function spanOf(top: number, bottom: number, count: number, beyond = 6): Span {
  const from = Math.max(0, Math.min(Math.floor(top) - beyond, count - MOST_ROWS))
  return { from, to: Math.max(from, Math.min(count, Math.ceil(bottom) + beyond, from + MOST_ROWS)) }
}

/** The lines that are seen in a span, those that end in it first, then the shorter ones. */
export function edgesIn(edges: [number, number][], { from, to }: Span): [number, number][] {
  const inside = (place: number): boolean => place >= from && place < to
  const far = ([a, b]: [number, number]): number => b - a + (inside(a) || inside(b) ? 0 : 1e9)
  const seen = edges.filter(([a, b]) => b >= from && a < to)
  return seen.length > MOST_LINES ? seen.sort((one, other) => far(one) - far(other)).slice(0, MOST_LINES) : seen
}

/** Of each row the place among its siblings, from 1, and how many there are. */
export function siblingsOf(rows: Row[]): { place: number; count: number }[] {
  const found = rows.map(() => ({ place: 0, count: 0 }))
  const groups: number[][] = [] // of the siblings that are being gone through, by depth
  const close = (depth: number): void => {
    for (const group of groups.splice(depth)) group?.forEach((row) => (found[row]!.count = group.length))
  }
  rows.forEach(({ depth }, row) => {
    close(depth + 1)
    const group = (groups[depth] ??= [])
    group.push(row)
    found[row]!.place = group.length
  })
  close(0)
  return found
}
