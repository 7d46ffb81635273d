/** Every number of the records that `fixtures.py` makes, computed again from its operands, forward and backward. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

import type { Direction, Explanation, Part } from '../src/client/client'
import { plainNumber } from '../src/client/client'
import { FileClient, type FileManifest } from '../src/client/file'
import type { PackedType } from '../src/client/pack'
import { product } from '../src/formula/shape'
import { magnitude, recomputed } from '../src/formula/lines'

type Packed = Record<string, { manifest: FileManifest; arrays: [PackedType, string][]; told: Explanation[] }>

const folder = mkdtempSync(join(tmpdir(), 'liuli-'))
const python = process.env['PYTHON'] ?? '../.venv/bin/python'
execFileSync(python, ['tests/fixtures.py', join(folder, 'records.json')], { stdio: 'inherit' })
const packed = JSON.parse(readFileSync(join(folder, 'records.json'), 'utf8')) as Packed
afterAll(() => rmSync(folder, { recursive: true }))

const clients = Object.entries(packed).map(([name, { manifest, arrays }]): [string, FileClient] => {
  const client = new FileClient(manifest, (number) => ({ type: arrays[number]![0], text: arrays[number]![1] }))
  return [name, client]
})

/** Where a function has a backward pass of its own, it is said that no formula gives the gradient. */
const unsaid = ({ operation, reason }: Part): boolean =>
  reason === 'the backward pass of Third is its own, and has no formula' && operation === 1

it('says of a handwritten backward pass that it has no formula, beside what has one', async () => {
  const client = clients.find(([name]) => name === 'handwritten')![1]
  const { parts } = await client.explain('input[1]', 4, 'backward')
  expect(parts.map(({ reason }) => reason === undefined)).toEqual([false, true])
  const alone = await client.explain('%0', 4, 'backward')
  expect(alone.parts.map(unsaid)).toEqual([true])
})

it.each(Object.entries(packed))('%s, as a notebook is told', (_, { told }) => {
  expect(told.length).toBeGreaterThan(10)
  for (const explanation of told) {
    if (explanation.parts.some(unsaid)) continue
    const difference = recomputed(explanation) - plainNumber(explanation.captured!)
    const message = `${explanation.direction} ${explanation.address}[${explanation.index}]: ${recomputed(explanation)}, not ${explanation.captured}`
    const same = Object.is(recomputed(explanation), plainNumber(explanation.captured!))
    expect(same || Math.abs(difference) <= 1e-10 * (magnitude(explanation) + 1), message).toBe(true)
  }
})

describe.each(clients)('%s', (_, client) => {
  it.each(client.manifest.values.map((value) => [value.address, value] as const))('%s', async (address, value) => {
    const { operations } = client.manifest
    for (const direction of ['forward', 'backward'] as Direction[]) {
      if (direction === 'backward' && (!value.gradient || address === client.manifest.loss)) continue
      const count = product(value.shape)
      const step = Math.max(1, Math.floor(count / 60)) // of a large value every so many-th number
      for (let index = 0; index < count; index += step) {
        const explanation = await client.explain(address, index, direction)
        if (direction === 'backward' && explanation.parts.some(unsaid)) continue
        expect(explanation.parts.filter((part) => part.reason !== undefined)).toEqual([])
        if (!explanation.parts.length && direction === 'forward') continue
        const result = recomputed(explanation)
        const captured = explanation.captured!
        const names = explanation.parts.map((part) => operations[part.operation]!.name).join()
        const close = Math.abs(result - captured) <= 1e-10 * (magnitude(explanation) + Math.abs(captured))
        const message = `${direction} ${address}[${index}] by ${names}: ${result}, not ${captured}`
        expect(Object.is(result, captured) || close, message).toBe(true)
      }
    }
  })
})
