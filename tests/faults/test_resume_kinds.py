"""A system of every kind: killed at a moment drawn in the middle of training and resumed, it ends with the same bits.

What goes on here is what the kinds have of their own: batches by length, two networks in turns, noise, experience and
where the carts are, the picture that is painted. The loop's own instants stand in `test_resume.py`.

A new kind is a row of `CASES`, and `test_every_kind_has_a_case` asks for it: its data are made on the spot, it has a
few steps, and it takes a second or two.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liuli import catalog
from liuli.data import photos, squeezenet, store, word_eval
from liuli.data.dataset import Data, Facts, Split
from liuli.files import read_lines
from liuli.runs import Run
from liuli.training import loop
from tests.faults.test_resume import killed_and_resumed
from tests.invariants.test_graphs import own_graph
from tests.invariants.test_rating import table
from tests.training_child import Job, run, trace


@dataclass(frozen=True)
class Case:
    """One system, and how it is trained for as short a time as shows everything.

    Attributes:
        name: of the system.
        data: what `--data` takes, or what makes it in an empty folder and says where.
        settings: of the recipe or model.
        target: see `Job`.
        prepare: see `Job`.
    """

    name: str
    data: str | Callable[[Path], str]
    settings: dict[str, object] = field(default_factory=dict)
    target: str | None = None
    prepare: Callable[[], object] | None = None


def noise(file: Path, seed: int) -> None:
    """A picture of 40 × 40 random colours."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(file)


def pictures(folder: Path) -> str:
    """Twenty pictures of two classes."""
    for number in range(20):
        noise(folder / "pictures" / ("cat", "dog")[number % 2] / f"{number}.png", number)
    return str(folder / "pictures")


def masked_pictures(folder: Path) -> str:
    """Ten pictures of two things, what is above and what is below."""
    (folder / "scenes" / "masks").mkdir(parents=True)
    below = Image.fromarray(np.repeat([0, 1], 20)[:, None].repeat(40, 1).astype(np.uint8))
    for number in range(10):
        noise(folder / "scenes" / "images" / f"{number}.png", number)
        below.save(folder / "scenes" / "masks" / f"{number}.png")
    return str(folder / "scenes")


def sentences(folder: Path) -> str:
    """Sentences of one to twelve words; the second word says the class."""
    dice = random.Random(0)
    words = [f"w{number}" for number in range(12)]
    with (folder / "sentences.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["text", "label"])
        for number in range(80):
            said = ["yes", "no"][number % 2]
            rows.writerow([" ".join(["well", said, *dice.choices(words, k=dice.randrange(11))]), said])
    return str(folder / "sentences.csv")


def translations(folder: Path) -> str:
    """Sixty sentences, and the same backwards."""
    dice = random.Random(0)
    said = [dice.choices(["one", "two", "three", "four", "five", "six"], k=dice.randint(1, 7)) for _ in range(60)]
    rows = [f"{' '.join(words)}\t{' '.join(reversed(words))}\n" for words in said]
    (folder / "talks.tsv").write_text("".join(rows))
    return str(folder / "talks.tsv")


def paragraphs(folder: Path) -> str:
    """Forty paragraphs of four sentences."""
    dice = random.Random(0)
    words = [f"{a}{b}" for a in "bdfgk" for b in ("ara", "olo", "umi")]
    sentences = [" ".join(dice.choices(words, k=dice.randint(3, 8))).capitalize() + "." for _ in range(160)]
    (folder / "prose.txt").write_text("\n\n".join(" ".join(sentences[at : at + 4]) for at in range(0, 160, 4)))
    return str(folder / "prose.txt")


def text(folder: Path, words: int = 12_000) -> str:
    """Running text."""
    dice = random.Random(0)
    (folder / "text.txt").write_text(" ".join(f"w{int(dice.expovariate(0.1))}" for _ in range(words)))
    return str(folder / "text.txt")


def few_questions() -> None:
    """What word vectors are asked, without the published files."""
    facts = Facts("word-eval", "", "", "questions", "", (), (), {"sections": ["pairs", "analogies"]})
    asked, scores = np.array(["w0 w1", "w1 w7", "w0 w1 w2 w3"]), np.array([3.0, 1.0, np.nan])
    data = Data(facts, Split(asked[:0], scores[:0]), Split(asked, scores, {"section": np.array([0, 0, 1])}))
    known = {**store.definitions(), "word-eval": replace(word_eval.DATA, files=(), load=lambda folder: data)}
    store.definitions = lambda: known  # type: ignore[assignment]


def boxed(folder: Path) -> str:
    """Ten pictures, each with a box or two."""
    (folder / "boxed" / "Annotations").mkdir(parents=True)
    for number in range(10):
        noise(folder / "boxed" / "JPEGImages" / f"{number}.png", number)
        things = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>5</ymin>"
            f"<xmax>{left + 12}</xmax><ymax>30</ymax></bndbox></object>"
            for name, left in (("cat", 2 + number), ("dog", 25))[: 1 + number % 2]
        )
        (folder / "boxed" / "Annotations" / f"{number}.xml").write_text(f"<annotation>{things}</annotation>")
    return str(folder / "boxed")


