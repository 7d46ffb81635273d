"""What word vectors are asked: WordSim-353 and the analogies of Mikolov, Chen, Corrado & Dean (2013).

WordSim-353 (Finkelstein et al., 2002): 353 pairs of words, and how alike people found them, from 0 to 10.
Analogies: 19,544 questions in 14 sections; the first word is to the second as the third is to the fourth.

These only test: the training part is empty. Inputs are the words of a question with a space between, targets the
people's mean (NaN for an analogy), and `extra["section"]` says which of `details["sections"]` it is of.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError

PAIRS = RemoteFile(
    name="wordsim353.tsv",
    size=7_186,
    sha256="f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
    urls=("https://raw.githubusercontent.com/piskvorky/gensim/develop/gensim/test/test_data/wordsim353.tsv",),
)
ANALOGIES = RemoteFile(
    name="questions-words.txt",
    size=603_955,
    sha256="8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
    urls=("https://raw.githubusercontent.com/nicholas-leonard/word2vec/master/questions-words.txt",),
)
FIRST = "WordSim-353"


def load(folder: Path | None) -> Data:
    """The pairs, then the analogies, as published.

    Raises:
        UserError: a line is not of its file's form.
    """
    assert folder is not None
    questions: list[str] = []
    scores: list[float] = []
    sections: list[int] = []
    names = [FIRST]
    for number, line in lines(folder / PAIRS.name):
        if line.startswith("#"):
            continue
        try:
            first, second, score = line.split("\t")
            scores.append(float(score))
        except ValueError:
            raise UserError(
                f"{folder / PAIRS.name}:{number}: is '{line:.60}', expected two words and a number, with tabs between"
            ) from None
        questions.append(f"{first} {second}")
        sections.append(0)
    for number, line in lines(folder / ANALOGIES.name):
        if line.startswith(":"):
            names.append(line.removeprefix(":").strip())
            continue
        if len(line.split()) != 4 or len(names) == 1:
            raise UserError(
                f"{folder / ANALOGIES.name}:{number}: is '{line:.60}', expected ': section' first, then four words"
            )
        questions.append(line)
        scores.append(float("nan"))
        sections.append(len(names) - 1)
    test = Split(np.array(questions, dtype=object), np.array(scores), {"section": np.array(sections, dtype=np.int64)})
    facts = Facts(
        name="word-eval",
        variant="",
        sha256=fingerprint([PAIRS, ANALOGIES]),
        kind="questions",
        form="",
        shape=(),
        classes=(),
        details={"sections": names},
    )
    return Data(facts, Split(test.inputs[:0], test.targets[:0], {"section": test.extra["section"][:0]}), test)


def lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that hold something, with their numbers from 1.

    Raises:
        UserError: it is no text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); get it again") from error
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


DATA = DataSet(
    name="word-eval",
    title="WordSim-353, and the analogies of questions-words",
    about="353 pairs with people's similarity, 19,544 analogies; only to test word vectors",
    licence="CC BY 4.0 and Apache 2.0; L. Finkelstein et al., and Google",
    homepage="https://gabrilovich.com/resources/data/wordsim353/wordsim353.html",
    files=(PAIRS, ANALOGIES),
    load=load,
)
