import { afterEach, expect, it, vi } from 'vitest'

import en from '../src/i18n/en.json'
import { api } from '../src/lab/api'

afterEach(() => vi.unstubAllGlobals())

it.each([
  [422, '{"error": "lenet: reads pictures"}', 'lenet: reads pictures'],
  [401, "liuli: open the address that 'liuli lab' printed", "open the address that 'liuli lab' printed"],
  [500, 'Internal Server Error', en['lab.failed']],
])('an answer %i says in a sentence what went wrong', async (status, body, said) => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status })))
  await expect(api.road()).rejects.toThrow(said)
})
