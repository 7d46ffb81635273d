"""BERT: a Transformer's encoder that learns a language by filling in what was masked.

A model that names the next word may look only to the left. BERT looks to both sides: some words of a text are masked,
and it names them from what stands around. It also reads two spans at a time and says whether the second followed on the
first. Nobody has to label anything for that, so that it can be pretrained on all the text there is; what it has learnt
then serves wherever sentences are to be understood (see `bert-classifier`).

    embedding:      x_t = Dropout(LayerNorm(E[word_t] + P[t] + S[segment_t]))
    encoder:        H = layers of the Transformer, with GELU(z) = z Φ(z) inside
    masked words:   p = softmax(E · LayerNorm(GELU(W_m h_t + b_m)) + b),   the very E that words are read by
    next sentence:  p = softmax(W_n tanh(W_p h_[CLS] + b_p) + b_n)
    loss:           mean of −log p of the masked words + mean of −log p of whether the second span follows

Paper: Devlin, Chang, Lee & Toutanova, BERT: pre-training of deep bidirectional transformers for language
understanding, NAACL 2019.

Shapes:
    B  batch, T pieces of a pair of spans, M masked places, D width, h heads, F width inside the feed-forward networks,
    P places that have an embedding, V pieces of the vocabulary

Departures:
    3 layers of 128 (BASE has 12 of 768), pairs of 64 pieces instead of 512, and 2 million words of Wikipedia, seen six
    times, instead of 3,300 million, seen forty times; so nothing is dropped out. A pair's second span is exchanged for
    that of another pair of its batch, not of all texts; what is exchanged and what is masked is drawn anew in every
    epoch. Unknown words are never masked. The learning rate falls along a cosine. Weights are drawn wider in narrow
    layers (see `draw_weights`).

Look at:
    The attention maps of a masked word: some heads look at the word before or after, some at [SEP].
    The scores of a masked place: which words stand near the right one?
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, pad

from liuli import pretrained
from liuli.layers.attention import FeedForward
from liuli.models.language.transformer import Encoder, EncoderLayer
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks import bert_checkpoints
from liuli.tasks.bert_checkpoints import OURS
from liuli.tasks.masked_language import MaskedLanguage
from liuli.tasks.pieces import PADDING

EPSILON = 1e-12
DEVIATION = 0.02  # of drawn weights
BASE: dict[str, int] = {"layers": 12, "width": 768, "heads": 12, "inner": 3072}
LARGE: dict[str, int] = {"layers": 24, "width": 1024, "heads": 16, "inner": 4096}


class ExactGELUFeedForward(FeedForward):
    """GELU(x W₁ + b₁) W₂ + b₂ (Hendrycks & Gimpel, 2016), with the exact Φ, by the error function."""

    def activation(self, x: Tensor) -> Tensor:
        return gelu(x)


class BERTLayer(EncoderLayer):
    """The Transformer's layer with another bend."""

    feed_forward_type = ExactGELUFeedForward
    epsilon: ClassVar[float] = EPSILON


class BERTEncoder(Encoder):
    """Such layers one after another."""

    layer_type = BERTLayer


