"""A value of the record is what the tensor was at that moment, whatever was written over it later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import liuli
from liuli.errors import UserError
from liuli.explaining import explain
from liuli.lab.whatif import edit


class Module(nn.Module):
    """A module made of one function."""

    def __init__(self, run: Callable[..., Any], **held: Any) -> None:
        super().__init__()
        for name, thing in held.items():
            setattr(self, name, thing)
        self._run = run

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(self, *args, **kwargs)


def test_an_in_place_relu_leaves_the_value_before_it() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 2))
    x = torch.randn(3, 4)
    record = liuli.trace(net, x)
    assert torch.equal(record.value("%0").tensor, net[0](x))
    assert torch.equal(record.value("%1").tensor, net[0](x).relu())
    assert record.operations[1].in_place
    assert record.operations[1].inputs == ("%0",)


def test_setitem_makes_a_new_value_and_keeps_the_old_one() -> None:
    def run(module: nn.Module, x: Tensor) -> Tensor:
        out = torch.zeros(3, 2)
        for i in range(3):
            out[i] = x[i] * 2
        return out

    x = torch.randn(3, 2)
    record = liuli.trace(Module(run), x)
    made = [op for op in record.operations if op.name == "setitem"]
    assert [op.arguments["index"] for op in made] == [0, 1, 2]
    for i, op in enumerate(made):
        expected = torch.zeros(3, 2)
        expected[: i + 1] = x[: i + 1] * 2
        assert torch.equal(record.value(op.outputs[0]).tensor, expected)
    # The chain: each takes the one before it.
    assert made[1].arguments["input"] == made[0].outputs[0]
    assert record.outputs[0].address == made[2].outputs[0]


def test_a_view_read_after_its_base_was_written_is_a_value_of_its_own() -> None:
    def run(module: nn.Module, x: Tensor) -> Tensor:
        table = x * 1
        row = table[0]
        before = row + 0
        table.add_(10)
        return before + row

    x = torch.randn(2, 3)
    record = liuli.trace(Module(run), x)
    alias = next(op for op in record.operations if op.name == "alias")
    old, new = record.value(alias.arguments["input"]), record.value(alias.outputs[0])
    assert torch.equal(old.tensor, x[0])
    assert torch.equal(new.tensor, x[0] + 10)
    ((written, place),) = alias.arguments["writes"]
    assert record.value(written).producer.name == "add"  # type: ignore[union-attr]
    assert place.shape == (2, 3)
    assert torch.equal(record.outputs[0].tensor, x[0] + (x[0] + 10))


def test_writing_through_a_view_changes_the_base_from_then_on() -> None:
    def run(module: nn.Module, x: Tensor) -> Tensor:
        table = x * 1
        table[:, 1].mul_(3)
        return table.sum(0)

    x = torch.randn(2, 3)
    record = liuli.trace(Module(run), x)
    expected = x.clone()
    expected[:, 1] *= 3
    assert torch.equal(record.find(operation="alias")[0].tensor, expected)
    assert torch.equal(record.value("%0").tensor, x)


def test_batch_norm_running_statistics_before_and_after() -> None:
    torch.manual_seed(0)
    net = nn.BatchNorm1d(3)
    before = net.running_mean.clone()  # type: ignore[union-attr]
    record = liuli.trace(net, torch.randn(8, 3) + 5)
    op = next(op for op in record.operations if op.name == "batch_norm")
    assert torch.equal(record.value("running_mean").tensor, before)
    assert len(op.outputs) == 3
    assert torch.equal(record.value(op.outputs[1]).tensor, net.running_mean)  # type: ignore[arg-type]
    assert torch.equal(record.value(op.outputs[2]).tensor, net.running_var)  # type: ignore[arg-type]
    assert op.arguments["training"] is True
    record = liuli.trace(net.eval(), torch.randn(8, 3))
    assert len(record.operations[-1].outputs) == 1


def test_dropout_keeps_its_mask() -> None:
    net = nn.Sequential(nn.Dropout(0.4), nn.Dropout2d(0.5), nn.AlphaDropout(0.3), nn.RReLU())
    x = torch.randn(2, 4, 5, 5)
    torch.manual_seed(3)
    expected = net(x)
    torch.manual_seed(3)
    record = liuli.trace(net, x)
    assert torch.equal(record.outputs[0].tensor, expected)
    dropout, channels, alpha, slopes = record.operations
    mask = record.value(dropout.draws[0]).tensor
    assert torch.equal(x * mask, record.value("%0").tensor)
    assert mask.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    assert torch.equal(record.value("%0").tensor * record.value(channels.draws[0]).tensor, record.value("%1").tensor)
    kept = record.value(alpha.draws[0]).tensor
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    slope, given = record.value(slopes.draws[0]).tensor, record.value("%2").tensor
    torch.testing.assert_close(given * slope, record.value("%3").tensor)
    assert ((slope >= 1 / 8) & (slope <= 1)).all()


def test_dropout_in_evaluation_is_no_operation() -> None:
    record = liuli.trace(nn.Sequential(nn.Dropout(0.4), nn.Linear(2, 1)).eval(), torch.ones(1, 2))
    assert [op.name for op in record.operations] == ["linear"]
    assert record.modules.children[0].outputs == ("input[0]",)


def test_what_is_drawn_can_be_drawn_again() -> None:
    record = liuli.trace(Module(lambda module, x: x + torch.randn(3)), torch.zeros(3))
    drawn = record.find(operation="randn")[0]
    assert torch.equal(record.operations[0].children[0].outputs[0], drawn.tensor)


def test_loops_and_reused_modules_are_counted() -> None:
    def run(module: Any, x: Tensor) -> Tensor:
        for _ in range(3):
            x = module.layer(x)
        return x

    record = liuli.trace(Module(run, layer=nn.Linear(2, 2)), torch.ones(1, 2))
    assert [(op.path, op.call) for op in record.operations] == [("layer", 0), ("layer", 1), ("layer", 2)]
    assert [call.call for call in record.modules.children] == [0, 1, 2]
    assert [user.index for user in record.value("layer.weight").users] == [0, 1, 2]


def test_tied_weights_have_one_address_and_two_names() -> None:
    net = nn.ModuleDict({"words": nn.Embedding(5, 3), "out": nn.Linear(3, 5, bias=False)})
    net["out"].weight = net["words"].weight

    def run(module: Any, x: Tensor) -> Tensor:
        return module.net["out"](module.net["words"](x))

    record = liuli.trace(Module(run, net=net), torch.tensor([1, 2]), loss=lambda out: out.square().sum())
    assert [value.address for value in record.parameters] == ["net.words.weight"]
    (weight,) = record.parameters
    assert weight.names == ("net.words.weight", "net.out.weight")
    assert record.value("net.out.weight") is weight
    assert [user.name for user in weight.users] == ["embedding", "linear"]
    assert weight.grad is not None


def test_outputs_in_tuples_dictionaries_and_dataclasses() -> None:
    from dataclasses import dataclass

    @dataclass
    class Answer:
        scores: Tensor
        parts: list[Tensor]
        note: str = "x"

    def run(module: nn.Module, x: Tensor, *, scale: dict[str, Tensor]) -> Any:
        y = x * scale["by"]
        return {"a": (y, x), "b": Answer(y + 1, [y + 2])}

    x, by = torch.ones(2), torch.full((2,), 3.0)
    record = liuli.trace(Module(run), x, scale={"by": by})
    assert [value.address for value in record.inputs] == ["input[0]", "input[scale][by]"]
    assert record.returned == {"a[0]": "%0", "a[1]": "input[0]", "b[scores]": "%1", "b[parts][0]": "%2"}
    assert torch.equal(record.value("%2").tensor, x * by + 2)


def test_tensors_from_outside_are_constants() -> None:
    table = torch.tensor([1.0, 2.0])

    def run(module: Any, x: Tensor) -> Tensor:
        return x * table + module.hidden + torch.from_numpy(np.ones(2, np.float32))

    net = Module(run)
    net.__dict__["hidden"] = torch.tensor([3.0, 4.0])
    record = liuli.trace(net, torch.ones(2))
    assert [value.address for value in record.constants] == ["constant[0]", "constant[1]", "constant[2]"]
    assert torch.equal(record.value("constant[1]").tensor, torch.tensor([3.0, 4.0]))


def test_a_kernel_that_nobody_saw_is_an_opaque_operation() -> None:
    class Hidden(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.from_numpy(x.detach().numpy() * 2)

    record = liuli.trace(nn.Sequential(Hidden(), nn.ReLU()), torch.tensor([1.0, -1.0]))
    opaque = next(op for op in record.operations if op.name == "opaque")
    assert opaque.function.endswith("Hidden")
    assert opaque.inputs == ("input[0]",)
    assert torch.equal(record.outputs[0].tensor, torch.tensor([2.0, 0.0]))


def test_what_is_compiled_hides_its_numbers_but_not_the_gradients_of_its_weights() -> None:
    torch.manual_seed(0)
    plain, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), torch.randn(2, 3)
    record = liuli.trace(torch.jit.script(plain), x, loss=lambda output: output.square().sum())
    plain(x).square().sum().backward()
    for name, weight in plain.named_parameters():
        torch.testing.assert_close(record.value(name).grad, weight.grad)
    told = explain(record, "%0", (0, 1))
    assert (told.kind, told.note) == ("opaque", "not explained: nothing can be seen inside RecursiveScriptModule")
    with pytest.raises(UserError, match="cannot be set"):
        edit(record, "%0", 0, 1.0)


def test_custom_functions_show_their_inside() -> None:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, slope: Tensor) -> Tensor:  # type: ignore[override]
            return slope * 2

    record = liuli.trace(Module(lambda module, x: Double.apply(x).sum()), torch.ones(3))
    assert [op.name for op in record.operations] == ["mul", "sum"]
    assert torch.equal(record.inputs[0].grad, torch.full((3,), 2.0))  # type: ignore[arg-type]
    assert torch.equal(record.value("%0").grad, torch.ones(3))  # type: ignore[arg-type]


def test_inside_vmap_nothing_is_recorded_and_nothing_breaks() -> None:
    def run(module: nn.Module, x: Tensor) -> Tensor:
        return torch.func.vmap(lambda row: row * 2 + 1)(x).sum()

    record = liuli.trace(Module(run), torch.ones(2, 3), gradients=False)
    assert float(record.outputs[0].tensor) == 18.0


def test_every_way_of_iterating_points_back() -> None:
    def run(module: nn.Module, x: Tensor) -> Tensor:
        first, second = x
        return sum((row for row in x), first) + second

    record = liuli.trace(Module(run), torch.arange(4.0).view(2, 2))
    assert not record.constants
    assert [op.name for op in record.operations][:1] == ["unbind"]


def test_sparse_and_conjugate_tensors() -> None:
    def run(module: nn.Module, x: Tensor) -> Tensor:
        sparse = x.to_sparse()
        turned = torch.view_as_complex(x.view(-1, 2)).conj()
        y = torch.sparse.mm(sparse, x)
        return y.sum() + turned.imag.sum()

    x = torch.randn(2, 2)
    record = liuli.trace(Module(run), x, gradients=False)
    torch.testing.assert_close(record.outputs[0].tensor, (x @ x).sum() - x[:, 1].sum())
    assert torch.equal(record.find(operation="to_sparse")[0].tensor.to_dense(), x)
    assert torch.equal(record.find(operation="conj")[0].tensor.imag, -x[:, 1])


def test_inference_mode_and_no_grad_regions() -> None:
    def run(module: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            fixed = module.layer(x)
        return module.layer(x) * fixed

    net = Module(run, layer=nn.Linear(2, 2))
    x = torch.ones(1, 2)
    with torch.inference_mode():
        record = liuli.trace(net, x)
    assert torch.equal(record.outputs[0].tensor, net(x).detach())
    record = liuli.trace(net, x, loss=lambda out: out.sum())
    fixed = record.find("fixed")[0]
    assert fixed.grad is None
    assert not fixed.requires_grad
    with torch.inference_mode():
        again = liuli.trace(net, x, loss=lambda out: out.sum())
    assert torch.equal(again.value("layer.weight").grad, record.value("layer.weight").grad)  # type: ignore[arg-type]
