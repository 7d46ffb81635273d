"""word2vec: a word is known by the company it keeps.

Every word has two vectors: v, when it is the one that predicts, and u, when it is the one predicted. Skip-gram takes a
word and asks of each word around it whether they stand together, which a product of two vectors answers. It is right
about the words that do, and must be right as well about a few drawn at random, the noise, that do not. CBOW asks the
mean of the words around for the one in the middle. Words that stand in the same company end with like vectors, and
king − man + woman comes to lie near queen.

    score:             s_o = u_o · h,   h = v_c (skip-gram),   h = 1/C Σ v_c (CBOW)
    negative sampling: L = −log σ(s_o) − Σ_k log σ(−s_k),   k drawn with P(k) ∝ count(k)^¾
    hierarchical:      L = −Σ_n log σ(±u_n · h) over the inner nodes n on Huffman's way to o, + left, − right
    step:              u_o ← u_o + rate · (right − σ(s_o)) · h,   v_c ← v_c + rate · Σ_o (right − σ(s_o)) · u_o
    occurrences kept:  √(t / f) + t / f of those of a word that is the share f of the text

Paper: Mikolov, Sutskever, Chen, Corrado & Dean, Distributed representations of words and phrases and their
compositionality, NeurIPS 2013; CBOW and skip-gram are of Mikolov, Chen, Corrado & Dean, Efficient estimation of word
representations in vector space, ICLR workshop, 2013.

Shapes:
    B  batch, V words, D dimensions, C words around, K words of noise, R predicted words, L longest way in the tree
    T  places of a row of text

Departures:
    As in the authors' program: subsampling keeps a little more than the paper prints; the words around predict the
    one in the middle, which over a whole text is the same; and CBOW's error goes whole to every word around, where
    the gradient would divide it by their number. Unlike it, noise is drawn exactly (Walker's alias) and σ is not
    read from a table; vectors begin within ±1/D, as gensim has it, not ±½/D; and random numbers follow from seed, step
    and row. A text of a million words is small, so the vectors have 100 dimensions and it is read 15 times. The figure
    to reach is what gensim reaches with the same settings, a WordSim correlation of 0.51 (0.49 to 0.53 with three
    seeds), less 0.03.

Look at:
    One score: a hundred products that add up to whether two words stand together. What do the products of the noise
    add up to? The nearest words of a frequent word and of a rare one. The lines from countries to their capitals.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from liuli.errors import UserError
from liuli.layers.word_counts import Noise, Tree, huffman, subsampling, unigram_noise
from liuli.system import SGD, Linear, Recipe, System, Target
from liuli.tasks.examples import Batch
from liuli.tasks.word_vectors import WordVectors

Matrix: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int32]
Starts: TypeAlias = NDArray[np.uint64]
Sums: TypeAlias = tuple[float, int]
MASK = 2**64 - 1
LEAST = 1e-300
ARCHITECTURES, OUTPUTS = ("skip-gram", "cbow"), ("negative", "hierarchical")


class Plan(NamedTuple):
    """How a row is read: what `read_row` and the compiled kernel follow alike; `negatives` 0 means hierarchical."""

    skip_gram: bool
    window: int
    negatives: int
    shared: bool
    kept: NDArray[np.float64]
    noise: Noise
    tree: Tree


class Word2Vec(nn.Module):
    """Called with a word, those around it and noise, gives each score with the sign that makes right ones positive."""

    nodes: Tensor
    turns: Tensor
    lengths: Tensor
    counts: Tensor
    seed: Tensor

    def __init__(
        self,
        vocabulary: int = 1000,
        dimension: int = 100,
        architecture: str = "skip-gram",
        output: str = "negative",
        window: int = 5,
        negatives: int = 5,
        shared: bool = False,
        subsample: float = 1e-4,
        workers: int = 1,
        compiled: bool = True,
    ) -> None:
        super().__init__()
        for name, value, known in (("architecture", architecture, ARCHITECTURES), ("output", output, OUTPUTS)):
            if value not in known:
                raise ValueError(f"{name} is '{value}', expected {' or '.join(known)}")
        if min(vocabulary - 1, dimension, window, negatives, workers) < 1 or subsample < 0:
            raise ValueError("expected two words and one of everything else at least, and a subsample of 0 or more")
        self.skip_gram, self.hierarchical = architecture == "skip-gram", output == "hierarchical"
        self.window, self.negatives, self.subsample = window, negatives, subsample
        self.shared, self.workers, self.compiled = shared and not self.hierarchical, workers, compiled
        self.input = nn.Embedding(vocabulary, dimension)  # v
        self.output = nn.Embedding(vocabulary - self.hierarchical, dimension)  # u, of words or of inner nodes
        nn.init.uniform_(self.input.weight, -1 / dimension, 1 / dimension)
        nn.init.zeros_(self.output.weight)
        self.register_buffer("seed", torch.randint(2**31, ()))
        self.register_buffer("counts", torch.arange(vocabulary, 0, -1))
        self.register_load_state_dict_post_hook(lambda *_: self.settle())  # type: ignore[no-untyped-call]
        self.steps = 0
        self.settle()

    def settle(self, counts: Tensor | None = None) -> None:
        """Make ready what follows from how often each word occurs, (V,); None: from the counts that it has."""
        if counts is not None:
            self.counts.copy_(counts)
        known = self.counts.cpu().numpy()
        tree = huffman(known)
        negatives = 0 if self.hierarchical else self.negatives
        kept = subsampling(known, self.subsample)
        self.plan = Plan(self.skip_gram, self.window, negatives, self.shared, kept, unigram_noise(known), tree)
        for name, table in tree._asdict().items():
            self.register_buffer(name, torch.from_numpy(table).to(self.counts.device), persistent=False)

    def forward(self, centre: Tensor, context: Tensor, noise: Tensor) -> Tensor:
        if self.skip_gram:
            hidden, right = self.input(centre), context  # (B, D), (B, R = C)
        else:
            hidden, right = self.input(context).mean(1), centre[:, None]  # (B, D), (B, R = 1)
        if self.hierarchical:
            scores = self.output(self.nodes[right]) @ hidden[:, None, :, None]  # (B, R, L, 1)
            signed = scores[..., 0] * (1 - 2 * self.turns[right])  # (B, R, L)
            ended = torch.arange(signed.size(-1), device=right.device) >= self.lengths[right][..., None]
            return signed.masked_fill(ended, math.inf).flatten(1)  # (B, R·L), sure beyond the end of a way
        words = torch.cat([right, noise], 1)  # (B, R + K)
        scores = (self.output(words) @ hidden[:, :, None])[..., 0]  # (B, R + K)
        signs = torch.cat([torch.ones_like(right), -torch.ones_like(noise)], 1)  # (B, R + K)
        return scores * signs

    def learn(self, batch: Batch, rate: float) -> dict[str, Tensor]:
        """Read rows of text, (B, T) with signs of 0 beyond their end; the mean loss of a prediction."""
        words, signs = batch[:2]
        rows = torch.where(signs != 0, words, -1).cpu().numpy()
        begin = mixed(mixed(int(self.seed)) + self.steps)
        streams = np.array([mixed(begin + row) for row in range(len(rows))], dtype=np.uint64)
        weights = [self.input.weight.detach(), self.output.weight.detach()]
        inputs, outputs = (one.cpu().numpy() for one in weights)
        read = compiled_kernel() if self.compiled else read_rows
        shares = zip(np.array_split(rows, self.workers), np.array_split(streams, self.workers), strict=True)
        with ThreadPoolExecutor(self.workers) as pool:
            sums = list(pool.map(lambda share: read(*share, inputs, outputs, np.float32(rate), *self.plan), shares))
        if weights[0].device.type != "cpu":
            for weight, values in zip(weights, (inputs, outputs), strict=True):
                weight.copy_(torch.from_numpy(values))
        self.steps += 1
        loss, predictions = (sum(column) for column in zip(*sums, strict=True))
        return {"loss": torch.tensor(loss / max(predictions, 1))}

    def memory(self) -> dict[str, Tensor]:
        """See `SelfTaught`: the steps so far, which the random numbers follow from."""
        return {"steps": torch.tensor(self.steps)}

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        """See `SelfTaught`."""
        self.steps = int(memory["steps"])


def compiled_kernel() -> Callable[..., Sums]:
    """The kernel that does what `read_rows` does.

    Raises:
        UserError: Numba is not installed.
    """
    try:
        from liuli.layers.word2vec_kernel import read_rows
    except ModuleNotFoundError as error:
        raise UserError(
            "word2vec: its compiled kernel needs Numba, which is not installed; pip install 'liuli[language]', "
            "or use --set compiled=false, a thousand times slower"
        ) from error
    return read_rows


def mixed(state: int) -> int:
    """SplitMix64 (Steele, Lea & Flood, 2014): the random number of 64 bits that stands at `state`."""
    z = state & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Stream:
    """Random numbers that follow from where they begin alone."""

    def __init__(self, state: int) -> None:
        self.state = state

    def number(self) -> int:
        """The next of 64 bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        return mixed(self.state)


