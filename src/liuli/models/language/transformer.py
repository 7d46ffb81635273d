"""The Transformer: words look at one another, all at once, and nothing is recurrent.

A recurrent network carries a sentence through a state, word by word; what was said twenty words ago has gone through
twenty steps. Here every word asks every other directly, how much it has to tell (attention), in several ways at once
(heads), and takes the mean of what they offer. An encoder does so with the sentence to be translated. A decoder does
so with the words that it has said (never with those to come), and then asks the encoder's words; a linear layer names
the next word. Attention knows no order, so that sines and cosines of each word's place are added to it.

    attention:    softmax(Q Kᵀ / √d) V, in h heads, each of its own Q = X W^Q, K = M W^K, V = M W^V
    feed-forward: max(0, x W₁ + b₁) W₂ + b₂, at every word alike
    around both:  LayerNorm(x + Dropout(f(x)))
    input:        Dropout(√D · E[word] + PE[t]),  PE[t, 2i] = sin(t / 10000^(2i/D)), PE[t, 2i+1] = cos(…)

Paper: Vaswani et al., Attention is all you need, NeurIPS 2017.

Shapes:
    B  batch, S words of the longest source, T words of the longest target, D width of a word, h heads of d = D / h
    dimensions, F width inside the feed-forward network, V words of the target language

Departures:
    Three layers of 256 in four heads instead of six of 512 in eight, on 29,000 captions instead of 4.5 million pairs of
    sentences. Each language has a vocabulary of its own, so that one table is shared by the decoder's words and its
    scores, and the encoder has another. After its warm-up the learning rate falls in a line instead of by 1/√step. The
    weights are the best by the validation loss, not the mean of the last five checkpoints.

Look at:
    The attention of the last decoder layer to the source: which English word does each German one look at? The mask of
    the decoder: above the diagonal no word sees another.
"""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import linear

from liuli.layers.attention import FeedForward, KeyValue, MultiHeadAttention, past_and_present
from liuli.layers.positions import sinusoids
from liuli.system import Adam, Linear, Recipe, System, Target
from liuli.tasks.subwords import PADDING
from liuli.tasks.translation import Translation


class AddAndNorm(nn.Module):
    """What stands around every part of a layer: LayerNorm(x + Dropout(f(x))) (section 3.1 and 5.4)."""

    def __init__(self, width: int, dropout: float, epsilon: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width, eps=epsilon)

    def forward(self, x: Tensor, found: Tensor) -> Tensor:
        """Of `x` (B, T, D) and what a part has made of it, `found` (B, T, D): (B, T, D)."""
        return self.norm(x + self.dropout(found))  # (B, T, D)


class EncoderLayer(nn.Module):
    """Each word looks at all words, then goes through a small network of its own.

    A later paper changes the feed-forward network (`feed_forward_type`) and `epsilon`, and drops attention weights too.

    Args:
        width: D.
        heads: h.
        inner: F.
        dropout: what share of what each part found is dropped in training.
        attention_dropout: what share of the attention weights is.
    """

    feed_forward_type: ClassVar[type[FeedForward]] = FeedForward
    epsilon: ClassVar[float] = 1e-5

    def __init__(self, width: int, heads: int, inner: int, dropout: float, attention_dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads, attention_dropout)
        self.attention_around = AddAndNorm(width, dropout, self.epsilon)
        self.feed_forward = self.feed_forward_type(width, inner)
        self.feed_forward_around = AddAndNorm(width, dropout, self.epsilon)

    def forward(self, x: Tensor, allowed: Tensor | None = None) -> Tensor:
        """(B, S, D) to (B, S, D); `allowed` (B, 1, 1, S): which words are there to be looked at."""
        x = self.attention_around(x, self.attention(x, allowed=allowed))  # (B, S, D)
        return self.feed_forward_around(x, self.feed_forward(x))  # (B, S, D)


class Encoder(nn.Module):
    """Layers one after another; `layer_type` is what a later paper changes. Arguments: see `EncoderLayer`."""

    layer_type: ClassVar[type[EncoderLayer]] = EncoderLayer

    def __init__(
        self, layers: int, width: int, heads: int, inner: int, dropout: float, attention_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            self.layer_type(width, heads, inner, dropout, attention_dropout) for _ in range(layers)
        )

    def forward(self, x: Tensor, allowed: Tensor | None = None) -> Tensor:
        """(B, S, D) to (B, S, D); `allowed` (B, 1, 1, S): which words are there to be looked at."""
        for layer in self.layers:
            x = layer(x, allowed)  # (B, S, D)
        return x


class DecoderLayer(nn.Module):
    """Each word looks at those before it, then at the source, then goes through a small network of its own."""

    epsilon: ClassVar[float] = 1e-5

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.attention_around = AddAndNorm(width, dropout, self.epsilon)
        self.source_attention = MultiHeadAttention(width, heads)
        self.source_around = AddAndNorm(width, dropout, self.epsilon)
        self.feed_forward = FeedForward(width, inner)
        self.feed_forward_around = AddAndNorm(width, dropout, self.epsilon)

    def forward(self, x: Tensor, memory: Tensor, allowed: Tensor) -> Tensor:
        """All words at once, as in training: (B, T, D) to (B, T, D).

        Args:
            x: (B, T, D).
            memory: the encoder's words, (B, S, D).
            allowed: which of them are words, (B, 1, 1, S).
        """
        x = self.said(x)  # (B, T, D)
        x = self.source_around(x, self.source_attention(x, memory, allowed))  # (B, T, D)
        return self.feed_forward_around(x, self.feed_forward(x))  # (B, T, D)

    def said(self, x: Tensor) -> Tensor:
        """What the words so far tell one another, none of them looking ahead: (B, T, D)."""
        seen = past_and_present(x.size(1), x.device)  # (1, 1, T, T)
        return self.attention_around(x, self.attention(x, allowed=seen))

    def step(self, x: Tensor, own: KeyValue, offered: KeyValue, allowed: Tensor) -> Tensor:
        """The newest word alone, (B, 1, D), where keys and values of the words so far and of the source are kept."""
        x = self.attention_around(x, self.attention.attend(x, own))  # (B, 1, D)
        x = self.source_around(x, self.source_attention.attend(x, offered, allowed))  # (B, 1, D)
        return self.feed_forward_around(x, self.feed_forward(x))  # (B, 1, D)