class BERT(nn.Module):
    """The three embeddings, the encoder and the pooler: what every use of BERT has in common.

    Args: see `Pretraining`.
    """

    def __init__(
        self, vocabulary: int, length: int, width: int, layers: int, heads: int, inner: int, dropout: float
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        self.segments = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)
        self.encoder = BERTEncoder(layers, width, heads, inner, dropout)
        self.pooler = nn.Linear(width, width)

    def forward(self, words: Tensor, segments: Tensor) -> Tensor:
        """What each piece means where it stands: (B, T) and (B, T), 0 or 1, to (B, T, D)."""
        return self.encoder(self.embed(words, segments), seen(words))

    def embed(self, words: Tensor, segments: Tensor) -> Tensor:
        """The sum of the three embeddings, normalised: (B, T, D)."""
        places = torch.arange(words.size(1), device=words.device)  # (T,)
        x = self.words(words) + self.positions(places) + self.segments(segments.int())  # (B, T, D)
        return self.dropout(self.norm(x))

    def pooled(self, hidden: Tensor) -> Tensor:
        """The whole text in one vector, from what stands at [CLS]: (B, T, D) to (B, D)."""
        return self.pooler(hidden[:, 0]).tanh()

    @torch.no_grad()
    def looked_at(self, words: Tensor, segments: Tensor) -> Tensor:
        """What each piece looks at in each head of each layer: (L, B, h, T, T)."""
        x, allowed, maps = self.embed(words, segments), seen(words), []
        for layer in self.encoder.layers:
            assert isinstance(layer, EncoderLayer)
            maps.append(layer.attention.weights(x, allowed=allowed))  # (B, h, T, T)
            x = layer(x, allowed)  # (B, T, D)
        return torch.stack(maps)

    @torch.no_grad()
    def shrink_embeddings(self) -> None:
        """Scale the three embeddings until words vary as much as drawn ones do; what is computed stays the same.

        Layer norm takes a common factor out of their sum. But the length of Adam's steps does not follow the gradient,
        so that in small embeddings they change more: a word is learnt anew as fast as where it was drawn.
        """
        factor = DEVIATION / self.words.weight.std()
        for embedding in (self.words, self.positions, self.segments):
            embedding.weight *= factor


def seen(words: Tensor) -> Tensor:
    """Which pieces may be looked at: (B, 1, 1, T), all but padding."""
    return (words != PADDING)[:, None, None]


class Pretraining(nn.Module):
    """BERT with its two heads; returns (B, M + 1, V): scores (logits) of all pieces for each masked place, and in the
    first two places of the last row those of "the second span follows" and "it does not".

    Args:
        vocabulary: V.
        length: P.
        width: D.
        layers: of the encoder.
        heads: h.
        inner: F.
        dropout: what share is dropped in training of the embeddings, and of what each part of a layer found.
        pretrained: what to go on from: the folder of a run of `bert`, or a checkpoint's folder or name; "none":
            weights are drawn.
    """

    def __init__(
        self,
        vocabulary: int = 100,
        length: int = 64,
        width: int = OURS["width"],
        layers: int = OURS["layers"],
        heads: int = OURS["heads"],
        inner: int = OURS["inner"],
        dropout: float = 0.0,
        pretrained: str = "none",
    ) -> None:
        super().__init__()
        self.pretrained = pretrained
        self.bert = BERT(vocabulary, length, width, layers, heads, inner, dropout)
        self.transform = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.next = nn.Linear(width, 2)
        self.apply(draw_weights)

    def forward(self, words: Tensor, segments: Tensor, places: Tensor) -> Tensor:
        hidden = self.bert(words, segments)  # (B, T, D)
        masked = hidden.gather(1, places[..., None].expand(-1, -1, hidden.size(2)))  # (B, M, D)
        named = self.norm(gelu(self.transform(masked)))  # (B, M, D)
        scores = linear(named, self.bert.words.weight, self.bias)  # (B, M, V)
        follows = self.next(self.bert.pooled(hidden))  # (B, 2)
        last = pad(follows, (0, scores.size(2) - 2))[:, None]  # (B, 1, V)
        return torch.cat([scores, last], 1)  # (B, M + 1, V)

    def inherit(self) -> None:
        """Take over the weights that `pretrained` names.

        Raises:
            UserError: they are not to be had, or are of another shape.
        """
        inherit(self, self.pretrained)


