"""What figures say of their own, in the language of whoever looks at them.

`wording.zh-TW.json` beside this file has every such text by its English; a test compares it with the code. Names of
classes, words, and whatever else comes with the data are written as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Language = Literal["en", "zh-TW"]

CHINESE = (
    "Noto Sans CJK TC", "Noto Sans CJK JP", "Noto Serif CJK TC", "Noto Serif CJK JP", "Source Han Sans TC",
    "PingFang TC", "PingFang HK", "Heiti TC", "Microsoft JhengHei", "Microsoft YaHei", "WenQuanYi Zen Hei",
)  # fmt: skip

chosen: ContextVar[Language] = ContextVar("language", default="en")


@contextmanager
def spoken(language: Language) -> Iterator[None]:
    """Figures that are drawn within say it in this language; in English where no font here can write that."""
    before = chosen.set(language if language == "en" or len(families()) > 1 else "en")
    try:
        yield
    finally:
        chosen.reset(before)


def worded(text: str, **values: object) -> str:
    """A text of a figure, given in English, in the language that is spoken; `values` are put into its {places}."""
    language = chosen.get()
    return (text if language == "en" else words(language).get(text, text)).format(**values)


@cache
def words(language: Language) -> Mapping[str, str]:
    """What every text is in that language."""
    file = Path(__file__).with_suffix(f".{language}.json")
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found


@cache
def families() -> list[str]:
    """The usual letters, then those of this machine that hold Chinese."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return ["sans-serif", *(name for name in CHINESE if name in known)]


def letters(size: float) -> FreeTypeFont | None:
    """What Pillow writes a text of ours with, in pixels; None where its usual letters do, as they do for English."""
    if chosen.get() == "en":
        return None
    from matplotlib.font_manager import FontProperties, findfont
    from PIL import ImageFont

    file = findfont(FontProperties(family=families()[1]))
    return ImageFont.truetype(file, size, index=getattr(file, "face_index", 0))