State = tuple[Tensor, tuple[tuple[KeyValue, KeyValue], ...]]
"""What a translation that is under way keeps: which words of the source are there, (B, 1, 1, S), and, for each layer of
the decoder, keys and values of the words said so far and of the source."""


class Transformer(nn.Module):
    """Encoder, decoder, and scores (logits) of the next word, by the very vectors that words are read as.

    Args:
        source_vocabulary: how many words there are to read, padding among them.
        target_vocabulary: V.
        width: D.
        layers: of the encoder, and of the decoder.
        heads: h.
        inner: F.
        dropout: what share is dropped in training of what each part found, and of the words' vectors.
    """

    positions: Tensor

    def __init__(
        self,
        source_vocabulary: int = 20,
        target_vocabulary: int = 20,
        width: int = 256,
        layers: int = 3,
        heads: int = 4,
        inner: int = 512,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(source_vocabulary, width)
        self.target_embedding = nn.Embedding(target_vocabulary, width)
        self.source_dropout = nn.Dropout(dropout)
        self.target_dropout = nn.Dropout(dropout)
        self.register_buffer("positions", sinusoids(512, width), persistent=False)
        self.encoder = Encoder(layers, width, heads, inner, dropout)
        self.decoder = nn.ModuleList(DecoderLayer(width, heads, inner, dropout) for _ in range(layers))
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for embedding in (self.source_embedding, self.target_embedding):
            nn.init.normal_(embedding.weight, std=width**-0.5)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Scores of the word after each of the words so far: (B, S) and (B, T) to (B, T, V)."""
        memory, allowed = self.encode(source)
        x = self.target_dropout(self.read(self.target_embedding, target))  # (B, T, D)
        for layer in self.decoder_layers:
            x = layer(x, memory, allowed)  # (B, T, D)
        return self.scores(x)

    @property
    def decoder_layers(self) -> list[DecoderLayer]:
        """The layers of the decoder, first to last."""
        return [layer for layer in self.decoder if isinstance(layer, DecoderLayer)]

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """The words of the source as the decoder sees them, (B, S, D), and which are there, (B, 1, 1, S)."""
        allowed = (source != PADDING)[:, None, None]  # (B, 1, 1, S)
        x = self.source_dropout(self.read(self.source_embedding, source))  # (B, S, D)
        return self.encoder(x, allowed), allowed

    def read(self, embedding: nn.Embedding, words: Tensor, begin: int = 0) -> Tensor:
        """The vectors of words (B, T), the first of which stands at place `begin`: (B, T, D)."""
        end = begin + words.size(1)
        # the table is as long as sentences are; for a longer one it is made anew
        table = self.positions if end <= len(self.positions) else sinusoids(end, embedding.embedding_dim)
        return embedding(words) * math.sqrt(embedding.embedding_dim) + table[begin:end].to(embedding.weight)

    def scores(self, x: Tensor) -> Tensor:
        """How well each word's vector answers the decoder's (B, T, D): (B, T, V)."""
        return linear(x, self.target_embedding.weight)

    def begin(self, source: Tensor) -> State:
        """What `step` needs to begin to translate (B, S)."""
        memory, allowed = self.encode(source)
        nothing = memory[:, :0]  # (B, 0, D)
        kept = [(one.attention.offers(nothing), one.source_attention.offers(memory)) for one in self.decoder_layers]
        return allowed, tuple(kept)

    def step(self, word: Tensor, state: State) -> tuple[Tensor, State]:
        """Scores (B, V) of the word after `word` (B,), and the state with it; no word is computed twice."""
        allowed, kept = state
        said = kept[0][0][0].size(2)
        x = self.read(self.target_embedding, word[:, None], said)  # (B, 1, D)
        after = []
        for layer, (own, offered) in zip(self.decoder_layers, kept, strict=True):
            own = layer.attention.offers(x, KeyValue(*own))  # (B, h, said + 1, d) each
            x = layer.step(x, own, KeyValue(*offered), allowed)  # (B, 1, D)
            after.append((own, offered))
        return self.scores(x[:, 0]), (allowed, tuple(after))

    def alignment(self, source: Tensor, target: Tensor) -> Tensor:
        """What the last layer looks at in the source before it says the next word, the mean of its heads: (B, T, S)."""
        memory, allowed = self.encode(source)
        x = self.target_dropout(self.read(self.target_embedding, target))  # (B, T, D)
        *before, last = self.decoder_layers
        for layer in before:
            x = layer(x, memory, allowed)  # (B, T, D)
        return last.source_attention.weights(last.said(x), memory, allowed).mean(1)


SYSTEM = System(
    name="transformer",
    year=2017,
    paper="Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser & Polosukhin, Attention is all you need",
    after=("attention",),
    model=Transformer,
    task=Translation(smoothing=0.1),
    data="multi30k",
    recipe=Recipe(
        epochs=10,
        batch_size=64,
        optimizer=Adam(lr=7e-4, beta2=0.98, epsilon=1e-9),
        schedule=Linear(warmup=0.1),
    ),
    target=Target("bleu", at_least=30.0),
)
