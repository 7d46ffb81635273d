"""How each piece of a formula looks in LaTeX, MathML (for pages), plain text (for the terminal) and words (for a screen
reader). `writing` puts the pieces together.
"""

from __future__ import annotations

from html import escape
from math import isfinite


def decimal(value: float) -> str:
    """A number for a reader, in four digits: `0.1235`, `−3`, `1.2e−05`."""
    if not isfinite(value):
        return "NaN" if value != value else "∞" if value > 0 else "−∞"
    text = str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"
    return text.replace("-", "−")


class Text:
    """Plain text in one line: `(x − μ)/√(σ² + ε)`."""

    flat = True  # a fraction and a root stand in the line, so their parts need parentheses
    minus = " − "
    plus = " + "
    dot = "·"
    comma = ", "

    def letter(self, name: str, subscripts: tuple[str, ...]) -> str:
        base, mark, below = parts(name, subscripts)
        return base + mark + (f"[{','.join(below)}]" if below else "")

    def number(self, value: float) -> str:
        return decimal(value)

    def relation(self, left: str, sign: str, right: str) -> str:
        return f"{left} {sign} {right}"

    def negative(self, inner: str) -> str:
        return f"−{inner}"

    def fence(self, inner: str) -> str:
        return f"({inner})"

    def fraction(self, above: str, below: str) -> str:
        return f"{above} / {below}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}²" if exponent == "2" else f"{base}^{exponent}"

    def root(self, inner: str) -> str:
        return f"√{inner}"

    def fold(self, kind: str, variable: str, body: str) -> str:
        return f"{SIGNS[kind]}_{variable} {body}"

    def call(self, name: str, arguments: list[str]) -> str:
        return f"{name}({', '.join(arguments)})"

    def cases(self, pairs: list[tuple[str, str]], otherwise: str) -> str:
        return "{ " + "; ".join([f"{yes} if {condition}" for condition, yes in pairs] + [f"{otherwise} else"]) + " }"

    def more(self, count: int, kind: str) -> str:
        """What stands behind the number that the terms not shown come to."""
        return f" ({count:,} more)"

    def listed(self, items: list[str], more: bool) -> str:
        return f"[{', '.join(items)}{', …' if more else ''}]"


class Latex(Text):
    """LaTeX for math mode."""

    flat = False
    minus = " - "
    dot = r" \cdot "

    def letter(self, name: str, subscripts: tuple[str, ...]) -> str:
        base, mark, below = parts(name, subscripts)
        text = "".join(GREEK.get(sign, sign) for sign in base)
        text = text if len(base) == 1 or "\\" in text else rf"\mathrm{{{text}}}"
        return text + {"²": "^2", "′": "'"}.get(mark, "") + (f"_{{{','.join(below)}}}" if below else "")

    def number(self, value: float) -> str:
        text = decimal(value).replace("−", "-").replace("∞", r"\infty").replace("NaN", r"\mathrm{NaN}")
        digits, _, exponent = text.partition("e")
        return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else text

    def relation(self, left: str, sign: str, right: str) -> str:
        return f"{left} {LATEX_SIGNS.get(sign, sign)} {right}"

    def negative(self, inner: str) -> str:
        return f"-{inner}"

    def fence(self, inner: str) -> str:
        return rf"\left({inner}\right)"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def root(self, inner: str) -> str:
        return rf"\sqrt{{{inner}}}"

    def fold(self, kind: str, variable: str, body: str) -> str:
        return rf"{LATEX_FOLDS[kind]}_{{{variable}}} {body}"

    def call(self, name: str, arguments: list[str]) -> str:
        if name == "exp":
            return f"e^{{{arguments[0]}}}"
        if name == "abs":
            return rf"\left|{arguments[0]}\right|"
        known = name in ("log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min")
        return (rf"\{name}" if known else rf"\operatorname{{{name}}}") + self.fence(", ".join(arguments))

    def cases(self, pairs: list[tuple[str, str]], otherwise: str) -> str:
        rows = [rf"{yes} & \text{{if }} {condition}" for condition, yes in pairs]
        return r"\begin{cases}" + r" \\ ".join([*rows, rf"{otherwise} & \text{{else}}"]) + r"\end{cases}"

    def more(self, count: int, kind: str) -> str:
        return rf"\;\text{{({count:,} more)}}"

    def listed(self, items: list[str], more: bool) -> str:
        return rf"\left[{', '.join(items)}{', …' if more else ''}\right]"


