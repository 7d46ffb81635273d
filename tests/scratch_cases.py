"""Every operation of the hand-written engine, beside PyTorch's, and the shapes of arguments to try both on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from liuli.scratch import operations as by_hand
from liuli.scratch.losses import softmax, softmax_cross_entropy
from liuli.scratch.tape import Tensor

Shapes = list[tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """One operation.

    Attributes:
        ours: of tensors of the hand-written engine.
        theirs: of PyTorch's.
        shapes: of the arguments, from four lengths of at least 1.
        positive: arguments must be positive.
    """

    ours: Callable[..., Tensor]
    theirs: Callable[..., torch.Tensor]
    shapes: Callable[[int, int, int, int], Shapes]
    positive: bool = False

    def arguments(self, lengths: tuple[int, int, int, int], seed: int) -> list[NDArray[np.float64]]:
        """Drawn between −2 and 2, all different and none within 10⁻³ of 0, so that no bend is hit."""
        rng = np.random.default_rng(seed)
        arrays = []
        for shape in self.shapes(*lengths):
            size = int(np.prod(shape))
            values = rng.permutation(np.linspace(0.01, 2, size)) * (1 if self.positive else rng.choice([-1, 1], size))
            arrays.append(values.reshape(shape))
        return arrays


def labels(scores: object) -> NDArray[np.int64]:
    """Some labels for scores (B, K)."""
    rows, classes = scores.value.shape if isinstance(scores, Tensor) else scores.shape
    return np.arange(rows) * 7 % classes


def convolution_shapes(a: int, b: int, c: int, d: int) -> Shapes:
    """Pictures of different height and width, window of different height and width."""
    return [(a, b, c + d, 2 * d), (c, b, d, 1 + d // 2), (c,)]


CASES = {
    "add": Case(lambda x, y: x + y, torch.add, lambda a, b, c, d: [(a, b), (a, b)]),
    "add, broadcast": Case(lambda x, y: x + y, torch.add, lambda a, b, c, d: [(a, 1, c), (b, 1)]),
    "subtract, broadcast": Case(lambda x, y: x - y, torch.sub, lambda a, b, c, d: [(c,), (a, b, c)]),
    "multiply, broadcast": Case(lambda x, y: x * y, torch.mul, lambda a, b, c, d: [(a, 1, c), (b, c)]),
    "multiply by itself": Case(lambda x: x * x, lambda x: x * x, lambda a, b, c, d: [(a, b)]),
    "divide, broadcast": Case(lambda x, y: x / y, torch.div, lambda a, b, c, d: [(a, b), (1, b)]),
    "number and tensor": Case(
        lambda x: 3 - 2 * x + 1 / x + (x + 1) / 4 - (-x), lambda x: 3 - 2 * x + 1 / x + (x + 1) / 4 + x,
        lambda a, b, c, d: [(a, b)],
    ),
    "power": Case(lambda x: x**2.5, lambda x: x**2.5, lambda a, b, c, d: [(a, b)], positive=True),
    "matmul": Case(lambda x, y: x @ y, torch.matmul, lambda a, b, c, d: [(a, b), (b, c)]),
    "matmul, broadcast": Case(lambda x, y: x @ y, torch.matmul, lambda a, b, c, d: [(d, 1, a, b), (3, b, c)]),
    "exp": Case(by_hand.exp, torch.exp, lambda a, b, c, d: [(a, b)]),
    "log": Case(by_hand.log, torch.log, lambda a, b, c, d: [(a, b)], positive=True),
    "sigmoid": Case(by_hand.sigmoid, torch.sigmoid, lambda a, b, c, d: [(a, b)]),
    "tanh": Case(by_hand.tanh, torch.tanh, lambda a, b, c, d: [(a, b)]),
    "relu": Case(by_hand.relu, torch.relu, lambda a, b, c, d: [(a, b)]),
    "sum": Case(by_hand.sum, torch.sum, lambda a, b, c, d: [(a, b)]),
    "sum over axes": Case(lambda x: by_hand.sum(x, (0, -1)), lambda x: x.sum((0, -1)), lambda a, b, c, d: [(a, b, c)]),
    "mean": Case(by_hand.mean, torch.mean, lambda a, b, c, d: [(a, b)]),
    "mean over an axis": Case(lambda x: by_hand.mean(x, 1), lambda x: x.mean(1), lambda a, b, c, d: [(a, b, c)]),
    "reshape": Case(
        lambda x: by_hand.reshape(x, (x.value.shape[1], -1)), lambda x: x.reshape(x.shape[1], -1),
        lambda a, b, c, d: [(a, b, c)],
    ),
    "transpose": Case(
        lambda x: by_hand.transpose(x, (2, 0, 1)), lambda x: x.permute(2, 0, 1), lambda a, b, c, d: [(a, b, c)]
    ),
    "pad": Case(lambda x: by_hand.pad(x, 2), lambda x: F.pad(x, (2, 2, 2, 2)), lambda a, b, c, d: [(a, b, c)]),
    "index, an element twice": Case(
        lambda x: x[np.array([0, -1, 0])], lambda x: x[torch.tensor([0, -1, 0])], lambda a, b, c, d: [(a, b)]
    ),
    "index, a slice": Case(lambda x: x[:, ::2], lambda x: x[:, ::2], lambda a, b, c, d: [(a, b)]),
    "dense": Case(by_hand.dense, F.linear, lambda a, b, c, d: [(a, b), (c, b), (c,)]),
    "convolution": Case(by_hand.convolution, F.conv2d, convolution_shapes),
    "convolution, by loops": Case(by_hand.convolution_loops, F.conv2d, convolution_shapes),
    "max_pool": Case(
        lambda x: by_hand.max_pool(x, 2), lambda x: F.max_pool2d(x, 2), lambda a, b, c, d: [(a, b, c + 1, d + 1)]
    ),
    "max_pool, 3 by 3": Case(
        lambda x: by_hand.max_pool(x, 3), lambda x: F.max_pool2d(x, 3), lambda a, b, c, d: [(a, b, c + 2, 4 * d)]
    ),
    "average_pool": Case(
        lambda x: by_hand.average_pool(x, 2), lambda x: F.avg_pool2d(x, 2), lambda a, b, c, d: [(a, b, c + 1, d + 1)]
    ),
    "softmax": Case(softmax, lambda x: x.softmax(-1), lambda a, b, c, d: [(a, b, c)]),
    "softmax_cross_entropy": Case(
        lambda x: softmax_cross_entropy(x, labels(x)),
        lambda x: F.cross_entropy(x, torch.from_numpy(labels(x))),
        lambda a, b, c, d: [(a, b)],
    ),
}  # fmt: skip


def relative_error(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """‖found − expected‖ / ‖expected‖, and 0 where both are 0."""
    assert found.shape == expected.shape
    difference = np.linalg.norm(np.ravel(found - expected))
    return float(difference / np.linalg.norm(np.ravel(expected))) if difference else 0.0
