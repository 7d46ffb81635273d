/** What the page says, in the language that is chosen; and numbers as that language writes them. */

import en from './en.json'
import zh from './zh-TW.json'

export type Key = keyof typeof en
export const LANGUAGES = { en: 'English', 'zh-TW': '繁體中文' } as const
export type Language = keyof typeof LANGUAGES

const TEXTS: Record<Language, Record<string, string>> = { en, 'zh-TW': zh }

class Texts {
  language: Language = $state(typeof navigator !== 'undefined' && navigator.language.startsWith('zh') ? 'zh-TW' : 'en')
  private readonly formats = $derived({
    plain: new Intl.NumberFormat(this.language, { maximumSignificantDigits: 4 }),
    short: new Intl.NumberFormat(this.language, { maximumSignificantDigits: 2 }),
    tiny: [0, 1, 2].map(
      (digits) => new Intl.NumberFormat(this.language, { maximumFractionDigits: digits, signDisplay: 'negative' }),
    ),
    whole: new Intl.NumberFormat(this.language, { maximumFractionDigits: 0 }),
    percent: new Intl.NumberFormat(this.language, { style: 'percent', maximumSignificantDigits: 3 }),
    nearly: new Intl.NumberFormat(this.language, { style: 'percent', maximumFractionDigits: 2 }),
  })

  /** The text under `key` with `words` put into its {places}. */
  say = (key: Key, words: Record<string, string | number> = {}): string =>
    filled(TEXTS[this.language][key] ?? key, words)

  /** A number in four digits, with a true minus: −0.1235, 1.2×10⁻⁷. */
  number = (value: number): string => this.written(value, this.formats.plain)

  /** A number for narrow places: two digits behind the point, or as many as there is room for. */
  short = (value: number): string => {
    const size = Math.abs(value)
    if (size >= 1000 || !Number.isFinite(value)) return this.written(value, this.formats.short)
    return this.formats.tiny[size < 10 ? 2 : size < 100 ? 1 : 0]!.format(value).replace('-', '−')
  }

  /** 10⁻³ of −3. */
  power = (power: number): string => `10${raised(power)}`

  whole = (value: number): string => this.formats.whole.format(value)

  percent = (value: number): string => {
    if (value > 0 && value < 0.0001) return `< ${this.formats.percent.format(0.0001)}`
    if (value < 1 && value > 0.9999) return `> ${this.formats.nearly.format(0.9999)}`
    return (value > 0.99 ? this.formats.nearly : this.formats.percent).format(value)
  }

  private written(value: number, format: Intl.NumberFormat): string {
    if (Number.isNaN(value)) return 'NaN'
    if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
    const size = Math.abs(value)
    if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
      const power = Math.floor(Math.log10(size))
      return `${format.format(value / 10 ** power).replace('-', '−')}×10${raised(power)}`
    }
    return format.format(value === 0 ? 0 : value).replace('-', '−')
  }
}

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹'
const raised = (power: number): string =>
  String(power)
    .replace('-', '⁻')
    .replace(/\d/g, (digit) => RAISED[Number(digit)]!)
/** −7 of ⁻⁷. */
export const lowered = (text: string): string =>
  text.replace('⁻', '−').replace(/[⁰¹²³⁴-⁹]/g, (sign) => String(RAISED.indexOf(sign)))

export function filled(text: string, words: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(words[name] ?? whole))
}

export const texts = new Texts()
export const say = texts.say
