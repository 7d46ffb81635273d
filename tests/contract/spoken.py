"""Sentences that liuli's Python says of its own, read out of its source: whole, and what may be put into them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "liuli"
LETTERS = re.compile("[A-Za-z]{2}")


@dataclass(frozen=True)
class Sentence:
    """A string of the source.

    Attributes:
        file: under `SOURCE`.
        text: with {} for what is put into it.
        parts: of each place, the sentences and words of our own that may stand there.
    """

    file: str
    text: str
    parts: tuple[tuple[Sentence, ...], ...] = ()

    def every(self) -> Iterator[Sentence]:
        """This one, and all that may be put into it, and into that."""
        yield self
        for parts in self.parts:
            for part in parts:
                yield from part.every()


@dataclass(frozen=True, eq=False)
class Source:
    """A file: by name its functions, what it imports of liuli, its constant strings; the function around every node."""

    file: str
    tree: ast.Module
    functions: dict[str, ast.FunctionDef]
    imports: dict[str, str]
    constants: dict[str, str]
    around: dict[ast.AST, ast.FunctionDef]

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Every call of a function or class of these names."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
                yield node


@cache
def sources() -> dict[str, Source]:
    """Every file of liuli."""
    return {str(path.relative_to(SOURCE)): source(path) for path in sorted(SOURCE.rglob("*.py"))}


def source(path: Path) -> Source:
    """A file, taken apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    imports = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("liuli."):
            file = node.module.removeprefix("liuli.").replace(".", "/") + ".py"  # type: ignore[union-attr]
            imports |= {one.asname or one.name: file for one in node.names}
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
    }
    around = {}
    for outer in tree.body:
        for function in ast.walk(outer):
            if isinstance(function, ast.FunctionDef):
                around |= {node: around.get(node, function) for node in ast.walk(function)}
    return Source(str(path.relative_to(SOURCE)), tree, functions, imports, constants, around)


def strings(of: Source) -> Iterator[Sentence]:
    """Every string of a file."""
    pieces = {piece for node in ast.walk(of.tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
    for node in ast.walk(of.tree):
        if isinstance(node, ast.JoinedStr):
            yield Sentence(of.file, template(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in pieces:
            yield Sentence(of.file, node.value)


def sentences(node: ast.expr, of: Source, seen: frozenset[ast.AST] = frozenset()) -> Iterator[Sentence]:
    """What an expression may say: strings that it names, chooses between, was given or is returned."""
    if node in seen:
        return
    seen |= {node}
    match node:
        case ast.Constant(value=str(text)) if LETTERS.search(text):
            yield Sentence(of.file, text)
        case ast.JoinedStr():
            one = joined(node, of, seen)
            if any(one.parts) or LETTERS.search(re.sub("and|or", "", one.text)):  # else they are names in a row
                yield one
        case ast.Constant() | ast.Attribute():
            return
        case ast.Name():
            function = of.around.get(node)
            for value, home in given(node.id, function, of) if function else ():
                yield from sentences(value, home, seen)
            if " " in of.constants.get(node.id, ""):  # else it is a name of something
                yield Sentence(of.file, of.constants[node.id])
        case ast.Call(func=ast.Name(id="UserError"), args=[said, *_]):
            yield from sentences(said, of, seen)
        case ast.Call(func=ast.Name(id=name)):
            home = of if name in of.functions else sources().get(of.imports.get(name, ""), None)
            function = home.functions.get(name) if home else None
            for one in ast.walk(function) if function else ():
                if isinstance(one, ast.Return) and one.value is not None and home:
                    yield from sentences(one.value, home, seen)
        case ast.IfExp(body=one, orelse=other):
            yield from sentences(one, of, seen)
            yield from sentences(other, of, seen)
        case ast.BoolOp(values=values):
            for value in values:
                yield from sentences(value, of, seen)
        case ast.NamedExpr(value=value):
            yield from sentences(value, of, seen)


def template(node: ast.JoinedStr) -> str:
    """An f-string with {} for what is put into it."""
    return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)


def joined(node: ast.JoinedStr, of: Source, seen: frozenset[ast.AST]) -> Sentence:
    """An f-string."""
    places = [one for one in node.values if isinstance(one, ast.FormattedValue)]
    return Sentence(of.file, template(node), tuple(tuple(sentences(one.value, of, seen)) for one in places))


def given(name: str, function: ast.FunctionDef, of: Source) -> Iterator[tuple[ast.expr, Source]]:
    """What a variable may be: what it is assigned to in its function, or given where it is a parameter; and where."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value, of
            case ast.NamedExpr(target=ast.Name(id=found), value=value) if found == name:
                yield value, of
    names = [one.arg for one in function.args.args]
    method = names[:1] == ["self"]
    own = names[method:]
    if name in own:
        for home in (of, *(one for one in sources().values() if one.imports.get(function.name) == of.file)):
            for call in home.calls(function.name):
                if isinstance(call.func, ast.Attribute) != method:
                    continue
                if own.index(name) < len(call.args):
                    yield call.args[own.index(name)], home
                yield from ((one.value, home) for one in call.keywords if one.arg == name)
