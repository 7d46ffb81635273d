"""GPT-2 as `transformers` has it, with our weights, in float64: every layer's output and gradient taken by hooks.

Its layers hold their weights transposed (`Conv1D`), and query, key and value in one. Dropout modules are put in its
place that keep what ours keep.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

Array = NDArray[Any]
RATE = 0.0
"""Of dropout."""


class Keeping(nn.Module):
    """Dropout whose dice have fallen."""

    def __init__(self, kept: Array | None) -> None:
        super().__init__()
        self.mask = None if kept is None else torch.from_numpy(kept).double() / (1 - RATE)

    def forward(self, x: Tensor) -> Tensor:
        """What is kept of `x`."""
        return x * 1.0 if self.mask is None else x * self.mask.view(x.shape)


def values(
    weights: dict[str, Array],
    tokens: NDArray[np.int32],
    targets: NDArray[np.int32],
    counted: NDArray[np.bool_],
    kept: dict[str, Array] | None = None,
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
    model = filled(weights, layers)
    body = model.transformer
    masks = kept or {}
    body.drop = Keeping(masks.get("dropout"))
    for number, block in enumerate(body.h):
        block.attn.resid_dropout = Keeping(masks.get(f"blocks.{number}.dropout1"))
        block.mlp.dropout = Keeping(masks.get(f"blocks.{number}.dropout2"))

    found: dict[str, Tensor] = {}
    watched: dict[str, nn.Module] = {"tokens": body.wte, "positions": body.wpe, "dropout": body.drop, "norm": body.ln_f}
    for number, block in enumerate(body.h):
        parts = {
            "": block,
            ".norm1": block.ln_1,
            ".attention.joined": block.attn.c_attn,
            ".attention.output": block.attn.c_proj,
            ".dropout1": block.attn.resid_dropout,
            ".norm2": block.ln_2,
            ".feed_forward.inner": block.mlp.c_fc,
            ".feed_forward.outer": block.mlp.c_proj,
            ".dropout2": block.mlp.dropout,
        }
        watched |= {f"blocks.{number}{part}": module for part, module in parts.items()}
    for name, module in watched.items():
        module.register_forward_hook(keeping(name, found))
    logits = model(torch.from_numpy(tokens).long()).logits
    logits.retain_grad()
    logs = logits - logits.logsumexp(-1, keepdim=True)
    chosen = logs.gather(-1, torch.from_numpy(targets).long().view(*tokens.shape, 1))[..., 0]
    loss = -chosen[torch.from_numpy(counted).view(tokens.shape)].mean()
    torch.autograd.backward(loss)

    outputs = {name: (value.detach(), value.grad) for name, value in found.items()}
    outputs["positions"] = tuple(part.view(tokens.shape[1], -1) for part in outputs["positions"])
    outputs["forward"] = (logits.detach(), logits.grad)
    outputs["blocks"] = outputs[f"blocks.{layers - 1}"]
    for number in range(layers):
        path = f"blocks.{number}"
        joined = outputs.pop(f"{path}.attention.joined")
        for place, part in enumerate(("query", "key", "value")):
            outputs[f"{path}.attention.{part}"] = tuple(one.chunk(3, -1)[place] for one in joined)
        outputs[f"{path}.attention"] = outputs[f"{path}.attention.output"]
        outputs[f"{path}.feed_forward"] = outputs[f"{path}.feed_forward.outer"]
    result = {"loss": loss.detach().numpy()}
    for name, (value, gradient) in outputs.items():
        result |= {name: value.numpy(), f"gradient of {name}": gradient.numpy()}
    return result | {f"gradient of {name}": value for name, value in slopes(model, layers).items()}


def keeping(name: str, found: dict[str, Tensor]) -> Any:
    """A hook that keeps a module's output and its gradient."""

    def hook(module: nn.Module, given: Any, output: Any) -> None:
        value = output if isinstance(output, Tensor) else output[0]
        value.retain_grad()
        found[name] = value

    return hook


def filled(weights: dict[str, Array], layers: int) -> Any:
    """Their model with our weights; it has four heads, as ours by default."""
    known, width = weights["tokens.weight"].shape
    context = len(weights["positions.weight"])
    config = GPT2Config(
        vocab_size=known, n_positions=context, n_embd=width, n_layer=layers, n_head=4, attn_implementation="eager",
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model: Any = GPT2LMHeadModel(config).double().eval()
    for name, parameter in model.named_parameters():
        parts = name.removeprefix("transformer.").split(".")
        value = torch.from_numpy(theirs(weights, parts))
        assert parameter.shape == value.shape, name
        parameter.data.copy_(value)
    return model


def theirs(weights: dict[str, Array], parts: list[str]) -> Array:
    """Our weight that belongs where `parts` says, as they hold it."""
    kind = parts[-1]
    if parts[0] != "h":
        return weights[{"wte": "tokens", "wpe": "positions", "ln_f": "norm"}[parts[0]] + f".{kind}"]
    path, module = f"blocks.{parts[1]}", ".".join(parts[2:-1])
    if module.startswith("ln_"):
        return weights[f"{path}.norm{module[-1]}.{kind}"]
    if module == "attn.c_attn":
        return np.concatenate([weights[f"{path}.attention.{one}.{kind}"].T for one in ("query", "key", "value")], -1)
    ours = {"attn.c_proj": "attention.output", "mlp.c_fc": "feed_forward.inner", "mlp.c_proj": "feed_forward.outer"}
    return weights[f"{path}.{ours[module]}.{kind}"].T


def slopes(model: Any, layers: int) -> dict[str, Array]:
    """The gradients of their parameters by the names of ours."""
    grads = {name.removeprefix("transformer."): one.grad for name, one in model.named_parameters()}
    found = {"tokens.weight": grads["wte.weight"], "positions.weight": grads["wpe.weight"]}
    for kind in ("weight", "bias"):
        found[f"norm.{kind}"] = grads[f"ln_f.{kind}"]
        for number in range(layers):
            here, path = f"h.{number}", f"blocks.{number}"
            for place in (1, 2):
                found[f"{path}.norm{place}.{kind}"] = grads[f"{here}.ln_{place}.{kind}"]
            for place, part in enumerate(("query", "key", "value")):
                found[f"{path}.attention.{part}.{kind}"] = grads[f"{here}.attn.c_attn.{kind}"].chunk(3, -1)[place].t()
            found[f"{path}.attention.output.{kind}"] = grads[f"{here}.attn.c_proj.{kind}"].t()
            found[f"{path}.feed_forward.inner.{kind}"] = grads[f"{here}.mlp.c_fc.{kind}"].t()
            found[f"{path}.feed_forward.outer.{kind}"] = grads[f"{here}.mlp.c_proj.{kind}"].t()
    return {name: value.numpy() for name, value in found.items()}
