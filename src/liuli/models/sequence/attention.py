"""Attention: at every word, the translator looks back at the whole sentence, and at some of its words more than others.

One vector cannot hold a long sentence. Here a network reads it forward, another backward, and what both know at each
word is kept: an annotation for every word. A third network writes the translation. Before each word it asks every
annotation how well it fits to what is to be said next, and is given their mean, weighed by the answers. What fits to
what is learnt with everything else; nobody says which words correspond.

    annotations:  hⱼ = [GRU→(E x₁ … xⱼ); GRU←(E x_S … xⱼ)]
    fit:          eₜⱼ = v · tanh(W sₜ₋₁ + U hⱼ)       additive (Bahdanau); or sₜ · U hⱼ, multiplicative (Luong)
    attention:    αₜ = softmax(eₜ),   cₜ = Σⱼ αₜⱼ hⱼ
    state:        sₜ = GRU([E′ yₜ₋₁; cₜ], sₜ₋₁),   s₀ = tanh(W₀ ←h₁ + b₀)
    next word:    p(yₜ | y₁ … yₜ₋₁, x) = softmax(W_o maxout(R [sₜ; cₜ; E′ yₜ₋₁] + b_r) + b_o)

Multiplicative attention is computed after the state, which then reads the word before alone: sₜ = GRU(E′ yₜ₋₁, sₜ₋₁).
So all states come at once, and all attention in one product. `--set attention=multiplicative` chooses it.

Paper: Bahdanau, Cho & Bengio, Neural machine translation by jointly learning to align and translate, ICLR 2015,
sections 3 and A; the multiplicative form is "general" of Luong, Pham & Manning, Effective approaches to attention-based
neural machine translation, 2015, section 3.1.

Shapes:
    B  batch, S words of the longest source sentence, T of the longest translation with the word before each,
    D features of a word, M units of a state, A units of the fit, V words of the target language

Departures:
    256 units instead of 1,000, and pieces of words instead of 30,000 whole ones. The GRU's reset gate acts after the
    product (see `gru`). Dropout and label smoothing, which are younger than the paper; Adam instead of Adadelta. The
    multiplicative form has this paper's encoder and output, and does not hand the last attention to the next step.

Look at:
    The alignment picture: a bright diagonal where both languages have one order, and what leaves it where German puts
    the verb last. The attention of one word, a softmax over the sentence: each of its numbers is a v · tanh(…).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from liuli.layers.recurrent import State, turned
from liuli.models.sequence.gru import GRULayer
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.subwords import PADDING
from liuli.tasks.translation import Translation


class AdditiveDecoder(GRULayer):
    """Writes the translation; asks the annotations before each word (Bahdanau et al., 2015).

    Args:
        width: D.
        annotated: features of an annotation, 2M.
        units: M; and A.
    """

    def __init__(self, width: int, annotated: int, units: int) -> None:
        super().__init__(width + annotated, units)
        self.weight_query = nn.Parameter(torch.empty(units, units))
        self.weight_key = nn.Parameter(torch.empty(units, annotated))
        self.vector = nn.Parameter(torch.empty(1, units))
        for weight in (self.weight_query, self.weight_key, self.vector):
            nn.init.xavier_uniform_(weight)

    def forward(self, words: Tensor, annotations: Tensor, lengths: Tensor, state: Tensor) -> Tensor:  # type: ignore[override]
        """State, what was attended to, and attention at every word, one beside another: (B, T, M + 2M + S).

        Args:
            words: features of the word before each, (B, T, D).
            annotations: (B, S, 2M).
            lengths: how many of them are of words, (B,).
            state: s₀, (B, M).
        """
        keys = self.keys(annotations)
        steps = []
        for word in words.unbind(1):  # (B, D)
            state, context, attention = self.write(word, state, annotations, keys, lengths)
            steps.append(torch.cat([state, context, attention], dim=1))
        return torch.stack(steps, dim=1)

    def keys(self, annotations: Tensor) -> Tensor:
        """U hⱼ, which no word of the translation changes: (B, S, 2M) to (B, S, A)."""
        return linear(annotations, self.weight_key)

    def write(
        self, word: Tensor, state: Tensor, annotations: Tensor, keys: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step: the new state (B, M), what was attended to (B, 2M), and how (B, S)."""
        query = linear(state, self.weight_query)  # (B, A)
        fit = linear(torch.tanh(keys + query[:, None]), self.vector)[:, :, 0]  # (B, S)
        attention = shares(fit, lengths)  # (B, S)
        context = (attention[:, None] @ annotations)[:, 0]  # (B, 2M)
        (state,) = self.cell(torch.cat([word, context], dim=1), (state,))  # (B, M)
        return state, context, attention


