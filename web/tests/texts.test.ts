import { describe, expect, it } from 'vitest'

import en from '../src/i18n/en.json'
import zh from '../src/i18n/zh-TW.json'
import { filled, texts } from '../src/i18n/texts.svelte'

const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort()

describe('the texts', () => {
  it('have the same keys in both languages', () => {
    expect(Object.keys(zh)).toEqual(Object.keys(en))
  })

  it('have the same places to fill in', () => {
    for (const [key, text] of Object.entries(en)) expect(places(zh[key as keyof typeof zh]), key).toEqual(places(text))
  })

  it('leave no text out', () => {
    for (const text of [...Object.values(en), ...Object.values(zh)]) expect(text).not.toBe('')
  })

  it('are filled in', () => {
    expect(filled('{a} of {b}, {c}', { a: 1, b: 'two' })).toBe('1 of two, {c}')
  })
})

describe('numbers', () => {
  it('are written in four digits with a true minus', () => {
    const written = [0.123456, -3, 0, -0, 1234567, 1.25e-7, -8e9, NaN, -Infinity].map(texts.number)
    expect(written).toEqual(['0.1235', '−3', '0', '0', '1,235,000', '1.25×10⁻⁷', '−8×10⁹', 'NaN', '−∞'])
  })

  it('of a share never claim to be all or nothing', () => {
    expect([1, 0.99999, 0.5, 0.00000001, 0].map(texts.percent)).toEqual(['100%', '> 99.99%', '50%', '< 0.01%', '0%'])
  })
})
