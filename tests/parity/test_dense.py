"""One vector through large weights: the compiled product beside float64, and everywhere that it must stand back."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import liuli.layers
from liuli.layers import compiled, dense
from liuli.models.language.gpt import GPT
from liuli.tasks.sampling import Sampling, generate


def given(out: int = 700, features: int = 512) -> tuple[Tensor, nn.Linear]:
    """A vector as a text's last word stands, and a layer whose rows are no multiple of four."""
    torch.manual_seed(0)
    return torch.randn(1, 1, features), dense.Linear(features, out + 3)


@pytest.mark.parametrize("out", [700, 701, 702])
@pytest.mark.parametrize("biased", [True, False])
def test_the_compiled_product_is_the_sum_of_the_products(out: int, biased: bool) -> None:
    x, layer = given(out)
    bias = layer.bias if biased else None
    weight, vector = layer.weight.detach().double().numpy(), x.double().numpy().reshape(-1)
    expected = weight @ vector + (layer.bias.detach().double().numpy() if biased else 0)
    with torch.no_grad():
        assert dense.suits(x, layer.weight)
        found = dense.linear(x, layer.weight, bias)
    assert found.shape == (1, 1, out + 3)
    np.testing.assert_allclose(found.numpy().reshape(-1), expected, rtol=1e-5, atol=1e-6)


def test_what_is_no_number_stays_so() -> None:
    x, layer = given()
    x[0, 0, 5] = float("inf")
    with torch.no_grad():
        expected = nn.functional.linear(x, layer.weight, layer.bias)
        assert torch.equal(dense.linear(x, layer.weight, layer.bias), expected)
        x[0, 0, 6] = float("nan")
        assert dense.linear(x, layer.weight).isnan().all()


class Seen(TorchFunctionMode):
    """Which functions were called, as the tracer sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_function__(self, function, types, arguments=(), keywords=None):  # type: ignore[no-untyped-def]
        self.names.append(function.__name__)
        return function(*arguments, **(keywords or {}))


def test_whoever_looks_or_learns_gets_pytorchs_product() -> None:
    x, layer = given()
    expected = nn.functional.linear(x, layer.weight, layer.bias)
    assert torch.equal(layer(x), expected)
    assert layer(x).grad_fn is not None
    with torch.no_grad():
        with Seen() as seen:
            assert torch.equal(layer(x), expected)
        assert "linear" in seen.names
        assert "product" not in seen.names
        two = torch.cat([x, x])
        assert torch.equal(layer(two), nn.functional.linear(two, layer.weight, layer.bias))
        assert not dense.suits(x.double(), layer.weight.double())
        assert not dense.suits(x.to("meta"), layer.weight.to("meta"))
        assert not dense.suits(x[..., :4], layer.weight[:, :4])
        assert not dense.suits(x, layer.weight[:4])  # too few to be worth it
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16


def test_a_text_goes_on_as_it_does_by_pytorchs_product(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    model = GPT(vocabulary=600, context=32, width=512, layers=2, heads=4).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)  # so that no two tokens are as likely
    prompt = torch.randint(600, (1, 5))
    kernel = generate(model, prompt, 20, Sampling(temperature=0))
    monkeypatch.setattr(dense, "LARGE", 1 << 60)
    assert torch.equal(generate(model, prompt, 20, Sampling(temperature=0)), kernel)
    assert len(set(kernel[0].tolist())) > 5


def test_without_numba_it_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    x, layer = given()
    monkeypatch.delattr(liuli.layers, "dense_kernel", raising=False)
    monkeypatch.setitem(sys.modules, "liuli.layers.dense_kernel", None)
    monkeypatch.setattr(compiled, "found", compiled.found.__wrapped__)
    with torch.no_grad():
        assert torch.equal(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


def test_a_compiler_sees_pytorchs_product() -> None:
    x, layer = given()
    with torch.no_grad():
        assert torch.equal(
            torch.compile(layer, fullgraph=True, backend="eager")(x), nn.functional.linear(x, layer.weight, layer.bias)
        )


def test_forward_mode_sees_pytorchs_product() -> None:
    x, layer = given()
    with torch.no_grad():
        _, slope = torch.func.jvp(layer, (x,), (x,))
        torch.testing.assert_close(slope, nn.functional.linear(x, layer.weight))
