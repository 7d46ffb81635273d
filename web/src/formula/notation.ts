/** Formulas written down: MathML for the eye, words for a screen reader. One walk decides order, signs and parentheses. */

import { plainNumber, type Tree } from '../client/client'
import { INFIX } from './functions'

export interface Notation {
  letter(name: string): string
  number(value: number): string
  relation(left: string, sign: string, right: string): string
  plus(left: string, right: string): string
  minus(left: string, right: string): string
  negative(inner: string): string
  product(factors: string[]): string
  fence(inner: string): string
  fraction(above: string, below: string): string
  power(base: string, exponent: string): string
  root(inner: string): string
  fold(kind: string, variable: string, body: string): string
  call(name: string, parts: string[]): string
  cases(pairs: [condition: string, yes: string][], otherwise: string): string
  chosen(kind: string, body: string): string
  /** Whether a fraction stands in the line, so that its parts need parentheses. */
  flat: boolean
}

const [RELATION, SUM, PRODUCT, POWER, ATOM] = [0, 1, 2, 3, 4]

/** What is written in the place of a letter or of a whole sum; null to write it as it is. */
export type Instead = (tree: Tree) => number | null

const never: Instead = () => null

export function write(tree: Tree, to: Notation, instead: Instead = never): string {
  return new Writer(to, instead).write(tree, RELATION!)
}

export function equation(name: string, tree: Tree, to: Notation): string {
  return to.relation(to.letter(name), '=', write(tree, to))
}

class Writer {
  constructor(
    private readonly to: Notation,
    private readonly instead: Instead,
  ) {}

  /** `tree` in parentheses, where it binds less tightly than `level`. */
  write(tree: Tree, level: number): string {
    const [text, own] = this.node(tree)
    return own < level ? this.to.fence(text) : text
  }

  private node(tree: Tree): [string, number] {
    const known = this.instead(tree)
    if (known !== null) return this.number(known)
    if (typeof tree === 'number') return this.number(tree)
    if (typeof tree === 'string') return [this.to.letter(tree), ATOM!]
    const [sign, ...rest] = tree
    const parts = rest as Tree[]
    switch (sign) {
      case 'number':
        return this.number(plainNumber(tree))
      case '+':
        return [this.sum(parts), SUM!]
      case '*':
        return this.product(parts)
      case '/': {
        const flat = this.to.flat
        const above = this.write(parts[0]!, flat ? PRODUCT! : RELATION!)
        return [this.to.fraction(above, this.write(parts[1]!, flat ? POWER! : RELATION!)), flat ? PRODUCT! : POWER!]
      }
      case '^':
        if (parts[1] === 0.5) return [this.to.root(this.write(parts[0]!, this.to.flat ? ATOM! : RELATION!)), POWER!]
        return [
          this.to.power(this.write(parts[0]!, ATOM!), this.write(parts[1]!, this.to.flat ? ATOM! : RELATION!)),
          POWER!,
        ]
      case 'fold': {
        const [kind, variable, , body] = rest as [string, string, number, Tree]
        return [this.to.fold(kind, variable, this.write(body, PRODUCT!)), SUM!]
      }
      case 'chosen': {
        const [kind, , , body] = rest as [string, string, number, Tree]
        return [this.to.chosen(kind, this.write(body, ATOM!)), ATOM!]
      }
      case 'where': {
        const pairs: [string, string][] = []
        for (let i = 0; i + 1 < parts.length; i += 2)
          pairs.push([this.write(parts[i]!, RELATION!), this.write(parts[i + 1]!, RELATION!)])
        return [this.to.cases(pairs, this.write(parts[parts.length - 1]!, RELATION!)), ATOM!]
      }
      default:
        return this.call(sign, parts)
    }
  }

  private call(name: string, parts: Tree[]): [string, number] {
    const infix = INFIX[name]
    if (infix) return [this.to.relation(this.write(parts[0]!, SUM!), infix, this.write(parts[1]!, SUM!)), RELATION!]
    const written = parts.map((part) => this.write(part, RELATION!))
    return [this.to.call(name, written), name === 'exp' && !this.to.flat ? POWER! : ATOM!]
  }

  private number(value: number): [string, number] {
    const scientific = value !== 0 && Number.isFinite(value) && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6)
    return [this.to.number(value), value < 0 ? SUM! : scientific ? PRODUCT! : ATOM!]
  }

  /** Signs taken out of the terms: a − b, not a + −1·b. */
  private sum(terms: Tree[]): string {
    let text = ''
    terms.forEach((term, place) => {
      const [negated, inner] = withoutSign(term)
      const written = this.write(inner, place || negated ? PRODUCT! : SUM!)
      if (!place) text = negated ? this.to.negative(written) : written
      else text = negated ? this.to.minus(text, written) : this.to.plus(text, written)
    })
    return text
  }

  private product(factors: Tree[]): [string, number] {
    if (factors[0] === -1 && factors.length > 1) {
      const rest = factors.slice(1)
      return [this.to.negative(this.write(rest.length > 1 ? ['*', ...rest] : rest[0]!, PRODUCT!)), SUM!]
    }
    const last = factors.length - 1
    const written = factors.map((one, place) => {
      const sum = Array.isArray(one) && one[0] === 'fold' && place === last
      return this.write(one, sum ? SUM! : this.to.flat && place ? POWER! : PRODUCT!)
    })
    return [this.to.product(written), PRODUCT!]
  }
}

function withoutSign(term: Tree): [negated: boolean, inner: Tree] {
  if (typeof term !== 'object' || term[0] !== '*' || term[1] !== -1 || term.length < 3) return [false, term]
  const rest = term.slice(2) as Tree[]
  return [true, rest.length > 1 ? ['*', ...rest] : rest[0]!]
}
