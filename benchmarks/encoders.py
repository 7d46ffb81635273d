"""What training steps of a Transformer's encoder cost, beside PyTorch's own and Hugging Face's BERT.

    pip install 'liuli[benchmarks]'
    python benchmarks/encoders.py [float32] [bf16] [compiled] [--quick] [--json FILE]

The same network for all: words and places, 4 layers of 256 in 4 heads with 1,024 inside and GELU, scores of 8,000 words
for every place by the words' own vectors, cross-entropy and AdamW, without dropout; one turn is 4 steps of 16 × 128
tokens. liuli's steps are those of its training loop, in float32 or bf16 (autocast), the peers' such as one writes them.
In `compiled` all networks go through `torch.compile` with autocast, liuli's in its loop (which `liuli train` does not
offer: it gains little there), and beside them stands what most begin with: Hugging Face's as it is, in float32. How the
turns are timed: `rounds`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rounds import Bar, Gate, Peer, main, measure, report

if TYPE_CHECKING:
    from torch import Tensor, nn

OURS, PYTORCH, HUGGING_FACE = "liuli", "PyTorch's encoder", "Hugging Face BERT"
PLAIN = "Hugging Face, float32"
BARS = {
    "float32": {PYTORCH: Bar(1.0), HUGGING_FACE: Bar(1.0)},
    "bf16": {PYTORCH: Bar(1.0), HUGGING_FACE: Bar(1.0)},
    "compiled": {PYTORCH: Bar(1.0), HUGGING_FACE: Bar(1 / 1.1), PLAIN: Bar(1 / 2.2)},
}


@dataclass(frozen=True)
class Work:
    """What every peer does in one turn."""

    name: str
    steps: int = 4
    sentences: int = 16
    length: int = 128
    words: int = 8000
    width: int = 256
    layers: int = 4
    heads: int = 4
    inner: int = 1024
    rate: float = 1e-3

    @property
    def tokens(self) -> int:
        """Of one turn."""
        return self.steps * self.sentences * self.length

    def data(self) -> list[tuple[Tensor, Tensor]]:
        """Words of each step and which are to be named, int64 (B, T) each: the same, so that there is much to learn."""
        import torch

        generator = torch.Generator().manual_seed(0)
        words = torch.randint(self.words, (self.steps, self.sentences, self.length), generator=generator)
        return [(one, one.clone()) for one in words]


def ours(work: Work) -> nn.Module:
    """liuli's encoder with GELU, which its BERT is made of."""
    from liuli.models.language.bert import BERTEncoder

    return BERTEncoder(work.layers, work.width, work.heads, work.inner, dropout=0.0)


def pytorchs(work: Work) -> nn.Module:
    """`nn.TransformerEncoder`."""
    from torch import nn

    layer = nn.TransformerEncoderLayer(work.width, work.heads, work.inner, 0.0, "gelu", batch_first=True)
    return nn.TransformerEncoder(layer, work.layers, enable_nested_tensor=False)


def hugging_face(work: Work) -> nn.Module:
    """The encoder of `BertModel`, as it chooses its attention itself."""
    from torch import nn
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertModel

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            sizes = {"hidden_size": work.width, "num_hidden_layers": work.layers, "num_attention_heads": work.heads}
            drops = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
            config = BertConfig(intermediate_size=work.inner, vocab_size=1, **sizes, **drops)
            self.encoder = BertModel(config, add_pooling_layer=False).encoder

        def forward(self, x: Tensor) -> Tensor:
            states: Tensor = self.encoder(x).last_hidden_state
            return states

    return Encoder()


def named(work: Work, encoder: Callable[[Work], nn.Module]) -> nn.Module:
    """The network around an encoder."""
    import torch
    from torch import nn
    from torch.nn.functional import linear

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(work.words, work.width)
            self.places = nn.Parameter(torch.randn(work.length, work.width))
            self.norm = nn.LayerNorm(work.width)
            self.encoder = encoder(work)

        def forward(self, words: Tensor) -> Tensor:
            x = self.norm(self.words(words) + self.places)  # (B, T, D)
            return linear(self.encoder(x), self.words.weight)  # (B, T, V)

    torch.manual_seed(0)
    return Named()


class Naming:
    """What the engines of liuli ask of a task."""

    phases = ()

    def outcome(self, model: Callable[..., Tensor], batch: tuple[Tensor, ...]) -> Any:
        from torch.nn.functional import cross_entropy

        from liuli.tasks.examples import Outcome

        scores = model(batch[0])
        return Outcome(cross_entropy(scores.flatten(0, 1), batch[1].flatten()), scores)

    def tally(self, output: Tensor, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        return {"accuracy": (output.argmax(2) == batch[1]).sum()}


def liuli(work: Work, gate: Gate) -> None:
    """The engine that `liuli train` has, `--precision bf16-mixed` or not; its network as `work` says."""
    import torch

    from liuli.system import Adam, Recipe
    from liuli.training import memory
    from liuli.training.captured import CapturedEngine
    from liuli.training.torch_engine import TorchEngine, make_fabric
    from liuli.training.world import World

    task: Any = Naming()
    recipe = Recipe(epochs=1, batch_size=work.sentences, optimizer=Adam(work.rate))
    batches = work.data()
    with memory.kept():
        if work.name == "float32":
            engine: TorchEngine = CapturedEngine(named(work, ours), task, recipe)
        else:
            fabric = make_fabric(torch.device("cpu"), "bf16-mixed", World.here("cpu"))
            network = named(work, ours)
            if work.name == "compiled":
                network.compile()
            engine = TorchEngine(network, task, recipe, fabric)
        gate(0.0)
        while True:
            right = [engine.train_step(batch, work.rate)["accuracy"] for batch in batches]
            gate(float(sum(right)) / work.tokens)


def written(work: Work, gate: Gate, encoder: str, mode: str) -> None:
    """A loop as one writes it, with a fused optimizer; `mode`: as the works are named."""
    import torch

    model = named(work, {PYTORCH: pytorchs, HUGGING_FACE: hugging_face}[encoder])
    optimizer = torch.optim.AdamW(model.parameters(), work.rate, weight_decay=0.0, fused=True)
    forward = torch.compile(model) if mode == "compiled" else model
    task, batches = Naming(), work.data()
    gate(0.0)
    while True:
        right = torch.zeros((), dtype=torch.int64)
        for batch in batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=mode != "float32"):
                loss, scores = task.outcome(forward, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            right += task.tally(scores.detach(), batch)["accuracy"]
        gate(float(right) / work.tokens)


def compared(work: Work, rounds: int) -> dict[str, dict[str, Any]]:
    needs = ("transformers",)
    peers = (
        Peer(OURS, liuli),
        Peer(PYTORCH, written, (PYTORCH, work.name)),
        Peer(HUGGING_FACE, written, (HUGGING_FACE, work.name), needs),
        *([Peer(PLAIN, written, (HUGGING_FACE, "float32"), needs)] if work.name == "compiled" else []),
    )
    title = f"{work.name}: {work.steps} steps of {work.sentences} × {work.length} tokens"
    rows = report(title, measure(peers, work, rounds), OURS, BARS[work.name])
    for name, row in rows.items():
        row["tokens_per_second"] = work.tokens / statistics.median(row["seconds"])
        print(f"  {name:24}{row['tokens_per_second']:8,.0f} tokens a second")
    return rows


if __name__ == "__main__":
    main(__doc__, {name: partial(compared, Work(name)) for name in BARS})
