"""The Transformer against PyTorch's own, and word by word against all words at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from liuli.layers import attention
from liuli.layers.attention import FeedForward, MultiHeadAttention
from liuli.models.language import transformer
from liuli.models.language.transformer import DecoderLayer, EncoderLayer, Transformer

WORDS, WIDTH, LAYERS, HEADS, INNER = 20, 16, 2, 4, 24


def small() -> Transformer:
    torch.manual_seed(0)
    network = Transformer(WORDS, WORDS, WIDTH, LAYERS, HEADS, INNER, dropout=0.0).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def sentences() -> tuple[Tensor, Tensor]:
    """Three to be read, of different lengths, and three that were said."""
    source = torch.randint(4, WORDS, (3, 7), generator=torch.Generator().manual_seed(0))
    source[1, 5:], source[2, 2:] = 0, 0
    return source, torch.randint(2, WORDS, (3, 5), generator=torch.Generator().manual_seed(1))


def pytorchs() -> nn.Transformer:
    """nn.Transformer without the two layer norms at its ends, which the paper has not."""
    sizes = {"d_model": WIDTH, "nhead": HEADS, "dim_feedforward": INNER, "dropout": 0.0, "batch_first": True}
    return nn.Transformer(
        d_model=WIDTH,
        nhead=HEADS,
        batch_first=True,
        custom_encoder=nn.TransformerEncoder(nn.TransformerEncoderLayer(**sizes), LAYERS, enable_nested_tensor=False),
        custom_decoder=nn.TransformerDecoder(nn.TransformerDecoderLayer(**sizes), LAYERS),
    ).double()


@torch.no_grad()
def copied(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())


def copied_layer(ours: EncoderLayer | DecoderLayer, theirs: nn.Module) -> None:
    copied(ours.attention, theirs.self_attn)
    norms = [ours.attention_around, ours.feed_forward_around]
    if isinstance(ours, DecoderLayer):
        copied(ours.source_attention, theirs.multihead_attn)
        norms.insert(1, ours.source_around)
    for number, around in enumerate(norms, 1):
        theirs.get_submodule(f"norm{number}").load_state_dict(around.norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.inner.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.outer.state_dict())


def layer_by_layer(network: nn.Module, layers: list[nn.Module], given: tuple[Tensor, ...]) -> list[Tensor]:
    """The output of each layer and of the network, and the gradient of a sum by each of them."""
    found: list[Tensor] = []

    def keep(module: nn.Module, arguments: object, output: Tensor) -> None:
        output.retain_grad()
        found.append(output)

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    output = network(*given)
    (output * torch.linspace(-1, 1, output.numel(), dtype=torch.float64).view_as(output)).sum().backward()
    for hook in hooks:
        hook.remove()
    return [output.detach(), *(one.detach() for one in found), *(one.grad for one in found if one.grad is not None)]


class Around(nn.Module):
    """PyTorch's Transformer with our embeddings and places, which it leaves to its user."""

    def __init__(self, ours: Transformer, theirs: nn.Transformer) -> None:
        super().__init__()
        self.ours, self.theirs = ours, theirs

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        tables, places = (self.ours.source_embedding.weight, self.ours.target_embedding.weight), self.ours.positions
        x = tables[0][source] * WIDTH**0.5 + places[: source.size(1)]
        y = tables[1][target] * WIDTH**0.5 + places[: target.size(1)]
        future = nn.Transformer.generate_square_subsequent_mask(target.size(1), dtype=torch.float64)
        absent = source == 0
        told = {"src_key_padding_mask": absent, "memory_key_padding_mask": absent, "tgt_mask": future}
        return self.theirs(x, y, **told) @ tables[1].T


def difference() -> float:
    """The largest between our network and PyTorch's with the same weights, of any value or gradient."""
    ours, theirs = small(), pytorchs()
    layers = [*ours.encoder.layers, *ours.decoder]
    their_layers = [*theirs.encoder.layers, *theirs.decoder.layers]
    for pair in zip(layers, their_layers, strict=True):
        copied_layer(*pair)
    found = layer_by_layer(ours, layers, sentences())
    expected = layer_by_layer(Around(ours, theirs), their_layers, sentences())
    assert len(found) == len(expected) == 1 + 2 * 2 * LAYERS
    return max(float((one - other).abs().max()) for one, other in zip(found, expected, strict=True))