class MultiplicativeDecoder(GRULayer):
    """Writes the translation; asks the annotations after each state, for all words at once (Luong et al., 2015)."""

    def __init__(self, width: int, annotated: int, units: int) -> None:
        super().__init__(width, units)
        self.weight_key = nn.Parameter(torch.empty(units, annotated))
        nn.init.xavier_uniform_(self.weight_key)

    def forward(self, words: Tensor, annotations: Tensor, lengths: Tensor, state: Tensor) -> Tensor:  # type: ignore[override]
        """See `AdditiveDecoder`."""
        states = super().forward(words, (state,))  # (B, T, M)
        return torch.cat([states, *self.attend(states, annotations, self.keys(annotations), lengths)], dim=2)

    def keys(self, annotations: Tensor) -> Tensor:
        """U hⱼ: (B, S, 2M) to (B, S, M)."""
        return linear(annotations, self.weight_key)

    def attend(self, states: Tensor, annotations: Tensor, keys: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What is attended to from states (B, T, M), and how: (B, T, 2M) and (B, T, S)."""
        fit = states @ keys.mT  # (B, T, S)
        attention = shares(fit, lengths[:, None])  # (B, T, S)
        return attention @ annotations, attention

    def write(
        self, word: Tensor, state: Tensor, annotations: Tensor, keys: Tensor, lengths: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step: see `AdditiveDecoder`."""
        (state,) = self.cell(word, (state,))  # (B, M)
        context, attention = self.attend(state[:, None], annotations, keys, lengths)
        return state, context[:, 0], attention[:, 0]


DECODERS: dict[str, type[AdditiveDecoder] | type[MultiplicativeDecoder]] = {
    "additive": AdditiveDecoder,
    "multiplicative": MultiplicativeDecoder,
}


def shares(fit: Tensor, lengths: Tensor) -> Tensor:
    """softmax over the words of a sentence: fit (…, S) and how many of them are words (…,)."""
    words = torch.arange(fit.size(-1), device=fit.device) < lengths[..., None]  # (…, S)
    return fit.masked_fill(~words, -torch.inf).softmax(-1)


class Attention(nn.Module):
    """Two readers, the decoder, and scores (logits) of the next word from state, attention and the word before."""

    def __init__(
        self,
        source_vocabulary: int = 20,
        target_vocabulary: int = 20,
        width: int = 256,
        units: int = 256,
        dropout: float = 0.3,
        attention: str = "additive",
    ) -> None:
        super().__init__()
        if attention not in DECODERS:
            raise ValueError(f"attention is '{attention}', expected {' or '.join(DECODERS)}")
        self.source_embedding = nn.Embedding(source_vocabulary, width, padding_idx=PADDING)
        self.source_dropout = nn.Dropout(dropout)
        self.forward_reader = GRULayer(width, units)
        self.backward_reader = GRULayer(width, units)
        self.first = nn.Linear(units, units)
        self.target_embedding = nn.Embedding(target_vocabulary, width, padding_idx=PADDING)
        self.target_dropout = nn.Dropout(dropout)
        self.decoder = DECODERS[attention](width, 2 * units, units)
        self.readout = nn.Linear(units + 2 * units + width, 2 * units)
        self.output_dropout = nn.Dropout(dropout)
        self.output = nn.Linear(units, target_vocabulary)
        for table in (self.source_embedding.weight, self.target_embedding.weight):
            nn.init.normal_(table[PADDING + 1 :], std=0.1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        annotations, lengths, state = self.read(source)
        words = self.target_dropout(self.target_embedding(target))  # (B, T, D)
        written = self.decoder(words, annotations, lengths, state)  # (B, T, M + 2M + S)
        return self.scores(written[:, :, : -source.size(1)], words)  # (B, T, V)

    def read(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Annotations of sentences (B, S), how many words they have, and s₀: (B, S, 2M), (B,) and (B, M)."""
        lengths = (source != PADDING).sum(1)  # (B,)
        words = self.source_dropout(self.source_embedding(source))  # (B, S, D)
        back = turned(lengths, source.size(1))[:, :, None]  # (B, S, 1)
        onward = self.forward_reader(words)  # (B, S, M)
        backward = self.backward_reader(words.gather(1, back.expand_as(words)))  # (B, S, M), the last word first
        backward = backward.gather(1, back.expand_as(backward))  # (B, S, M)
        state = torch.tanh(self.first(backward[:, 0]))  # (B, M)
        return torch.cat([onward, backward], dim=2), lengths, state

    def scores(self, written: Tensor, words: Tensor) -> Tensor:
        """Of the next word, from state and attention (…, M + 2M) and the word before (…, D): (…, V)."""
        pairs = self.readout(torch.cat([written, words], dim=-1)).unflatten(-1, (-1, 2))  # (…, M, 2)
        largest = pairs.amax(-1)  # (…, M), maxout (Goodfellow et al., 2013)
        return self.output(self.output_dropout(largest))

    def begin(self, source: Tensor) -> State:
        """What is kept of the sentences (B, S): s₀, annotations, their keys, and how many words they have."""
        annotations, lengths, state = self.read(source)
        return state, annotations, self.decoder.keys(annotations), lengths

    def step(self, word: Tensor, state: State) -> tuple[Tensor, State]:
        """Scores of the word after `word` (B,): (B, V), and the state then."""
        last, annotations, keys, lengths = state
        words = self.target_embedding(word)  # (B, D)
        new, context, _ = self.decoder.write(words, last, annotations, keys, lengths)
        return self.scores(torch.cat([new, context], dim=1), words), (new, annotations, keys, lengths)

    def alignment(self, source: Tensor, target: Tensor) -> Tensor:
        """How much each word of the translation looked at each of the sentence: (B, T, S), each row sums to 1."""
        annotations, lengths, state = self.read(source)
        written = self.decoder(self.target_embedding(target), annotations, lengths, state)
        return written[:, :, -source.size(1) :]


SYSTEM = System(
    name="attention",
    year=2015,
    paper="Bahdanau, Cho & Bengio, Neural machine translation by jointly learning to align and translate",
    after=("seq2seq",),
    model=Attention,
    task=Translation(smoothing=0.1),
    data="multi30k",
    recipe=Recipe(epochs=10, batch_size=64, optimizer=Adam(lr=2e-3), schedule=Cosine(warmup=0.1), clip=1.0),
    target=Target("bleu", at_least=28.0),
)
