"""What it costs to go on with a text, beside `generate` of Hugging Face's transformers.

    pip install 'liuli[benchmarks,language]'
    python benchmarks/generation.py [small] [reduced] [--quick] [--json FILE]

The same drawn weights for both, handed over as `liuli.models.language.gpt.load_published` does; a prompt of 32 tokens,
128 that follow, one text, the likeliest token each time, keys and values kept. `small` is GPT-2 small (124 million
parameters), `reduced` a third of it. Both must give the same tokens; the column "accuracy" says how many of ours are
those of transformers (whose own are compared with themselves). How the turns are timed: `rounds`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from rounds import Bar, Gate, Peer, main, measure, report

OURS, THEIRS = "liuli", "transformers"
BARS = {THEIRS: Bar(1.0)}
PROMPT, LENGTH = 32, 128


@dataclass(frozen=True)
class Work:
    """A shape of GPT-2."""

    name: str
    width: int
    layers: int
    heads: int

    def model(self) -> Any:
        """The network in transformers, its weights drawn with seed 0, so wide that no two tokens are as likely."""
        import torch
        from transformers import GPT2Config, GPT2LMHeadModel

        torch.manual_seed(0)
        config = GPT2Config(n_embd=self.width, n_layer=self.layers, n_head=self.heads, initializer_range=0.08)
        return GPT2LMHeadModel(config).eval()

    def prompt(self) -> Any:
        """Tokens drawn with seed 1."""
        import torch

        return torch.randint(50257, (1, PROMPT), generator=torch.Generator().manual_seed(1))


def generated(model: Any, prompt: Any) -> Any:
    """What transformers goes on with."""
    found = model.generate(
        prompt, attention_mask=prompt * 0 + 1, max_new_tokens=LENGTH, min_new_tokens=LENGTH, do_sample=False,
        pad_token_id=0, eos_token_id=None,
    )  # fmt: skip
    return found[:, PROMPT:]


def liuli(work: Work, gate: Gate) -> None:
    """`liuli predict`, without its reading and writing."""
    import torch

    from liuli.models.language.gpt import GPT, load_published
    from liuli.tasks.sampling import Sampling, generate

    theirs, prompt = work.model(), work.prompt()
    expected = generated(theirs, prompt)
    model = GPT(50257, 1024, work.width, work.layers, work.heads).eval()
    load_published(model, theirs.state_dict())
    del theirs
    gate(0.0)
    while True:
        with torch.inference_mode():
            found = generate(model, prompt, LENGTH, Sampling(temperature=0))
        gate(float((found == expected).float().mean()))


def transformers(work: Work, gate: Gate) -> None:
    """`model.generate` as its users call it."""
    import torch

    model, prompt = work.model(), work.prompt()
    expected = generated(model, prompt)
    gate(0.0)
    while True:
        with torch.inference_mode():
            found = generated(model, prompt)
        gate(float((found == expected).float().mean()))


def run(work: Work, rounds: int) -> dict[str, dict[str, Any]]:
    """Both in turn; the table."""
    peers = (Peer(OURS, liuli, needs=("transformers",)), Peer(THEIRS, transformers, needs=("transformers",)))
    measured = measure(peers, work, rounds)
    if OURS not in measured:
        sys.exit("nothing to compare with: pip install 'liuli[benchmarks]'")
    for name, values in measured.items():
        values["tokens_per_second"] = [LENGTH / seconds for seconds in values["seconds"]]
        if min(values["accuracy"]) < 1:
            print(f"{name}: goes on with other tokens, so that the ratio says little", file=sys.stderr)
    return report(f"{work.name}: {PROMPT} tokens and {LENGTH} more", measured, OURS, BARS)


if __name__ == "__main__":
    works = (Work("small", 768, 12, 12), Work("reduced", 512, 6, 8))
    main(__doc__, {work.name: lambda rounds, work=work: run(work, rounds) for work in works})