class MathML(Text):
    """The inside of a `<math>` element."""

    flat = False
    minus = "<mo>−</mo>"
    plus = "<mo>+</mo>"
    dot = "<mo>·</mo>"

    def letter(self, name: str, subscripts: tuple[str, ...]) -> str:
        letter, mark, indices = parts(name, subscripts)
        base, below = f"<mi>{escape(letter)}</mi>", f"<mtext>{escape(','.join(indices))}</mtext>"
        above = {"²": "<mn>2</mn>", "′": "<mo>′</mo>"}.get(mark, "")
        if above:
            return f"<msubsup>{base}{below}{above}</msubsup>" if indices else f"<msup>{base}{above}</msup>"
        return f"<msub>{base}{below}</msub>" if indices else base

    def number(self, value: float) -> str:
        digits, _, exponent = decimal(value).partition("e")
        if not exponent:
            return f"<mn>{digits}</mn>"
        power = str(int(exponent.replace("−", "-"))).replace("-", "−")
        return f"<mrow><mn>{digits}</mn><mo>·</mo><msup><mn>10</mn><mn>{power}</mn></msup></mrow>"

    def relation(self, left: str, sign: str, right: str) -> str:
        return f"{left}<mo>{escape(sign)}</mo>{right}"

    def negative(self, inner: str) -> str:
        return f"<mo>−</mo>{inner}"

    def fence(self, inner: str) -> str:
        return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"

    def power(self, base: str, exponent: str) -> str:
        return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"

    def root(self, inner: str) -> str:
        return f"<msqrt><mrow>{inner}</mrow></msqrt>"

    def fold(self, kind: str, variable: str, body: str) -> str:
        sign = f"<mo>{SIGNS[kind]}</mo>"
        return f"<mrow><munder>{sign}<mtext>{escape(variable)}</mtext></munder>{body}</mrow>"

    def call(self, name: str, arguments: list[str]) -> str:
        inner = "<mo>,</mo>".join(arguments)
        if name == "exp":
            return f"<msup><mi>e</mi><mrow>{inner}</mrow></msup>"
        if name == "abs":
            return f"<mrow><mo>|</mo>{inner}<mo>|</mo></mrow>"
        return f"<mrow><mi>{name}</mi><mo>&#x2061;</mo>{self.fence(inner)}</mrow>"

    def cases(self, pairs: list[tuple[str, str]], otherwise: str) -> str:
        cells = [(yes, f"<mtext>if&#xA0;</mtext>{condition}") for condition, yes in pairs]
        rows = "".join(
            f"<mtr><mtd><mrow>{yes}</mrow></mtd><mtd><mrow>{when}</mrow></mtd></mtr>"
            for yes, when in [*cells, (otherwise, "<mtext>else</mtext>")]
        )
        return f"<mrow><mo>{{</mo><mtable>{rows}</mtable></mrow>"

    def more(self, count: int, kind: str) -> str:
        return f"<mtext>&#xA0;({count:,} more)</mtext>"

    def listed(self, items: list[str], more: bool) -> str:
        inner = "<mo>,</mo>".join([*items, "<mo>…</mo>"] if more else items)
        return f"<mrow><mo>[</mo>{inner}<mo>]</mo></mrow>"


class Words(Text):
    """English as it is read aloud."""

    flat = True
    minus = " minus "
    plus = " plus "
    dot = " times "

    def letter(self, name: str, subscripts: tuple[str, ...]) -> str:
        base, mark, below = parts(name, subscripts)
        return base + {"²": " squared", "′": " new"}.get(mark, "") + (f" of {' '.join(below)}" if below else "")

    def number(self, value: float) -> str:
        return decimal(value).replace("−", "minus ").replace("∞", "infinity")

    def relation(self, left: str, sign: str, right: str) -> str:
        return f"{left} {SPOKEN.get(sign, sign)} {right}"

    def negative(self, inner: str) -> str:
        return f"minus {inner}"

    def fence(self, inner: str) -> str:
        return f"open parenthesis {inner} close parenthesis"

    def fraction(self, above: str, below: str) -> str:
        return f"{above} divided by {below}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base} squared" if exponent == "2" else f"{base} to the power of {exponent}"

    def root(self, inner: str) -> str:
        return f"the square root of {inner}"

    def fold(self, kind: str, variable: str, body: str) -> str:
        return f"the {FOLDED[kind]} over {variable.replace(',', ' and ')} of {body}"

    def call(self, name: str, arguments: list[str]) -> str:
        if name == "exp":
            return f"e to the power of {self.fence(arguments[0])}"
        return f"{'the absolute value' if name == 'abs' else name} of {' and '.join(arguments)}"

    def cases(self, pairs: list[tuple[str, str]], otherwise: str) -> str:
        return ", ".join([f"{yes} if {condition}" for condition, yes in pairs] + [f"otherwise {otherwise}"])

    def more(self, count: int, kind: str) -> str:
        return f" for {count} more"


LATEX, MATHML, TEXT, WORDS = Latex(), MathML(), Text(), Words()

SIGNS = {"sum": "∑", "product": "∏", "max": "max", "min": "min", "argmax": "argmax", "argmin": "argmin"}
SIGNS |= {"ranked": "ranked", "place": "place"}
LATEX_FOLDS = {"sum": r"\sum", "product": r"\prod", "max": r"\max", "min": r"\min"}
LATEX_FOLDS |= {name: rf"\operatorname{{{name}}}" for name in ("argmax", "argmin", "ranked", "place")}
FOLDED = {"sum": "sum", "product": "product", "max": "largest", "min": "smallest"}
FOLDED |= {
    "argmax": "place of the largest",
    "argmin": "place of the smallest",
    "ranked": "one of that rank",
    "place": "place of it",
}
LATEX_SIGNS = {"≤": r"\le", "≥": r"\ge", "≠": r"\ne", "&": r"\mathbin{\&}", "⊕": r"\oplus", "≪": r"\ll", "≫": r"\gg"}
LATEX_SIGNS |= {word: rf"\;\text{{{word}}}\;" for word in ("and", "or", "xor")}
SPOKEN = {
    "<": "is less than",
    ">": "is greater than",
    "=": "equals",
    "≠": "is not",
    "≤": "is at most",
    "≥": "is at least",
}
GREEK = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "λ": r"\lambda", "μ": r"\mu",
    "σ": r"\sigma", "τ": r"\tau", "θ": r"\theta", "ρ": r"\rho", "π": r"\pi", "κ": r"\kappa", "∂": r"\partial ",
    "Σ": r"\Sigma ", "Φ": r"\Phi ", "η": r"\eta", "ŷ": r"\hat{y}", "x̂": r"\hat{x}",
}  # fmt: skip


def parts(name: str, subscripts: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    """A letter, its mark and its indices: `σ_sq` is σ², `w_new` is w′, `β_1` is β with the index 1."""
    base, _, rest = name.partition("_")
    mark = {"sq": "²", "new": "′"}.get(rest, "")
    return base, mark, subscripts if mark or not rest else (rest, *subscripts)
