"""GPT: foretell the next word of any text, and the rest comes with it.

A language model gives every next token a probability, from the tokens before it. Nobody has to say what is right: the
text itself does, and there is as much of it as there are books. The network is the decoder of the Transformer without
anything to translate: each token looks at itself and those before it, in layers that add what they find to what they
were given. The words are read and foretold by the same vectors. What it takes to foretell well (spelling, grammar, who
is speaking) is learnt on the way, and serves other tasks.

    p(x) = Π_t p(x_t | x_<t),   p(x_t | x_<t) = softmax(h_t Eᵀ)
    h⁰ = E[x] + P[t]
    block:  a = h + attention(LN(h)),   h' = a + W₂ gelu(W₁ LN(a)),   and after the last a LayerNorm
    gelu(z) = z/2 · (1 + tanh(√(2/π) (z + 0.044715 z³)))

Paper: Radford, Wu, Child, Luan, Amodei & Sutskever, Language models are unsupervised multitask learners, 2019 (GPT-2):
section 2.3; it follows Radford, Narasimhan, Salimans & Sutskever, Improving language understanding by generative
pre-training, 2018 (GPT), which has its LayerNorms after the sums.

Shapes:
    B  batch, T tokens of a window, S tokens seen so far, V tokens known, D width, h heads of d = D / h dimensions

Departures:
    Small enough for one core: characters instead of pieces of words, Shakespeare instead of the web. The bar is for a
    CPU; on a GPU nanoGPT publishes 1.4697 nats, of a network thirteen times as large. Attention weights are not
    dropped. Weight decay falls on all weights, biases and LayerNorms too. With `--set pretrained=gpt2`, or a folder, it
    has the published shape, weights and tokens, and is trained further (`--set lr=3e-5` is a good pace).

Look at:
    The attention of each head at one character: which looks at the one before, which at the last space? The probability
    of a word's first character, and of its last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from liuli import pretrained as checkpoints
from liuli.errors import UserError
from liuli.layers.attention import FeedForward, KeyValue, MultiHeadAttention, past_and_present
from liuli.layers.dense import linear
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.language_modelling import LanguageModelling

Past = tuple[KeyValue, ...]
"""Keys and values of all tokens so far, (B, h, S, d) each, for every block."""


class TanhGELUFeedForward(FeedForward):
    """W₂ gelu(W₁ x + b₁) + b₂, gelu by its approximation with the hyperbolic tangent."""

    def activation(self, x: Tensor) -> Tensor:
        """x times about the probability that a normal number is below it."""
        return gelu(x, approximate="tanh")


class Block(nn.Module):
    """Each token looks back, then goes through a small network of its own; what they find is added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, heads)
        self.dropout1 = nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(width)
        self.feed_forward = TanhGELUFeedForward(width, 4 * width)
        self.dropout2 = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        allowed = past_and_present(x.size(1), x.device)  # (1, 1, T, T)
        x = x + self.dropout1(self.attention(self.norm1(x), allowed=allowed))  # (B, T, D)
        return x + self.dropout2(self.feed_forward(self.norm2(x)))  # (B, T, D)

    def step(self, x: Tensor, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        """The same for tokens that follow others, whose keys and values are at hand; and theirs with them."""
        normed = self.norm1(x)  # (B, T, D)
        offered = self.attention.offers(normed, past)  # (B, h, S + T, d) each
        # a single token may look at all there is
        allowed = past_and_present(x.size(1), x.device, offered.key.size(2) - x.size(1)) if x.size(1) > 1 else None
        x = x + self.attention.attend(normed, offered, allowed)  # (B, T, D)
        return x + self.feed_forward(self.norm2(x)), offered


class GPT(nn.Module):
    """Tokens (B, T) to the scores (logits) of the token after each, (B, T, V).

    Args:
        vocabulary: V.
        context: the most tokens that it can look back upon, the newest among them.
        width: D.
        layers: blocks.
        heads: h.
        dropout: what share of what each part found is dropped in training, and of the vectors read.
        pretrained: a folder, or a name on huggingface.co, whose weights, shape and tokens training begins with.

    Raises:
        ValueError: the heads do not divide the width.
    """

    def __init__(
        self,
        vocabulary: int = 66,
        context: int = 128,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
        pretrained: str = "",
    ) -> None:
        super().__init__()
        self.context = context
        self.pretrained = pretrained
        self.tokens = nn.Embedding(vocabulary, width)  # E
        self.positions = nn.Embedding(context, width)  # P
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:  # what is added up over 2 · layers parts keeps its size
                added = name.endswith(("output.weight", "outer.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if added else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.dropout(self.read(tokens))  # (B, T, D)
        x = self.norm(self.blocks(x))  # (B, T, D)
        return linear(x, self.tokens.weight)  # (B, T, V)

    def step(self, tokens: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
        """Scores (B, V) of the token after `tokens` (B, T), which follow what `past` was kept of; and what to keep."""
        x = self.read(tokens, past[0].key.size(2) if past else 0)  # (B, T, D)
        kept = []
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x, offered = block.step(x, past[number] if past else None)  # (B, T, D)
            kept.append(offered)
        return linear(self.norm(x[:, -1]), self.tokens.weight), tuple(kept)

    def read(self, tokens: Tensor, begin: int = 0) -> Tensor:
        """The vectors of tokens (B, T), the first of which stands at place `begin`: (B, T, D)."""
        places = torch.arange(begin, begin + tokens.size(1), device=tokens.device)  # (T,)
        return self.tokens(tokens) + self.positions(places)

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Take over published weights; see `load_published`."""
        load_published(self, weights)


FIXED = {
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
"""What a configuration may say, or leave out; with anything else it would be another network."""
THEIRS = {
    "tokens": "wte",
    "positions": "wpe",
    "blocks": "h",
    "norm1": "ln_1",
    "norm2": "ln_2",
    "attention": "attn",
    "output": "c_proj",
    "feed_forward": "mlp",
    "inner": "c_fc",
    "outer": "c_proj",
    "norm": "ln_f",
}
"""What `transformers.GPT2LMHeadModel` calls our modules."""
JOINED = ("query", "key", "value")  # side by side in their attn.c_attn
NEEDLESS = (r"lm_head\.weight", r"transformer\.h\.\d+\.attn\.(bias|masked_bias)")  # tied, and masks of older files


def hugging_face(name: str) -> str:
    """What `transformers.GPT2LMHeadModel` calls our weight: `transformer.h.0.mlp.c_fc.weight`."""
    return ".".join(["transformer", *(THEIRS.get(part, part) for part in name.split("."))])


def published(network: GPT) -> dict[str, Tensor]:
    """All weights under the names of `transformers`, whose layers hold theirs transposed."""
    weights = network.state_dict()
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        path, _, kind = name.rpartition(".")
        layer, _, part = path.rpartition(".")
        if part in JOINED[1:]:
            continue  # stands in what is joined with the query
        if part == "query":
            name, value = f"{layer}.c_attn.{kind}", torch.cat([weights[f"{layer}.{one}.{kind}"] for one in JOINED])
        transposed = value.dim() == 2 and layer.startswith("blocks.")
        found[hugging_face(name)] = value.T if transposed else value
    return found


def load_published(network: GPT, weights: Mapping[str, Tensor]) -> None:
    """Take over weights that stand under the names of `transformers`, with `transformer.` before them or without.

    Raises:
        UserError: a tensor is missing, is of another shape, or is one too many; nothing is changed.
    """
    named = {name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": value
             for name, value in weights.items()}  # fmt: skip
    found = checkpoints.fitting(published(network), named, NEEDLESS)
    ours: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        path, _, kind = name.rpartition(".")
        layer, _, part = path.rpartition(".")
        if part in JOINED:
            theirs = found[hugging_face(f"{layer}.c_attn.{kind}")].chunk(3, dim=-1)[JOINED.index(part)]
        else:
            theirs = found[hugging_face(name)]
        ours[name] = theirs.T if value.dim() == 2 and layer.startswith("blocks.") else theirs
    network.load_state_dict(ours)


def shape_of(folder: Path) -> dict[str, Any]:
    """The options of the network whose checkpoint lies in `folder`.

    Raises:
        UserError: it is no GPT-2, or one of another make.
    """
    values = checkpoints.configuration(folder, "gpt2")
    sizes = {"vocabulary": "vocab_size", "context": "n_positions", "width": "n_embd", "layers": "n_layer"}
    shape: dict[str, Any] = {ours: values.get(theirs) for ours, theirs in (*sizes.items(), ("heads", "n_head"))}
    if not all(isinstance(size, int) and size > 0 for size in shape.values()):
        raise UserError(f"{folder}: its configuration lacks a size, has {shape}; fetch or copy it anew")
    inner = values.get("n_inner") or 4 * shape["width"]
    for key, value, expected in [
        ("n_inner", inner, 4 * shape["width"]),
        *((key, values.get(key, expected), expected) for key, expected in FIXED.items()),
    ]:
        if value != expected:
            raise UserError(
                f"{folder}: its configuration has {key} {value}, expected {expected}; it is another network"
            )
    return shape


def load(source: str | Path) -> GPT:
    """The network of a checkpoint: a folder, or a name on huggingface.co (`gpt2`).

    Raises:
        UserError: see `liuli.pretrained`, `shape_of` and `load_published`.
    """
    folder = checkpoints.checkpoint(source)
    network = GPT(**shape_of(folder))
    load_published(network, checkpoints.weights(folder))
    return network.eval()


def save(network: GPT, folder: str | Path) -> None:
    """Write the network as a checkpoint that `transformers.GPT2LMHeadModel.from_pretrained` loads."""
    vocabulary, width = network.tokens.weight.shape
    attention = network.blocks[0].attention
    assert isinstance(attention, MultiHeadAttention)
    shape = {"vocab_size": vocabulary, "n_positions": network.context, "n_embd": width, "n_layer": len(network.blocks)}
    about = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], **shape, "n_head": attention.heads, **FIXED}
    checkpoints.save(Path(folder), about, published(network))


SYSTEM = System(
    name="gpt",
    year=2019,
    paper="Radford, Wu, Child, Luan, Amodei & Sutskever, Language models are unsupervised multitask learners",
    after=("transformer",),
    model=GPT,
    task=LanguageModelling(shape_of),
    data="tiny-shakespeare",
    recipe=Recipe(
        epochs=14,
        batch_size=16,
        optimizer=Adam(lr=2e-3, beta2=0.99, weight_decay=0.1),
        schedule=Cosine(warmup=0.03, floor=0.05),
        validation=0.03,
        augment=True,
        clip=1.0,
    ),
    target=Target("loss", at_most=1.65),
)