def content_and_style(folder: Path) -> str:
    """A picture and another."""
    for number, name in enumerate(("content.png", "style.png")):
        noise(folder / "pair" / name, number)
    return str(folder / "pair")


def no_squeezenet() -> None:
    """A network that looks, or is begun with, whose weights are drawn: the published ones are not to be had."""
    squeezenet.weights = dict  # type: ignore[assignment]


def small_paintings() -> None:
    """Paintings of 32 × 32, five steps an epoch."""
    no_squeezenet()
    photos.SIDE, photos.STEPS = 32, 5


CASES = {
    "numbers, in closed form": Case("gaussian-classifier", "iris"),
    "numbers, by a rule": Case("perceptron", "iris"),
    "projection": Case("pca", "digits", {"components": 5}),
    "picture to class": Case("resnet", pictures, {"epochs": 2, "batch_size": 5, "validation": 0.25}),
    "sentence to class": Case("lstm", sentences, {"epochs": 2, "batch_size": 8, "validation": 0.2}),
    "sentence to class, after pretraining": Case(
        "bert-classifier",
        sentences,
        {"epochs": 2, "batch_size": 8, "validation": 0.2, "pretrained": "none", "width": 16, "layers": 1, "heads": 2},
    ),
    "words to vectors": Case(
        "word2vec", text, {"epochs": 2, "batch_size": 3, "compiled": False, "dimension": 8}, prepare=few_questions
    ),
    "text, sign by sign": Case(
        "gpt",
        lambda folder: text(folder, 400),
        {"epochs": 2, "batch_size": 8, "context": 16, "width": 16, "layers": 1, "heads": 2, "dropout": 0.1},
    ),
    "text with gaps": Case(
        "bert",
        paragraphs,
        {"epochs": 2, "batch_size": 8, "width": 16, "layers": 1, "heads": 2, "inner": 32, "dropout": 0.1},
    ),
    "sentence to sentence": Case("seq2seq", translations, {"epochs": 2, "batch_size": 8, "width": 16, "units": 16}),
    "sentence to sentence, at once": Case(
        "transformer", translations, {"epochs": 2, "batch_size": 8, "width": 16, "layers": 1, "heads": 2, "inner": 32}
    ),
    "picture to a class for each pixel": Case(
        "fcn", masked_pictures, {"epochs": 2, "batch_size": 2, "validation": 0.25}, prepare=no_squeezenet
    ),
    "picture to boxes": Case(
        "yolo-v1", boxed, {"epochs": 2, "batch_size": 2, "validation": 0.25}, prepare=no_squeezenet
    ),
    "boxes that are left": Case("nms", boxed),
    "two networks": Case("gan", "digits", {"epochs": 2, "batch_size": 108}),
    "latent": Case("vae", "digits", {"epochs": 2, "batch_size": 108}),
    "graph": Case("gat", lambda folder: str(own_graph(folder / "graph")), {"epochs": 6}, target="party"),
    "ratings": Case("recommender", lambda folder: str(table(folder)), {"epochs": 2, "batch_size": 8}),
    "decisions, planned": Case("mdp", "racing", {"epochs": 6}),
    "decisions, in a table": Case("q-learning", "racing", {"epochs": 5, "episodes": 30}),
    "decisions, by a network": Case("dqn", "cartpole", {"epochs": 1, "batch_size": 200}),
    "painting": Case("style-transfer", content_and_style, {"epochs": 2}, prepare=small_paintings),
}


