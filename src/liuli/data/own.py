"""Data of a user's own, named by their path. What they are is found out by their form: ending, or what a folder holds.

A new kind of data is one `Form`: a word for it, a sentence on what it looks like, whether a path is that, and the
function that reads it. Where a path fits several (a CSV may hold numbers or sentences) the task's kind decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from liuli.data import corpus, folders, masks, networks, parallel, photos, prose, ratings, sentences, tables, texts, voc
from liuli.data.arrays import consistent
from liuli.data.dataset import Data
from liuli.errors import UserError


@dataclass(frozen=True)
class Form:
    """One way in which a user's data may lie on a disk.

    Attributes:
        kind: what `Facts.kind` will be, which is the kind of the tasks that read it.
        looks: what is expected, for a message.
        fits: whether a path that exists may be this; looks no deeper than it must.
        load: reads it; its second argument is what `--target` names. Raises UserError with file and line.
        takes_target: whether `--target` means anything here.
    """

    kind: str
    looks: str
    fits: Callable[[Path], bool]
    load: Callable[[Path, str | None], Data]
    takes_target: bool = False


FORMS = (
    Form(
        kind="table",
        looks="a CSV file of numbers, with the names of the columns in its first line and a column of classes",
        fits=lambda path: path.is_file() and path.suffix.lower() in tables.ENDINGS,
        load=tables.load,
        takes_target=True,
    ),
    Form(
        kind="image",
        looks="a folder of pictures, with a folder for each class in it",
        fits=folders.fits,
        load=folders.load,
    ),
    Form(
        kind="photograph",
        looks="a folder with two pictures, called content and style",
        fits=photos.fits,
        load=photos.load_own,
    ),
    Form(
        kind=masks.KIND,
        looks="a folder with pictures in images/ and, of the same names, their label maps as 8-bit PNG in masks/",
        fits=masks.fits,
        load=masks.load,
    ),
    Form(
        kind=voc.KIND,
        looks="a folder with pictures in JPEGImages/ and, of the same names, their boxes as XML in Annotations/",
        fits=voc.fits,
        load=voc.load,
    ),
    Form(
        kind="graph",
        looks="a folder with nodes.csv (name, numbers, a column of classes) and edges.txt (two names a line)",
        fits=networks.fits,
        load=networks.load,
        takes_target=True,
    ),
    Form(
        kind="sentence",
        looks="a CSV or TSV file with a column of sentences, 'text', and one of classes, 'label'",
        fits=sentences.fits,
        load=sentences.load,
        takes_target=True,
    ),
    Form(
        kind="translation",
        looks="a folder with train.en and train.de (any two endings), or a TSV file of sentences with translations",
        fits=parallel.fits,
        load=parallel.load,
        takes_target=True,
    ),
    Form(
        kind="ratings",
        looks=(
            "a CSV file of ratings, stars from 1 to 5 or half stars, with columns for the user, the item and the rating"
        ),
        fits=lambda path: path.is_file() and path.suffix.lower() in tables.ENDINGS,
        load=ratings.load,
    ),
    Form(
        kind="corpus",
        looks="a file of running text with the ending .txt, or a folder of them",
        fits=corpus.fits,
        load=corpus.load,
    ),
    Form(
        kind="prose",
        looks="a file of running text by paragraphs with the ending .txt, or a folder of them",
        fits=corpus.fits,
        load=prose.load,
    ),
    Form(
        kind="text",
        looks="a file of running text with the ending .txt, or a folder of them",
        fits=corpus.fits,
        load=texts.load,
    ),
)


def load(path: Path, target: str | None, kind: str | None = None) -> Data:
    """Read what lies at `path`.

    Args:
        path: a file or a folder.
        target: the column that is to be predicted, in a table.
        kind: what the task reads; where no form is of that kind, every form may be meant.

    Raises:
        UserError: it is not there, has no form that the task reads, or is faulty.
    """
    if not path.exists():
        raise UserError(
            f"{path}: there is no such file or folder; 'liuli data list' shows the data sets that have a name"
        )
    meant = [form for form in FORMS if form.kind == kind] or list(FORMS)
    form = next((form for form in meant if form.fits(path)), None)
    if form is None:
        what = "a folder" if path.is_dir() else f"a file with the ending '{path.suffix}'"
        raise UserError(f"{path}: is {what}, expected {'; or '.join(form.looks for form in meant)}")
    if target is not None and not form.takes_target:
        raise UserError(f"--target {target}: names a column of a table; {path} is none, so leave it out")
    data = form.load(path, target)
    details = {**data.facts.details, "path": str(path.resolve()), "target": target}
    return consistent(replace(data, facts=replace(data.facts, details=details)))
