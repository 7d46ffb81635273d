"""Word vectors in the two formats of the authors' program, which most programs for word vectors read and write.

    text     "V D", then a line a word: the word and D numbers, with spaces between
    binary   "V D", then for each word: the word, a space, D float32 with the lowest byte first, and a new line

From a run:

    run = liuli.load("word2vec")
    vectors = run.network().input.weight.detach().numpy()
    word_formats.write(Path("vectors.bin"), run.facts.learnt["words"], vectors)
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liuli.errors import UserError
from liuli.files import replacing

Vectors = NDArray[np.float32]
MOST = 2**40  # numbers; a header that says more is none


def write(path: Path, words: Sequence[str], vectors: Vectors) -> None:
    """Write words and their vectors (V, D): binary where the name ends in .bin, else text with every digit.

    Raises:
        UserError: a word holds a space, or the file cannot be written.
    """
    for word in words:
        if not word or any(sign.isspace() for sign in word):
            raise UserError(f"{path}: '{word}' is empty or holds a space, which these formats cannot keep; rename it")
    binary = path.suffix == ".bin"
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for word, vector in zip(words, vectors.astype("<f4"), strict=True):
            numbers = vector.tobytes() if binary else " ".join(map(str, vector)).encode()
            stream.write(word.encode() + b" " + numbers + b"\n")


def read(path: Path) -> tuple[list[str], Vectors]:
    """Words and their vectors (V, D), float32, from a file of either format, whoever wrote it.

    Raises:
        UserError: it is neither, is cut short, or cannot be read.
    """
    try:
        stream = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a file of word vectors") from error
    header = stream.readline(100)
    try:
        count, width = map(int, header.split())
        if count < 1 or width < 1 or count * width > MOST:
            raise ValueError
    except ValueError:
        raise UserError(f"{path}: begins with {header[:40]!r}, expected two numbers: words and dimensions") from None
    begin = stream.tell()
    text = is_text(stream.readline(), width)
    stream.seek(begin)
    return read_text(path, stream, count, width) if text else read_binary(path, stream, count, width)


def is_text(line: bytes, width: int) -> bool:
    """Whether a first line is that of the text format."""
    parts = line.split()
    try:
        return len(parts) == width + 1 and all(np.isfinite(float(part)) for part in parts[1:])
    except ValueError:
        return False


def read_text(path: Path, stream: io.BytesIO, count: int, width: int) -> tuple[list[str], Vectors]:
    """What follows the header of the text format."""
    words, vectors = [], np.zeros((count, width), dtype=np.float32)
    for row in range(count):
        word, *numbers = stream.readline().rstrip().split(b" ")
        try:
            vectors[row] = [float(number) for number in numbers]
            words.append(word.decode("utf-8"))
        except ValueError:
            raise UserError(
                f"{path}:{row + 2}: expected a word and {width} numbers with spaces between, found {len(numbers)}; "
                "get the file again"
            ) from None
    return words, vectors


def read_binary(path: Path, stream: io.BytesIO, count: int, width: int) -> tuple[list[str], Vectors]:
    """What follows the header of the binary format; some programs leave out the new lines."""
    content, place = stream.getvalue(), stream.tell()
    words, vectors = [], np.zeros((count, width), dtype=np.float32)
    for row in range(count):
        space = content.find(b" ", place)
        end = space + 1 + 4 * width
        if space < 0 or end > len(content):
            raise UserError(f"{path}: is cut short in word {row + 1:,} of {count:,}; get the file again")
        try:
            words.append(content[place:space].lstrip(b"\n").decode("utf-8"))
        except UnicodeDecodeError:
            raise UserError(f"{path}: word {row + 1:,} is no text in UTF-8; get the file again") from None
        vectors[row] = np.frombuffer(content, dtype="<f4", count=width, offset=space + 1)
        place = end
    return words, vectors
