"""The kernels of a recorded computation: where PyTorch has a faster one for the same result, that one.

Which is taken follows from the operation, its shapes and how PyTorch was built, never from a timing, so
that a run repeated or resumed on the same machine has the same bits. The rules, for float32 on a CPU:

products      PyTorch's MKL treats an AMD processor as a generic one, half as fast as oneDNN, whose calls
              cost 15 µs more: so products of some size go there, with their bias and activation. A right factor
              with gaps between its rows (one time step of a sequence) it would take a thousand times as long for.
max-pooling   takes one number after another, oneDNN sixteen at once (from four channels on), the same maxima and
              among equals the same one.
lstm          its kernel keeps what going backward needs only where gradients are recorded: in a replay they are not,
              and it must be told.
draws         for dropout PyTorch asks its generator, on any processor but Intel's, for one word after another: many are
              drawn at once with the same bits, where Numba is installed (`draws`).
convolution   the weights' gradient has an AVX-512 kernel in rows only for channels in sixteens (or at most
              three), in channels-last for any; the gradient of the input is faster in rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, fx

from liuli.training.recording import aten, simplify

PRODUCT = 3 << 19
"""Multiplications (1.6 million) from which on oneDNN is the faster."""
POOLED = 1 << 16
"""Numbers from which on a pooling by oneDNN is worth what bringing them there costs."""
DRAWN = 1 << 12
"""Numbers from which on drawing them at once is worth what reading and writing the generator's state costs."""
LANES = 16
"""Float32 numbers in one AVX-512 register."""
ACTIVATIONS: dict[Any, str] = {aten.sigmoid.default: "sigmoid", aten.relu.default: "relu", aten.tanh.default: "tanh"}


def choose(graph: fx.Graph) -> None:
    """Put the faster kernels into a recorded graph, in place; each gives the shape and strides of what it replaces."""
    if not usable():
        return
    for node in list(graph.nodes):
        if node.target in RULES:
            values: list[Tensor] = [one.meta["value"] for one in node.args if isinstance(one, fx.Node)]
            if all(one.device.type == "cpu" and one.dtype == torch.float32 for one in values):
                RULES[node.target](node, *values)
    simplify(graph)


def usable() -> bool:
    """Whether PyTorch was built with both libraries that the rules weigh against each other."""
    return bool(torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available())  # type: ignore[no-untyped-call]


def product(node: fx.Node, left: Tensor, right: Tensor) -> None:
    """`mm(left, right)`."""
    if left.size(0) * right.numel() >= PRODUCT and dense(right):
        by_one_dnn(node, node.args[0], node.args[1], None, "none")


def product_and_bias(node: fx.Node, bias: Tensor, left: Tensor, right: Tensor) -> None:
    """`addmm(bias, left, right)`, and the activation that alone uses it."""
    large = left.size(0) * right.numel() >= PRODUCT and dense(right)
    if large and bias.dim() == 1 and len(node.args) == 3 and not node.kwargs:
        user = next(iter(node.users))
        activation = ACTIVATIONS.get(user.target) if len(node.users) == 1 else None
        last = user if activation else node
        by_one_dnn(last, node.args[1], node.args[2], node.args[0], activation or "none")


def dense(matrix: Tensor) -> bool:
    """Whether a matrix or its transpose lies in memory without a gap."""
    return matrix.is_contiguous() or matrix.t().is_contiguous()


def by_one_dnn(node: fx.Node, left: Any, right: Any, bias: Any, activation: str) -> None:
    """Compute `node` as activation(left right + bias) by oneDNN, which takes the right factor transposed."""
    graph = node.graph
    with graph.inserting_before(node):
        transposed = graph.call_function(aten.t.default, (right,))
        transposed.meta["value"] = right.meta["value"].t()
        linear = torch.ops.mkldnn._linear_pointwise.default
        result = graph.call_function(linear, (left, transposed, bias, activation, [], ""))
    result.meta = dict(node.meta)
    node.replace_all_uses_with(result)


def pooling(node: fx.Node, pictures: Tensor) -> None:
    """`max_pool2d_with_indices(pictures, size, stride, padding, dilation, rounded up)` and its gradients."""
    maxima = {user for user in node.users if user.args[1] == 0}
    places = node.users.keys() - maxima
    gradients = {user for place in places for user in place.users}
    plain = all(setting in ([1, 1], False) for setting in node.args[4:])
    large = pictures.dim() == 4 and pictures.size(1) >= 4 and pictures.is_contiguous() and pictures.numel() >= POOLED
    if plain and large and all(one.target is aten.max_pool2d_with_indices_backward.default for one in gradients):
        node.target = max_pool2d
        for one in gradients:
            one.target = max_pool2d_backward