def test_every_layer_and_its_gradient_equal_pytorch() -> None:
    assert difference() < 1e-12


def test_faults_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(attention.math, "sqrt", lambda number: 1.0)  # neither √d nor √D
        assert difference() > 1e-3
    with monkeypatch.context() as patch:
        patch.setattr(transformer, "past_and_present", lambda length, device: torch.ones(1, 1, length, length) > 0)
        assert difference() > 1e-3
    with monkeypatch.context() as patch:
        patch.setattr(transformer, "PADDING", -1)
        assert difference() > 1e-3
    with monkeypatch.context() as patch:
        patch.setattr(transformer.AddAndNorm, "forward", lambda self, x, found: x + self.norm(found))
        assert difference() > 1e-3


def test_word_by_word_with_what_is_kept_equals_all_words_at_once() -> None:
    network, (source, target) = small(), sentences()
    whole = network(source, target)
    state = network.begin(source)
    for place in range(target.size(1)):
        scores, state = network.step(target[:, place], state)
        torch.testing.assert_close(scores, whole[:, place], rtol=1e-10, atol=1e-12)


def test_what_is_kept_follows_its_sentence() -> None:
    network, (source, target) = small(), sentences()
    order = torch.tensor([2, 0, 0, 1])
    _, state = network.step(target[:, 0], network.begin(source))
    moved = rows(state, order)
    scores, _ = network.step(target[order, 1], moved)
    torch.testing.assert_close(scores, network(source[order], target[order, :2])[:, 1], rtol=1e-10, atol=1e-12)


def rows(state: object, order: Tensor) -> object:
    """A state's rows in another order, as a search takes them; its tuples become plain ones."""
    return state.index_select(0, order) if isinstance(state, Tensor) else tuple(rows(part, order) for part in state)


def test_no_word_sees_what_comes_after_it_and_none_sees_padding() -> None:
    network, (source, target) = small(), sentences()
    other = target.clone()
    other[:, 3:] = 3
    before, after = network(source, target), network(source, other)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])
    longer = torch.cat([source, torch.zeros(3, 4, dtype=source.dtype)], 1)
    torch.testing.assert_close(network(longer, target), before, rtol=1e-12, atol=1e-12)


def test_alignment_is_what_the_last_layer_weighs_by() -> None:
    network, (source, target) = small(), sentences()
    last, seen = network.decoder[-1], {}
    hook = last.source_attention.register_forward_pre_hook(
        lambda module, given: seen.update(x=given[0], memory=given[1])
    )
    network(source, target)
    hook.remove()
    weights = network.alignment(source, target)
    assert torch.allclose(weights.sum(-1), torch.ones((), dtype=torch.float64))
    assert not weights[source[:, None].expand_as(weights) == 0].any()
    parts = seen["x"] @ last.source_attention.query.weight.T + last.source_attention.query.bias
    keys = seen["memory"] @ last.source_attention.key.weight.T + last.source_attention.key.bias
    wide = WIDTH // HEADS
    expected = torch.zeros_like(weights)
    for head in range(HEADS):
        part = slice(head * wide, (head + 1) * wide)
        scores = torch.einsum("btd,bsd->bts", parts[..., part], keys[..., part]) / wide**0.5
        expected += scores.masked_fill(source[:, None] == 0, -torch.inf).softmax(-1) / HEADS
    torch.testing.assert_close(weights, expected)


def test_a_sentence_longer_than_the_table_of_places_is_read_as_well() -> None:
    network = small()
    words = torch.full((1, 600), 5)
    read = network.read(network.source_embedding, words)
    torch.testing.assert_close(read[:, :512], network.read(network.source_embedding, words[:, :512]))
    assert not torch.equal(read[0, 511], read[0, 599])


def test_a_later_paper_changes_the_layer_by_subclassing() -> None:
    class Doubled(FeedForward):
        def activation(self, x: Tensor) -> Tensor:
            return 2 * relu(x)

    class Layer(EncoderLayer):
        feed_forward_type = Doubled
        epsilon = 1e-12

    layer = Layer(8, 2, 12, dropout=0.1, attention_dropout=0.2)
    assert isinstance(layer.feed_forward, Doubled)
    assert layer.attention_around.norm.eps == layer.feed_forward_around.norm.eps == 1e-12
    assert layer.attention.dropout == 0.2
