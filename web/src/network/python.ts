/** Python coloured: what is a word of the language, a string, a number, a comment. */

export interface Token {
  kind: 'keyword' | 'string' | 'number' | 'comment' | 'other'
  text: string
}

const PARTS = new RegExp(
  [
    String.raw`(?<comment>#.*)`,
    String.raw`(?<string>[rbf]*(?:"""[^]*?(?:"""|$)|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?))`,
    String.raw`(?<keyword>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|self|True|try|while|with|yield)\b)`,
    String.raw`(?<number>\b\d[\d_.]*(?:e[-+]?\d+)?\b)`,
  ].join('|'),
  'gi',
)

export function tokens(line: string): Token[] {
  const found: Token[] = []
  let end = 0
  for (const match of line.matchAll(PARTS)) {
    if (match.index > end) found.push({ kind: 'other', text: line.slice(end, match.index) })
    const kind = Object.entries(match.groups!).find(([, text]) => text !== undefined)![0] as Token['kind']
    found.push({ kind, text: match[0] })
    end = match.index + match[0].length
  }
  if (end < line.length) found.push({ kind: 'other', text: line.slice(end) })
  return found
}
