import { describe, expect, it } from 'vitest'

import { entries, formulaLines, pieces, shapeLines, spoken } from '../src/components/description'

describe('the text about a system', () => {
  it('is told in English where the language has none', () => {
    expect(spoken({ en: 'a', 'zh-TW': '甲' }, 'zh-TW')).toEqual({ lang: 'zh-TW', text: '甲' })
    expect(spoken({ en: 'a' }, 'zh-TW')).toEqual({ lang: 'en', text: 'a' })
  })

  it('begins a paragraph after a line that ends a sentence', () => {
    expect(entries('One line\nand more.\nTwo?\n三。\n四')).toEqual(['One line and more.', 'Two?', '三。', '四'])
  })

  it('has shapes a line each', () => {
    expect(shapeLines('B  batch,\nK classes of a\n(dot)\nH, W  any')).toBe('B  batch, K classes of a (dot)\nH, W  any')
  })

  it('has formulas with names, without, and over several lines', () => {
    const lines = formulaLines('loss:  L = a : b\n       w = c\nh = f(x)\n池化：s\np(y | x): no name\nS × S:  5 B')
    expect(lines).toEqual([
      { name: 'loss', text: 'L = a : b', further: false },
      { name: '', text: 'w = c', further: true },
      { name: '', text: 'h = f(x)', further: false },
      { name: '池化', text: 's', further: false },
      { name: '', text: 'p(y | x): no name', further: false },
      { name: 'S × S', text: '5 B', further: false },
    ])
  })

  it('has code between backticks', () => {
    expect(pieces('see `gru` now')).toEqual([
      { text: 'see ', code: false },
      { text: 'gru', code: true },
      { text: ' now', code: false },
    ])
  })
})
