"""How fast word2vec reads, beside gensim, and how good the vectors then are.

    pip install 'liuli[benchmarks]'
    LIULI_DATA=FOLDER python benchmarks/words.py [--quick] [--words N] [--scores] [--json FILE]

The same text (text8), words, dimension, window, noise and subsampling for both, one and two workers. Both stay in one
process, and in every round each reads the whole text once, one after the other, so that a machine that drifts drifts
for both; the first round (compiling, caches) is not counted. What liuli does is what `Word2Vec.learn` does for
`liuli train`, batch by batch, with the loss, which gensim leaves out. Printed are thousand raw words a second, and
the ratio of liuli to gensim of the same round: median, and range. With one worker the ratio of the processor's seconds
stands beside that of the clock's, which on a machine that does other work says more. Bar: `AT_LEAST`; where liuli lets
the words around one share their noise, which gensim cannot, `AT_LEAST_SHARED`. With --words both learn the N most
frequent words, however rare, and read the text without the others: tables of another size, by which speed changes.

With --scores both are trained as the recipe says, with the same settings, and asked WordSim-353 and the analogies:
of each the mean of three seeds and their range. Bar: liuli's mean at least gensim's less `WITHIN`.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from gensim.models import Word2Vec as Gensim

from liuli.catalog import find
from liuli.data import store
from liuli.models.language.word2vec import Word2Vec
from liuli.training.provenance import machine

AT_LEAST, AT_LEAST_SHARED = 1.1, 2.0
WITHIN = 0.03
ROUNDS, QUICK_ROUNDS = 5, 3
SUBSAMPLE = 1e-3  # gensim's own: more is left to read than with the recipe's
SEEDS = (0, 1, 2)
KINDS = [
    ("skip-gram", "negative", False),
    ("skip-gram", "negative", True),  # the noise shared
    ("cbow", "negative", False),
    ("skip-gram", "hierarchical", False),
    ("cbow", "hierarchical", False),
]


class Text:
    """text8 in the form of each, with the words of the recipe or the `words` most frequent."""

    def __init__(self, words: int | None = None) -> None:
        data = store.load("text8")
        self.task = find("word2vec").task
        if words is not None:
            self.task = replace(self.task, fewest=1)
        learnt = {name: values[:words] for name, values in self.task.learn(data.train, data.facts).items()}
        self.facts = type(data.facts)(**{**vars(data.facts), "learnt": learnt})
        self.batch = self.task.tensors(data.train, self.facts)
        self.questions = self.task.tensors(data.test, self.facts)
        read = set(learnt["words"]) if words is not None else None
        self.rows = [[w for w in str(row).split() if read is None or w in read] for row in data.train.inputs]
        self.raw = sum(map(len, self.rows))

    def liuli(
        self, architecture: str, output: str, shared: bool, subsample: float, workers: int, seed: int = 0
    ) -> Word2Vec:
        torch.manual_seed(seed)
        made = Word2Vec(
            len(self.facts.learnt["words"]),
            architecture=architecture,
            output=output,
            shared=shared,
            subsample=subsample,
            workers=workers,
        )
        self.task.equip(made, self.facts)
        return made

    def gensim(self, architecture: str, output: str, subsample: float, workers: int, seed: int = 0) -> Any:
        made = Gensim(
            vector_size=100,
            window=5,
            min_count=self.task.fewest,
            sg=int(architecture == "skip-gram"),
            hs=int(output == "hierarchical"),
            negative=0 if output == "hierarchical" else 5,
            sample=subsample,
            workers=workers,
            seed=seed + 1,
        )
        made.build_vocab(self.rows)
        return made

    def read(self, network: Word2Vec, rate: Callable[[float], float] = lambda progress: 0.025) -> None:
        """One epoch of liuli, in batches of the recipe's size, on its schedule."""
        size, count = find("word2vec").recipe.batch_size, len(self.batch[0])
        with torch.no_grad():
            for at in range(0, count, size):
                network.learn(tuple(one[at : at + size] for one in self.batch), rate(at / count))

    def measured(self, vectors: np.ndarray, words: list[str]) -> tuple[float, float]:
        """WordSim and analogies of vectors, by liuli's measures for both."""
        ours = Word2Vec(len(words), vectors.shape[1])
        order = [words.index(word) for word in self.facts.learnt["words"]]
        with torch.no_grad():
            ours.input.weight.copy_(torch.from_numpy(vectors[order]))
        pieces = zip(*(one.split(500) for one in self.questions), strict=True)
        output = torch.cat([self.task.respond(ours, piece) for piece in pieces])
        found = self.task.metrics(output, self.questions, self.facts)
        return float(str(found["wordsim"])), float(str(found["analogies"]))


