/** When a number that is computed anew counts as that of the network. */

import { expect, it } from 'vitest'

import { coarsest, verdict } from '../src/formula/verdict'

it('forgives the rounding of the type, at the scale of the terms', () => {
  expect(verdict(1, 1 + 1e-6, 1, 'float32')).toBe('agrees')
  expect(verdict(1, 1 + 1e-4, 1, 'float32')).toBe('differs')
  expect(verdict(1, 1 + 1e-4, 100, 'float32')).toBe('agrees')
  expect(verdict(1, 1 + 1e-6, 1, 'float64')).toBe('differs')
  expect(verdict(NaN, NaN, NaN, 'float32')).toBe('agrees')
  expect(verdict(0, NaN, 1, 'float32')).toBe('differs')
})

it('knows what a type cannot hold', () => {
  expect(verdict(2e59, Infinity, 2e59, 'float32')).toBe('overflows')
  expect(verdict(-2e59, -Infinity, 2e59, 'float32')).toBe('overflows')
  expect(verdict(-2e59, Infinity, 2e59, 'float32')).toBe('differs')
  expect(verdict(7e4, Infinity, 7e4, 'float16')).toBe('overflows')
  expect(verdict(7e4, Infinity, 7e4, 'float32')).toBe('differs')
  expect(verdict(1e300, Infinity, 1e300, 'float64')).toBe('differs')
})

it('takes the fewest digits that a number came through', () => {
  expect(coarsest(['float32', 'bfloat16'])).toBe('bfloat16')
  expect(coarsest(['float64', 'float32'])).toBe('float32')
  expect(coarsest(['float32'])).toBe('float32')
})
