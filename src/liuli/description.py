"""What a system's file says about it, in its parts: the docstring, and the same in other languages beside the file.

`lenet.zh-TW.txt` beside `lenet.py` is written as the docstring is, under headings of its own language. Its first line
names the English that it tells, by a hash: whoever changes the one is told by a test to change the other.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from liuli.catalog import Listing
from liuli.files import Json

ENGLISH = "en"
HEADINGS = {
    ENGLISH: {"Paper": "Paper", "Shapes": "Shapes", "Departures": "Departures", "Look at": "Look at"},
    "zh-TW": {"論文": "Paper", "形狀": "Shapes", "與論文不同之處": "Departures", "觀察重點": "Look at"},
}
MARK = "English: "


@dataclass(frozen=True)
class Description:
    """The text about a system in its parts.

    Attributes:
        title: the first line.
        opening: what follows up to the paper, block by block; formulas are the indented ones.
        sections: "Paper", "Shapes", "Departures", "Look at" as written, without their indentation.
    """

    title: str
    opening: tuple[str, ...]
    sections: dict[str, str]

    @property
    def idea(self) -> str:
        """The prose of the opening."""
        return "\n\n".join(block for block in self.opening if not is_formula(block))

    @property
    def formula(self) -> str:
        """The formulas of the opening."""
        return "\n\n".join(dedent(block) for block in self.opening if is_formula(block))

    def told(self) -> Json:
        """For a page."""
        opening = [{"text": dedent(block), "formula": is_formula(block)} for block in self.opening]
        return {"title": self.title, "opening": opening, "sections": self.sections}


def is_formula(block: str) -> bool:
    """Whether a block of the text is set off by indentation."""
    return block.startswith("    ")


def dedent(block: str) -> str:
    """`block` without the four spaces before each line."""
    return "\n".join(line.removeprefix("    ") for line in block.split("\n"))


def describe(listing: Listing) -> Description:
    """Read the docstring of a system's file."""
    return parsed(docstring(listing), ENGLISH)


def descriptions(listing: Listing) -> dict[str, Description]:
    """The text about a system in every language that it has been written in."""
    found = {ENGLISH: describe(listing)}
    for language in HEADINGS.keys() - {ENGLISH}:
        file = translation(listing, language)
        if file.is_file():
            _, _, text = file.read_text(encoding="utf-8").partition("\n\n")
            found[language] = parsed(text.rstrip("\n"), language)
    return found


def parsed(text: str, language: str) -> Description:
    """The parts of a docstring, or of the same in another language."""
    title, *blocks = text.split("\n\n")
    opening, sections = [], {}
    for block in blocks:
        heading, colon, rest = block.replace("：", ":", 1).partition(":")
        if colon and heading in HEADINGS[language]:
            sections[HEADINGS[language][heading]] = dedent(rest.strip("\n")).strip()
        else:
            opening.append(block)
    return Description(title, tuple(opening), sections)


def docstring(listing: Listing) -> str:
    """The English text."""
    return ast.get_docstring(ast.parse(model_file(listing).read_text(encoding="utf-8"))) or ""


def translation(listing: Listing, language: str) -> Path:
    """Where the text in another language stands: beside the system's file."""
    return model_file(listing).with_suffix(f".{language}.txt")


def model_file(listing: Listing) -> Path:
    """The file of a system, which is not run."""
    specification = importlib.util.find_spec(listing.module)
    assert specification is not None
    assert specification.origin is not None
    return Path(specification.origin)


def mark(listing: Listing) -> str:
    """The first line of a translation: which English it tells."""
    return MARK + hashlib.sha256(docstring(listing).encode()).hexdigest()[:12]
