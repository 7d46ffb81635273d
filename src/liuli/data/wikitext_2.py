"""WikiText-2: two million words of good articles of Wikipedia, by paragraphs (Merity, Xiong, Bradbury & Socher, 2017).

The published split. A line is a paragraph, its words apart by spaces; what stands between equals signs is a heading and
is left out. Words that come less than three times are `<unk>` as published, here `[UNK]`; hyphens, commas and points
inside a word, which are set apart there as `@-@`, are joined again.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from liuli.data.dataset import Archive, Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError

FILES = (
    RemoteFile("train.txt", 10_797_148, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f", ()),
    RemoteFile("valid.txt", 1_121_681, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8", ()),
    RemoteFile("test.txt", 1_256_449, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0", ()),
)
ARCHIVE = Archive(
    file=RemoteFile(
        name="wikitext-2-v1.zip",
        size=4_475_746,
        sha256="92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
        urls=("https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-2-v1.zip",),
    ),
    members={f"{part}.txt": f"wikitext-2/wiki.{part}.tokens" for part in ("train", "valid", "test")},
)

FACTS = Facts(
    name="wikitext-2",
    variant="",
    sha256=fingerprint(FILES),
    kind="prose",
    form="",
    shape=(),
    classes=(),
)
HEADING = re.compile(r"= .* =")
INSIDE = re.compile(r" @([-,.])@ ")


def load(folder: Path | None) -> Data:
    """The three parts, a paragraph an example.

    Raises:
        UserError: a file is damaged.
    """
    assert folder is not None
    train, validation, test = (paragraphs(folder / file.name) for file in FILES)
    return Data(FACTS, train, test, validation)


def paragraphs(path: Path) -> Split:
    """The paragraphs of one file; targets are NaN: nobody says what is right."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as WikiText-2 ({error}); get it again") from error
    found = [line.strip() for line in lines if line.strip() and not HEADING.fullmatch(line.strip())]
    if not found:
        raise UserError(f"{path}: holds no paragraph, expected the text of WikiText-2; get it again")
    texts = [INSIDE.sub(r"\1", line).replace("<unk>", "[UNK]") for line in found]
    return Split(np.array(texts, dtype=object), np.full(len(texts), np.nan))


DATA = DataSet(
    name="wikitext-2",
    title="WikiText-2, good articles of Wikipedia",
    about="2,007,146 words of 600 articles to train on, 60 + 60 held out",
    licence="CC BY-SA 3.0; S. Merity et al., the authors of Wikipedia",
    homepage="https://huggingface.co/datasets/Salesforce/wikitext",
    files=FILES,
    load=load,
    archives=(ARCHIVE,),
)