def read_rows(rows: Rows, streams: Starts, inputs: Matrix, outputs: Matrix, rate: np.float32, *plan: Any) -> Sums:
    """Every row, (R, T) with negative numbers beyond its end, and where its stream of random numbers begins, (R,).

    Changes `inputs` (V, D) and `outputs`; gives the sum of the losses, and how many predictions were made.
    """
    loss, predictions = 0.0, 0
    for row, begin in zip(rows, streams, strict=True):
        fresh, more = read_row(row[row >= 0], Stream(int(begin)), inputs, outputs, rate, Plan(*plan))
        loss, predictions = loss + fresh, predictions + more
    return loss, predictions


def read_row(words: Rows, stream: Stream, inputs: Matrix, outputs: Matrix, rate: np.float32, plan: Plan) -> Sums:
    """One row, place by place: at each, the words around predict the one in the middle."""
    loss, predictions = 0.0, 0
    sentence = [int(word) for word in words if (stream.number() >> 11) * 2.0**-53 < plan.kept[word]]
    for place, word in enumerate(sentence):
        reach = 1 + ((stream.number() >> 32) * plan.window >> 32)  # nearer words are looked at more often
        around = sentence[max(0, place - reach) : place] + sentence[place + 1 : place + reach + 1]
        if plan.skip_gram and plan.shared and around:
            loss += improve_together(around, list(judged(word, stream, plan)), inputs, outputs, rate)
            predictions += len(around)
            continue
        for group in [[one] for one in around] if plan.skip_gram else [around] if around else []:
            loss -= math.log(max(improve(group, judged(word, stream, plan), inputs, outputs, rate), LEAST))
            predictions += 1
    return loss, predictions


