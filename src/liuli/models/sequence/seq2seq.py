"""Sequence to sequence: one LSTM reads a sentence into one vector, another writes its translation out of it.

Neither how long the translation is nor how its words correspond need be known. The first network reads the sentence to
its end; what it then remembers is all that the second is told. The second begins from there: it is given the word that
it said last, and says the next, until it says that the sentence ends. The source is read backward: so its first words
are the nearest to the first words of the translation, which makes a beginning easy to find.

    reading:    (hₜ, cₜ) = LSTM(E xₛ₋ₜ₊₁, (hₜ₋₁, cₜ₋₁)),   v = (h_S, c_S)
    writing:    (sₜ, dₜ) = LSTM(E′ yₜ₋₁, (sₜ₋₁, dₜ₋₁)),   (s₀, d₀) = v
    next word:  p(yₜ | y₁ … yₜ₋₁, v) = softmax(W sₜ + b)

Paper: Sutskever, Vinyals & Le, Sequence to sequence learning with neural networks, NeurIPS 2014.

Shapes:
    B  batch, S words of the longest source sentence, T of the longest translation with the word before each,
    D features of a word, M units of the state, V words of the target language

Departures:
    One layer of 384 units instead of four of 1,000; pieces of words instead of 160,000 source and 80,000 target words;
    29,000 captions instead of 12 million sentences. Dropout, label smoothing and a length penalty in the search, which
    are younger than the paper; Adam instead of gradient descent by a schedule.

Look at:
    BLEU by length: whatever the length of a sentence, its vector has the same 768 numbers. How much does it suffer?
    And the gradient of the words: those read last, the first of the sentence, have more of it.
"""

import torch
from torch import Tensor, nn

from liuli.layers.recurrent import State, turned
from liuli.models.sequence.lstm import LSTMLayer
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.subwords import PADDING
from liuli.tasks.translation import Translation


class Reader(LSTMLayer):
    """Reads sentences, and keeps of each what it knows at its end."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """State and memory after the last word of each, as one vector: (B, S, D) and (B,) to (B, 2M)."""
        state = self.zeros(x)
        for place, word in enumerate(x.unbind(1)):  # (B, D)
            going = (place < lengths)[:, None]  # (B, 1)
            after = self.cell(word, state)
            state = tuple(torch.where(going, new, old) for new, old in zip(after, state, strict=True))
        return torch.cat(state, dim=1)  # (B, 2M)


class Seq2Seq(nn.Module):
    """Reader and writer, with features of the words before and scores (logits) of the next word after."""

    def __init__(
        self,
        source_vocabulary: int = 20,
        target_vocabulary: int = 20,
        width: int = 256,
        units: int = 384,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(source_vocabulary, width, padding_idx=PADDING)
        self.source_dropout = nn.Dropout(dropout)
        self.reader = Reader(width, units)
        self.target_embedding = nn.Embedding(target_vocabulary, width, padding_idx=PADDING)
        self.target_dropout = nn.Dropout(dropout)
        self.writer = LSTMLayer(width, units)
        self.output_dropout = nn.Dropout(dropout)
        self.output = nn.Linear(units, target_vocabulary)
        for table in (self.source_embedding.weight, self.target_embedding.weight):
            nn.init.normal_(table[PADDING + 1 :], std=0.1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        begin = self.begin(source)  # (B, M) each
        words = self.target_dropout(self.target_embedding(target))  # (B, T, D)
        states = self.writer(words, begin)  # (B, T, M)
        return self.output(self.output_dropout(states))  # (B, T, V)

    def begin(self, source: Tensor) -> State:
        """What is remembered of the sentences (B, S): state and memory, (B, M) each."""
        lengths = (source != PADDING).sum(1)  # (B,)
        backward = source.gather(1, turned(lengths - 1, source.size(1)))  # (B, S), the END still at the end
        words = self.source_dropout(self.source_embedding(backward))  # (B, S, D)
        state, memory = self.reader(words, lengths).chunk(2, dim=1)  # (B, M) each
        return state, memory

    def step(self, word: Tensor, state: State) -> tuple[Tensor, State]:
        """Scores of the word after `word` (B,): (B, V), and the state then."""
        state = self.writer.cell(self.target_embedding(word), state)  # (B, M) each
        return self.output(state[0]), state


SYSTEM = System(
    name="seq2seq",
    year=2014,
    paper="Sutskever, Vinyals & Le, Sequence to sequence learning with neural networks",
    model=Seq2Seq,
    task=Translation(smoothing=0.1),
    data="multi30k",
    recipe=Recipe(epochs=8, batch_size=64, optimizer=Adam(lr=2e-3), schedule=Cosine(warmup=0.1), clip=1.0),
    target=Target("bleu", at_least=15.0),
)