def max_pool2d(pictures: Tensor, *settings: Any) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Maxima of (B, C, H, W), and what `max_pool2d_backward` must know."""
    with torch.inference_mode(False), torch.enable_grad():  # else the places of the maxima would not be kept
        inputs = pictures.to_mkldnn().requires_grad_()
        maxima = torch.mkldnn_max_pool2d(inputs, *settings).detach()
    return maxima.to_dense(), (inputs.detach(), maxima)


def max_pool2d_backward(
    gradient: Tensor, pictures: Tensor, size: Any, stride: Any, padding: Any, dilation: Any, up: bool, kept: Any
) -> Tensor:
    """Gradient of the pictures from that of the maxima."""
    inputs, maxima = kept
    backward = aten.mkldnn_max_pool2d_backward.default
    result: Tensor = backward(
        gradient.to_mkldnn(), maxima, inputs, size, stride or size, padding, dilation, up
    ).to_dense()
    return result


def gradient_of_convolution(node: fx.Node, gradient: Tensor, pictures: Tensor, weights: Tensor) -> None:
    """`convolution_backward(gradient, pictures, weights, …)`, not transposed, in one group."""
    settings: Any = node.args[4:]  # stride, padding, dilation, transposed, output padding, groups, what is wanted
    transposed, groups, wants_weights = settings[3], settings[5], settings[6][1]
    in_rows = all(one.dim() == 4 and one.is_contiguous() for one in (gradient, pictures, weights))
    uneven = pictures.size(1) > 3 and (pictures.size(1) % LANES or gradient.size(1) % LANES)
    if wants_weights and in_rows and uneven and not transposed and groups == 1:
        node.target = convolution_backward


def convolution_backward(
    gradient: Tensor, pictures: Tensor, weights: Tensor, bias_sizes: Any, *rest: Any
) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Gradients of (B, C, H, W) pictures in rows, and of weights and bias by way of channels-last."""
    *settings, (wants_pictures, _, wants_bias) = rest
    backward = aten.convolution_backward.default
    of_pictures = None
    if wants_pictures:
        of_pictures = backward(gradient, pictures, weights, bias_sizes, *settings, [True, False, False])[0]
    gradient, pictures = (one.contiguous(memory_format=torch.channels_last) for one in (gradient, pictures))
    _, of_weights, of_bias = backward(gradient, pictures, weights, bias_sizes, *settings, [False, True, wants_bias])
    return of_pictures, of_weights.contiguous(), of_bias


def lstm(node: fx.Node, *given: Tensor) -> None:
    """`mkldnn_rnn_layer(inputs, weights, …)`."""
    node.target = lstm_for_training


def lstm_for_training(*given: Any) -> tuple[Tensor, ...]:
    """States after every step, the last of them, and what `mkldnn_rnn_layer_backward` must know."""
    with torch.enable_grad():
        results: tuple[Tensor, ...] = aten.mkldnn_rnn_layer.default(*given)
    return results


def draws(node: fx.Node, numbers: Tensor) -> None:
    """`bernoulli_(numbers, p)`, of which PyTorch leaves p out where it is 0.5."""
    plain = not node.kwargs and numbers.is_contiguous()
    if plain and node.users and numbers.numel() >= DRAWN and draws_are_known():
        from liuli.training.draws import bernoulli

        node.target = bernoulli


@cache
def draws_are_known() -> bool:
    """Whether `draws` gives PyTorch's bits here; Numba may be missing, not fit NumPy, or have no place for its code."""
    try:
        from liuli.training.draws import bernoulli
    except (ImportError, RuntimeError):
        return False

    def drawn(by: Callable[[Tensor, float], Tensor]) -> list[Tensor]:
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            return [by(torch.empty(999), 0.3), torch.get_rng_state()]

    return all(map(torch.equal, drawn(bernoulli), drawn(Tensor.bernoulli_)))


RULES: dict[Any, Callable[..., None]] = {
    aten.mm.default: product,
    aten.addmm.default: product_and_bias,
    aten.max_pool2d_with_indices.default: pooling,
    aten.convolution_backward.default: gradient_of_convolution,
    aten.mkldnn_rnn_layer.default: lstm,
    aten.bernoulli_.float: draws,
}
