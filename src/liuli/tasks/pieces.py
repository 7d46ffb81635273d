"""Text as pieces of words: WordPiece (Schuster & Nakajima, 2012; Wu et al., 2016), as BERT reads.

A frequent word is one piece; a rare one is spelt from several, of which all but the first begin with "##". Chinese,
Japanese and Korean ideographs are words by themselves. Where a reader is made anew, capitals become small letters and
accents are taken off unless `cased`. The names of the five special pieces are BERT's; their numbers are what the
vocabulary says.

Shapes: V pieces.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liuli.errors import UserError, from_extra
from liuli.tasks.tokenizer import kept, ready
from liuli.tasks.tokenizer import names as names
from liuli.tasks.tokenizer import vocabulary as vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING = 0
NAMES = PAD, UNKNOWN, START, END, BLANK = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTINUED = "##"
FEWEST = 3  # times that a character comes before it is learnt; what holds another one is unknown


def learn(texts: Sequence[str], size: int, cased: bool = False) -> dict[str, Any]:
    """At most `size` pieces of some texts, the same ones each time, and how often each comes: JSON-ready.

    Raises:
        UserError: the texts hold too little to learn a piece from.
    """
    with from_extra("language"):
        from tokenizers import Tokenizer
        from tokenizers.models import WordPiece
        from tokenizers.trainers import WordPieceTrainer

    empty = reader({name: number for number, name in enumerate(NAMES)}, cased)
    known = [text.replace(UNKNOWN, " ") for text in texts]
    letters: Counter[str] = Counter()
    for text in known:
        letters.update(empty.normalizer.normalize_str(text))
    alphabet = sorted(one for one, count in letters.items() if count >= FEWEST and not one.isspace())
    if not alphabet:
        raise UserError("the text is too short to learn pieces of words from; give more")
    # Those in the middle of a word are named first as well, since the trainer numbers them in an order of chance.
    given = [*NAMES, *alphabet, *(CONTINUED + one for one in alphabet)]
    trained = Tokenizer(WordPiece(unk_token=UNKNOWN))
    trained.normalizer, trained.pre_tokenizer = empty.normalizer, empty.pre_tokenizer
    trainer = WordPieceTrainer(
        vocab_size=size, special_tokens=given, limit_alphabet=len(alphabet), min_frequency=2, show_progress=False
    )
    trained.train_from_iterator(known, trainer)
    learnt = {"tokenizer": kept(reader(trained.get_vocab(), cased))}
    return {**learnt, "counts": counts(texts, learnt)}


def counts(texts: Iterable[str], learnt: Mapping[str, Any]) -> list[int]:
    """How often each piece comes."""
    found = [0] * len(vocabulary(learnt))
    words = Counter(word for text in texts for word in text.split())
    for numbers, count in zip(encode(list(words), learnt), words.values(), strict=True):
        for number in numbers:
            found[number] += count
    return found


def reader(vocabulary: Mapping[str, int], cased: bool, accents: bool | None = None, chinese: bool = True) -> Tokenizer:
    """BERT's way of reading with a vocabulary.

    Args:
        vocabulary: the number of every piece.
        cased: whether capitals stay.
        accents: whether they stay; None: where capitals do.
        chinese: whether ideographs are words by themselves.
    """
    with from_extra("language"):
        from tokenizers import Tokenizer
        from tokenizers.decoders import WordPiece as Joining
        from tokenizers.models import WordPiece
        from tokenizers.normalizers import BertNormalizer
        from tokenizers.pre_tokenizers import BertPreTokenizer
        from tokenizers.processors import TemplateProcessing

    ordered = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
    made = Tokenizer(WordPiece(ordered, unk_token=UNKNOWN, continuing_subword_prefix=CONTINUED))
    made.normalizer = BertNormalizer(
        handle_chinese_chars=chinese, strip_accents=None if accents is None else not accents, lowercase=not cased
    )
    made.pre_tokenizer = BertPreTokenizer()
    made.post_processor = TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} $B:1 {END}:1",
        special_tokens=[(START, ordered[START]), (END, ordered[END])],
    )
    made.decoder = Joining(prefix=CONTINUED)
    made.add_special_tokens(list(NAMES))
    return made


def askable(names: Sequence[str]) -> list[str]:
    """Each piece as it may stand in a sentence; "" for those that are signs of the network's own."""
    return ["" if name in NAMES else name.removeprefix(CONTINUED) for name in names]


def joined(pieces: Sequence[str]) -> str:
    """Pieces as they are written: those that go on a word without a space."""
    return " ".join(pieces).replace(f" {CONTINUED}", "")


def text(numbers: Sequence[int], learnt: Mapping[str, Any]) -> str:
    """The text of some pieces, its words and signs apart."""
    known = names(learnt)
    return joined([known[number] for number in numbers])


def drawn(count: int) -> dict[str, Any]:
    """What `learn` would give of a made-up language of `count` pieces, which are called by their number."""
    called = [*NAMES, *(f"w{number}" for number in range(len(NAMES), count))]
    model = {"model": {"vocab": {name: number for number, name in enumerate(called)}}}
    return {"tokenizer": model, "counts": list(range(count))}


def encode(texts: Sequence[str], learnt: Mapping[str, Any]) -> list[list[int]]:
    """The numbers of each text's pieces. The names of special pieces in a text are those pieces."""
    return [one.ids for one in ready(learnt["tokenizer"]).encode_batch_fast(list(texts), add_special_tokens=False)]


def from_folder(folder: Path) -> dict[str, Any]:
    """The reader of a published model: its tokenizer.json, or its vocab.txt, a piece a line.

    Raises:
        UserError: there is none, it is damaged, or it is not of BERT's kind.
    """
    whole, listed = folder / "tokenizer.json", folder / "vocab.txt"
    if whole.exists():
        learnt = {"tokenizer": read(whole)}
        kind = learnt["tokenizer"].get("model", {}).get("type")
        if kind != "WordPiece":
            raise UserError(f"{whole}: is a tokenizer of the kind {kind}, expected WordPiece")
        pieces: Iterable[str] = vocabulary(learnt)
    else:
        try:
            pieces = listed.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{folder}: has neither a sound tokenizer.json nor vocab.txt ({error})") from error
    lacking = [name for name in NAMES if name not in pieces]
    if lacking:
        raise UserError(f"{whole if whole.exists() else listed}: lacks the piece {lacking[0]}, expected BERT's five")
    if not whole.exists():
        settings = folder / "tokenizer_config.json"
        said = read(settings) if settings.exists() else {}
        accents = said.get("strip_accents")
        made = reader(
            {name: number for number, name in enumerate(pieces)},
            cased=not said.get("do_lower_case", True),
            accents=None if accents is None else not accents,
            chinese=said.get("tokenize_chinese_chars", True),
        )
        learnt = {"tokenizer": kept(made)}
    if vocabulary(learnt)[PAD] != PADDING:
        raise UserError(f"{folder}: its {PAD} has the number {vocabulary(learnt)[PAD]}, expected {PADDING}")
    return learnt


def read(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        UserError: the file is damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}), expected a JSON object; fetch or copy it anew") from error