def speed(text: Text, architecture: str, output: str, shared: bool, workers: int, rounds: int) -> dict[str, Any]:
    """Thousand raw words a second of both by round."""
    ours = text.liuli(architecture, output, shared, SUBSAMPLE, workers)
    theirs = text.gensim(architecture, output, SUBSAMPLE, workers)
    found: dict[str, list[float]] = {"liuli": [], "gensim": []}
    used: dict[str, list[float]] = {"liuli": [], "gensim": []}
    for number in range(rounds + 1):
        for name, read in (
            ("liuli", lambda: text.read(ours)),
            ("gensim", lambda: theirs.train(text.rows, total_examples=len(text.rows), epochs=1)),
        ):
            begun, before = perf_counter(), process_time()
            read()
            if number:
                found[name].append(text.raw / (perf_counter() - begun) / 1000)
                used[name].append(process_time() - before)
    return {
        "architecture": architecture,
        "output": output,
        "shared": shared,
        "workers": workers,
        **found,
        "ratio": [one / other for one, other in zip(found["liuli"], found["gensim"], strict=True)],
        "ratio of processor": [other / one for one, other in zip(used["liuli"], used["gensim"], strict=True)],
    }


def scores(text: Text, architecture: str, output: str, shared: bool) -> dict[str, Any]:
    """WordSim and analogies of both, trained as the recipe says."""
    recipe = find("word2vec").recipe
    found: dict[str, list[tuple[float, float]]] = {"liuli": [], "gensim": []}
    for seed in SEEDS:
        ours = text.liuli(architecture, output, shared, 1e-4, 1, seed)
        for epoch in range(recipe.epochs):
            text.read(ours, lambda done, epoch=epoch: 0.025 * recipe.schedule.factor((epoch + done) / recipe.epochs))
        found["liuli"].append(text.measured(ours.input.weight.detach().numpy(), text.facts.learnt["words"]))
        theirs = text.gensim(architecture, output, 1e-4, 1, seed)
        theirs.train(text.rows, total_examples=len(text.rows), epochs=recipe.epochs)
        found["gensim"].append(text.measured(theirs.wv.vectors, theirs.wv.index_to_key))
    return {"architecture": architecture, "output": output, "shared": shared, **found}


def spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three rounds, and only skip-gram with noise")
    parser.add_argument("--words", type=int, metavar="N", help="learn the N most frequent words")
    parser.add_argument("--scores", action="store_true", help="how good the vectors are, instead of how fast")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    torch.set_num_threads(1)
    text = Text(given.words)
    kinds = KINDS[: 2 if given.quick else 3 if not given.scores else 5]
    rows = []
    print(f"text8 ({text.facts.variant}): {text.raw:,} words, {len(text.facts.learnt['words']):,} learnt")
    for kind in kinds:
        named = " ".join(kind[:2]) + ", shared" * kind[2]
        if given.scores:
            rows.append(scores(text, *kind))
            means = {name: np.mean(rows[-1][name], axis=0) for name in ("liuli", "gensim")}
            good = "OK" if means["liuli"][0] >= means["gensim"][0] - WITHIN else "BELOW"
            for place, measure in enumerate(("WordSim", "analogies")):
                both = "  ".join(f"{n} {spread([one[place] for one in rows[-1][n]], 3)}" for n in means)
                print(f"{named:26} {measure:10} {both}  {good if place == 0 else ''}", flush=True)
            continue
        for workers in (1, 2):
            rows.append(speed(text, *kind, workers, QUICK_ROUNDS if given.quick else ROUNDS))
            row = rows[-1]
            good = "OK" if statistics.median(row["ratio"]) >= (AT_LEAST_SHARED if kind[2] else AT_LEAST) else "BELOW"
            both = "  ".join(f"{name} {spread(row[name], 0)}" for name in ("liuli", "gensim"))
            beside = f", of processor {spread(row['ratio of processor'], 2)}" if workers == 1 else ""
            ratio = f"ratio {spread(row['ratio'], 2)}{beside}"
            print(f"{named:26} {workers} worker(s)  {both}  {ratio}  {good}", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": machine(torch.device("cpu")), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
