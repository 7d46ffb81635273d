import { afterEach, describe, expect, it } from 'vitest'

import { know, own, Sentences, told, why } from '../src/i18n/own'
import names from '../src/i18n/own.zh-TW.json'
import refusals from '../src/i18n/refusals.zh-TW.json'
import { texts } from '../src/i18n/texts.svelte'

const tables: [string, Record<string, string>][] = [
  ['names', names],
  ['refusals', { ...names, ...refusals }],
]

afterEach(() => {
  texts.language = 'en'
})

describe('what liuli says of its own', () => {
  it.each(tables)('is never taken for another sentence: %s', (_, known) => {
    const sentences = new Sentences(known)
    for (const [key, said] of Object.entries(known)) {
      let place = 0
      const text = key.replace(/^…/, '').replaceAll('{}', () => `A${place++}`)
      const expected = said.replace(/\{(\d+)[!&]?\}/g, 'A$1')
      expect(sentences.translated(text, key.startsWith('…')), key).toBe(expected)
    }
  })

  it('is put together from parts, and names stand in a row', () => {
    texts.language = 'zh-TW'
    know(refusals)
    const said = [
      ['digits: the training part has a label 10, expected 0 to 9', 'digits：訓練集有標籤 10，應為 0 到 9'],
      ['my.csv, line 3: has 2 cells, expected 4', 'my.csv 第 3 行：有 2 格，應為 4 格'],
      ["my.csv, line 3: column 'a' is 'x', expected a number", 'my.csv 第 3 行：「a」欄是「x」，應為數字'],
      [
        'my: holds no pictures in folders called cat or dog, expected some to test on',
        'my：名為 cat 或 dog 的資料夾裡沒有圖片，應有一些供測試',
      ],
      [
        'tiny: a.gz cannot be downloaded (one.org does not answer; two.org says 404 Not Found) (70,000 bytes are kept, ' +
          'and the next try goes on from there); put a.gz and b.gz into FOLDER/tiny and set LIULI_DATA=FOLDER, or run ' +
          "'liuli data fetch tiny' where there is a network; '--data digits' needs neither",
        'tiny：無法下載 a.gz（one.org 沒有回應；two.org 回應 404 Not Found）（已保留 70,000 位元組，下次從那裡繼續）；' +
          '請把 a.gz 與 b.gz 放進 FOLDER/tiny（並設定 LIULI_DATA=FOLDER），或在有網路的地方執行「liuli data fetch tiny」；' +
          '「--data digits」兩者都不需要',
      ],
    ]
    for (const [english, chinese] of said) expect(why(english!)).toBe(chinese)
  })

  it('stays as it is in English, where it is not known, and where it is words of the data', () => {
    const sentence = 'my.csv: is empty, expected a table of numbers'
    know(refusals)
    expect([own('left'), why(sentence)]).toEqual(['left', sentence])
    texts.language = 'zh-TW'
    expect([own('left'), told('left', false), own('of nobody'), own(sentence)]).toEqual(['左', 'left', 'of nobody', sentence])
    expect([why('division by zero'), why('')]).toEqual(['division by zero', ''])
  })
})