def judged(word: int, stream: Stream, plan: Plan) -> Iterator[tuple[int, int]]:
    """The rows of `outputs` that a prediction of `word` asks, each with what would be right: 1 or 0."""
    if plan.negatives:
        yield word, 1
        for _ in range(plan.negatives):
            other = int(plan.noise.words(np.array([stream.number()], dtype=np.uint64))[0])
            if other != word:
                yield other, 0
    else:
        for node, turn in zip(*(table[word, : plan.tree.lengths[word]] for table in plan.tree[:2]), strict=True):
            yield int(node), 1 - int(turn)


def improve(
    group: list[int], judgements: Iterator[tuple[int, int]], inputs: Matrix, outputs: Matrix, rate: np.float32
) -> float:
    """One prediction from the mean of a group of words; the probability that all of its judgements are right."""
    hidden = inputs[group].mean(0)  # (D,)
    error, all_right = np.zeros_like(hidden), 1.0
    for row, right in judgements:
        p = 1 / (1 + np.exp(-(outputs[row] @ hidden)))
        step = (right - p) * rate
        error += step * outputs[row]  # (D,)
        outputs[row] += step * hidden  # (D,)
        all_right *= p if right else 1 - p
    for word in group:
        inputs[word] += error
    return float(all_right)


def improve_together(
    around: list[int], judgements: list[tuple[int, int]], inputs: Matrix, outputs: Matrix, rate: np.float32
) -> float:
    """A prediction from every word of `around` by itself, all asking the same rows; the sum of their losses.

    The scores are those of the weights before any of them moved, so that two small matrix products do it.
    """
    rows, right = (np.array(one) for one in zip(*judgements, strict=True))  # (R,) each
    hidden = inputs[around]  # (C, D)
    p = 1 / (1 + np.exp(-(hidden @ outputs[rows].T)))  # (C, R)
    step = ((right - p) * rate).astype(np.float32)
    error = step @ outputs[rows]  # (C, D)
    np.add.at(outputs, rows, step.T @ hidden)  # a row may be asked twice
    np.add.at(inputs, around, error)
    return -float(np.log(np.maximum(np.where(right, p, 1 - p).prod(1), LEAST)).sum())


SYSTEM = System(
    name="word2vec",
    year=2013,
    paper="Mikolov, Sutskever, Chen, Corrado & Dean, Distributed representations of words and phrases",
    model=Word2Vec,
    task=WordVectors(),
    data="text8",
    recipe=Recipe(epochs=15, batch_size=10, optimizer=SGD(lr=0.025), schedule=Linear(floor=0.004), validation=0.0),
    target=Target("wordsim", at_least=0.48),
)
