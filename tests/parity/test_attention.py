"""Attention against PyTorch's own, and what must hold whatever the numbers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from liuli.layers import attention as ours
from liuli.layers.attention import MultiHeadAttention, attention, attention_weights, past_and_present
from liuli.layers.positions import sinusoids

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(1, 7), st.integers(1, 5))


def drawn(shape: tuple[int, ...], seed: int) -> list[torch.Tensor]:
    batch, heads, queries, keys, width = shape
    generator = torch.Generator().manual_seed(seed)
    sizes = [(batch, heads, length, width) for length in (queries, keys, keys)]
    return [torch.randn(size, generator=generator, dtype=torch.float64, requires_grad=True) for size in sizes]


def allowed_by_chance(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """A mask in which every query sees the first key at least."""
    batch, _, queries, keys, _ = shape
    mask = torch.rand(batch, 1, queries, keys, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[..., 0] = True
    return mask


def same_as_pytorch(shape: tuple[int, ...], seed: int) -> bool:
    mask = allowed_by_chance(shape, seed)
    results = []
    for function in (attention, scaled_dot_product_attention):
        inputs = drawn(shape, seed)
        out = function(*inputs, mask)
        out.square().sum().backward()
        results.append([out.detach(), *(one.grad for one in inputs)])
    return all(torch.allclose(*pair, rtol=1e-10, atol=1e-12) for pair in zip(*results, strict=True))


@given(SHAPES, st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_forward_and_all_gradients_equal_pytorch(shape: tuple[int, ...], seed: int) -> None:
    assert same_as_pytorch(shape, seed)


def test_scores_that_are_not_scaled_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours.math, "sqrt", lambda number: 1.0)
    assert not same_as_pytorch((2, 2, 3, 4, 5), 0)


@given(SHAPES, st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_rows_sum_to_one_and_the_order_of_keys_means_nothing(shape: tuple[int, ...], seed: int) -> None:
    query, key, value = drawn(shape, seed)
    mask = allowed_by_chance(shape, seed)
    assert torch.allclose(attention_weights(query, key, mask).sum(-1), torch.ones((), dtype=torch.float64))
    order = torch.randperm(key.size(2), generator=torch.Generator().manual_seed(seed))
    shuffled = attention(query, key[:, :, order], value[:, :, order], mask[..., order])
    assert torch.allclose(shuffled, attention(query, key, value, mask))


def test_a_key_that_may_not_be_seen_changes_nothing() -> None:
    query, key, value = drawn((2, 3, 4, 5, 6), 0)
    mask = torch.ones(2, 1, 4, 5, dtype=torch.bool)
    mask[..., -1] = False
    other = value.detach().clone()
    other[:, :, -1] = 1e6
    assert torch.equal(attention(query, key, value, mask), attention(query, key, other, mask))


def test_a_query_that_may_see_nothing_gets_zeros_and_zero_gradients() -> None:
    query, key, value = drawn((1, 1, 2, 3, 4), 0)
    mask = torch.tensor([[True, True, False], [False, False, False]])[None, None]
    out = attention(query, key, value, mask)
    out.sum().backward()
    assert torch.equal(out[0, 0, 1], torch.zeros(4, dtype=torch.float64))
    assert all(one.grad.isfinite().all() for one in (query, key, value))
    assert not query.grad[0, 0, 1].any()


@pytest.mark.parametrize("masked", [False, True])
def test_many_heads_equal_pytorch(masked: bool) -> None:
    torch.manual_seed(0)
    mine, theirs = MultiHeadAttention(12, 3).double(), nn.MultiheadAttention(12, 3, batch_first=True).double()
    with torch.no_grad():
        parts = (mine.query, mine.key, mine.value)
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.load_state_dict(mine.output.state_dict())
    x, memory = torch.randn(2, 4, 12).double(), torch.randn(2, 5, 12).double()
    absent = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    out = mine(x, memory, ~absent[:, None, None] if masked else None)
    expected, weights = theirs(
        x, memory, memory, key_padding_mask=absent if masked else None, average_attn_weights=False
    )
    assert torch.allclose(out, expected, rtol=1e-10)
    assert torch.allclose(mine.weights(x, memory, ~absent[:, None, None] if masked else None), weights, rtol=1e-10)


def test_words_one_after_another_with_what_is_kept_equal_all_at_once() -> None:
    torch.manual_seed(0)
    layer, x = MultiHeadAttention(8, 2).double(), torch.randn(3, 6, 8).double()
    whole = layer(x, allowed=past_and_present(6))
    kept, steps = None, []
    for begin, end in ((0, 1), (1, 4), (4, 5), (5, 6)):
        new = x[:, begin:end]
        kept = layer.offers(new, kept)
        steps.append(layer.attend(new, kept, past_and_present(end - begin, past=begin)))
    assert torch.allclose(torch.cat(steps, 1), whole, rtol=1e-10)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="no multiple of 5 heads"):
        MultiHeadAttention(12, 5)


def test_sinusoids_are_as_printed_and_shift_by_a_rotation() -> None:
    table = sinusoids(50, 8).double()
    for t in (0, 1, 7, 49):
        for i in range(4):
            angle = t / 10_000 ** (2 * i / 8)
            assert math.isclose(table[t, 2 * i], math.sin(angle), abs_tol=1e-6)
            assert math.isclose(table[t, 2 * i + 1], math.cos(angle), abs_tol=1e-6)
    products = table @ table.T  # of a distance alone
    assert torch.allclose(products.diagonal(5), products[0, 5], atol=1e-5)
