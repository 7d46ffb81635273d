/** Arrays as `liuli/lab/packing.py` packs them: bytes sorted by significance, compressed with zlib, in base64. */

import type { Numbers } from './client'

export const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array } as const
export type PackedType = keyof typeof TYPES

export async function unpack(base64: string, type: PackedType): Promise<Numbers> {
  return arranged(await inflated(bytesOf(base64)), type)
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Put the bytes of each number together again: all first bytes stand first, then all second ones. */
export function arranged(bytes: Uint8Array, type: PackedType): Numbers {
  const kind = TYPES[type]
  const width = kind.BYTES_PER_ELEMENT
  const count = bytes.length / width
  const result = new Uint8Array(bytes.length)
  for (let place = 0; place < width; place++) {
    const row = bytes.subarray(place * count, (place + 1) * count)
    for (let i = 0; i < count; i++) result[i * width + place] = row[i]!
  }
  return new kind(result.buffer)
}