def draw_weights(module: nn.Module) -> None:
    """A new network's weights: normal, cut off at two deviations, and no bias.

    The deviation is the paper's in embeddings, and in linear layers of BASE's 768 inputs; with fewer it is larger,
    so that what they give varies as much.
    """
    if isinstance(module, nn.Embedding):
        nn.init.trunc_normal_(module.weight, std=DEVIATION, a=-2 * DEVIATION, b=2 * DEVIATION)
    if isinstance(module, nn.Linear):
        deviation = DEVIATION * math.sqrt(BASE["width"] / module.in_features)
        nn.init.trunc_normal_(module.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
        nn.init.zeros_(module.bias)


def inherit(network: nn.Module, source: str) -> None:
    """Take over the body's weights, and those of heads that both have, from a run of `bert` or a checkpoint.

    Raises:
        UserError: they are not to be had, or are of another shape.
    """
    if source == bert_checkpoints.NONE:
        return
    start = bert_checkpoints.start(source)
    own, found = network.state_dict(), start.weights()
    weights = found if start.is_run else {name: found[called] for name, called in called_in(found, own).items()}
    needed = {name for name in own if name.startswith("bert.") and not name.startswith("bert.pooler")}
    wanted = {name: one for name, one in own.items() if name in weights or name in needed}
    network.load_state_dict(own | pretrained.fitting(wanted, weights, needless=(".*",)))


PARTS = {
    "bert.words": "bert.embeddings.word_embeddings",
    "bert.positions": "bert.embeddings.position_embeddings",
    "bert.segments": "bert.embeddings.token_type_embeddings",
    "bert.norm": "bert.embeddings.LayerNorm",
    "bert.encoder.layers": "bert.encoder.layer",
    "bert.pooler": "bert.pooler.dense",
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention_around.norm": "attention.output.LayerNorm",
    "feed_forward.inner": "intermediate.dense",
    "feed_forward.outer": "output.dense",
    "feed_forward_around.norm": "output.LayerNorm",
    "transform": "cls.predictions.transform.dense",
    "norm": "cls.predictions.transform.LayerNorm",
    "next": "cls.seq_relationship",
    "output": "classifier",
}
"""What `transformers` calls a part of the network that we call so."""


def hugging_face(name: str) -> str:
    """What `transformers.BertForPreTraining` calls the weight that we call so."""
    if name == "bias":
        return "cls.predictions.bias"
    module, _, kind = name.rpartition(".")
    if module.startswith("bert.encoder"):
        _, _, _, number, part = module.split(".", 4)
        return f"{PARTS['bert.encoder.layers']}.{number}.{PARTS[part]}.{kind}"
    return f"{PARTS[module]}.{kind}"


def called_in(weights: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, str]:
    """By our name, what a checkpoint calls it, of those that it has.

    A body alone lacks the "bert." before its names; the oldest files call what layer norm learns gamma and beta; the
    bias of the words may stand only where it is used.
    """
    alone = not any(one.startswith("bert.") for one in weights)
    found: dict[str, str] = {}
    for name in names:
        called = hugging_face(name)
        called = called.removeprefix("bert.") if alone else called
        older = called.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        tied = called.replace("predictions.bias", "predictions.decoder.bias")
        there = [one for one in (called, older, tied) if one in weights]
        found |= {name: there[0]} if there else {}
    return found


def published(network: nn.Module) -> dict[str, Tensor]:
    """All weights of a network under the names of `transformers`."""
    return {hugging_face(name): value for name, value in network.state_dict().items()}


def load_published(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Take over weights that stand under the names of `transformers`.

    Raises:
        UserError: a tensor is missing or is of another shape; nothing is changed.
    """
    own = network.state_dict()
    found = {name: weights[called] for name, called in called_in(weights, own).items()}
    network.load_state_dict(pretrained.fitting(own, found))


def save_published(
    folder: Path, network: Pretraining, options: Mapping[str, object], learnt: Mapping[str, Any]
) -> None:
    """Write the folder of a checkpoint that `transformers` loads: weights, sizes, the reader of words.

    Args:
        folder: made where it does not exist.
        network: that was trained.
        options: that it was built with: `Run.options`.
        learnt: what its task learnt: `Run.facts.learnt`.
    """
    bert_checkpoints.save(folder, options, published(network), learnt)


SYSTEM = System(
    name="bert",
    year=2019,
    paper="Devlin, Chang, Lee & Toutanova, BERT: pre-training of deep bidirectional transformers",
    model=Pretraining,
    task=MaskedLanguage(length=64, vocabulary=8000),
    data="wikitext-2",
    recipe=Recipe(
        epochs=6,
        batch_size=32,
        optimizer=Adam(lr=1e-3, weight_decay=0.01),
        schedule=Cosine(warmup=0.1),
        augment=True,
        clip=1.0,
    ),
    target=Target("masked_accuracy", at_least=0.2),
)