@dataclass(frozen=True)
class Whole:
    """A run that was never killed."""

    job: Job
    trace: dict[str, object]
    steps: int


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    case: Case = request.param
    folder = tmp_path_factory.mktemp(case.name)
    data = case.data if isinstance(case.data, str) else case.data(folder)
    job = Job(folder / "whole", case.name, case.settings, data=data, target=case.target, prepare=case.prepare)
    assert run(job).code == 0
    left = trace(job.folder)
    return Whole(job, left, left["metrics"][-1]["step"])  # type: ignore[index]


def test_every_kind_has_a_case() -> None:
    kinds = {name: type(catalog.find(name).task).__name__ for name in catalog.listings()}
    covered = {kinds[case.name] for case in CASES.values()}
    assert {name: kind for name, kind in kinds.items() if kind not in covered} == {}, (
        "add a row of one of them to CASES"
    )


def test_killed_and_killed_again_while_resuming(whole: Whole, tmp_path: Path) -> None:
    """The moment is drawn once for all, so that a failure can be met again."""
    step = random.Random(whole.job.name).randint(1, whole.steps)
    kills = [("step", step), ("half a checkpoint", 2)]
    assert killed_and_resumed(tmp_path / "run", whole.job, kills) == whole.trace, f"killed at step {step}"


def test_it_leaves_examples_and_answers_to_them(whole: Whole) -> None:
    left = Run.open(whole.job.folder)
    shown, answered = json.loads(left.examples_file.read_text()), read_lines(left.answers_file)
    if whole.job.name == "style-transfer":
        assert (shown, answered) == ([], [])
        assert whole.trace["pictures"], "its one painting is watched instead"
        return
    assert shown
    assert answered
    assert all(len(line["answers"]) == len(shown) for line in answered)


@pytest.mark.slow
@pytest.mark.parametrize("every_step", [True, False], ids=["saving often", "saving seldom"])
def test_killed_at_moments_drawn_anew(whole: Whole, tmp_path: Path, every_step: bool) -> None:
    steps = random.Random().sample(range(1, whole.steps + 1), min(4, whole.steps))
    for step in steps:
        job = replace(whole.job, every_step=every_step)
        kept = killed_and_resumed(tmp_path / str(step), job, [("step", step)])
        assert kept == whole.trace, f"killed at step {step}"


def dice_forgotten() -> None:
    """A fault: the state of the random generators is not taken from the checkpoint."""
    loop.set_generators = lambda state: None  # type: ignore[assignment]


def test_what_is_not_in_the_checkpoint_is_noticed(tmp_path: Path) -> None:
    """Dropout goes on with other draws, and nothing else is wrong."""
    job = Job(tmp_path / "whole", "recommender", {"epochs": 2, "batch_size": 8}, data=str(table(tmp_path)))
    assert run(job).code == 0
    assert killed_and_resumed(tmp_path / "run", job, [("step", 8)]) == trace(job.folder)
    faulty = replace(job, prepare=dice_forgotten)
    assert killed_and_resumed(tmp_path / "faulty", faulty, [("step", 8)]) != trace(job.folder)
