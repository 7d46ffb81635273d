"""The tape: a calculation that writes down its own steps, so that it can be walked backwards.

To learn is to ask of every number in a calculation: were you a little larger, by how much would the
loss grow? That is the number's *gradient*. The chain rule answers for all of them in one walk from
the loss back to the weights, because the gradient of a number is the sum over its uses:

    ∂L/∂x = Σ over every y computed from x of  ∂L/∂y · ∂y/∂x

(An array is many numbers: every element of y that x has gone into counts.)

So an operation y = f(a, b) does two things. Going forward it computes y. And for each of its inputs it
writes down a *rule*: a function that takes the upstream gradient ∂L/∂y and returns ∂L/∂y · ∂y/∂a, the
input's share. `backward` walks from the last operation to the first, calls each rule once, and adds
the shares up (Rumelhart, Hinton & Williams, 1986; Linnainmaa, 1970).

    x = Tensor([1.0, 2.0, 3.0])
    loss = exp(x * x)[0] + x[0] / x[2]
    loss.backward()
    x.gradient                          # 2x₀·exp(x₀²) + 1/x₂, 0, −x₀/x₂²

Shapes: an operation takes and gives arrays of any shape; a gradient has the shape of its value.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]
Rule = Callable[[Array], Array]
"""From the gradient of an operation's output, the share of one of its inputs."""

clock = count()


class Tensor:
    """An array that knows how it was computed, and what its gradient is.

    Attributes:
        value: the numbers; float32 or float64, any shape.
        gradient: ∂L/∂value, in the shape of `value`; None until `backward` reaches it. A second `backward`
            adds to it; set it to None to begin anew. Read it, but do not write into it.
        constant: no gradient is wanted (data), and none is computed.
        operation: the name of what made it; "" for one that was given.
        inputs: the tensors that it was made from, each with its rule; constants are left out.
        moment: when it was made. An operation comes after its inputs, so this orders the tape.
        buffer: the array to keep the gradient in, where an optimizer has lent one; else None.
    """

    __slots__ = ("buffer", "constant", "gradient", "inputs", "moment", "operation", "value")
    __array_ufunc__ = None  # `array * tensor` is ours to compute, not NumPy's

    def __init__(
        self,
        value: ArrayLike,
        constant: bool = False,
        operation: str = "",
        inputs: tuple[tuple[Tensor, Rule], ...] = (),
    ) -> None:
        array = np.asarray(value)
        self.value: Array = array if array.dtype.kind == "f" else array.astype(np.float64)
        self.gradient: Array | None = None
        self.constant = constant
        self.operation = operation
        self.inputs = inputs
        self.moment = next(clock)
        self.buffer: Array | None = None

    def __repr__(self) -> str:
        return f"Tensor({self.value}, operation={self.operation!r})"

    # ------------------------------------------------------------------ the walk

    def tape(self) -> list[Tensor]:
        """This tensor and all that it was computed from, in the order in which they were made."""
        found = {self.moment: self}
        waiting = [self]
        while waiting:
            for source, _ in waiting.pop().inputs:
                if source.moment not in found:
                    found[source.moment] = source
                    waiting.append(source)
        return [found[moment] for moment in sorted(found)]

    def backward(self) -> None:
        """Give every tensor on the tape its gradient: ∂(this one)/∂(that one).

        Raises:
            ValueError: this tensor is not a single number. Sum it, or take its mean, first.
        """
        if self.value.size != 1:
            raise ValueError(f"backward starts from a single number, not from shape {self.value.shape}")
        tape = self.tape()
        for tensor in tape:
            if tensor.inputs:
                tensor.gradient = None  # what lies between is computed anew; what was given adds up
        self.receive(np.ones_like(self.value))  # ∂L/∂L = 1
        for tensor in reversed(tape):
            assert tensor.gradient is not None
            for source, rule in tensor.inputs:
                source.receive(sum_to_shape(rule(tensor.gradient), source.value.shape))

    def receive(self, share: Array) -> None:
        """Add one use's share to the gradient: in the buffer where there is one, else in a new array."""
        if self.gradient is not None:
            self.gradient = np.add(self.gradient, share, out=self.buffer)
        elif self.buffer is None or self.buffer is share:
            self.gradient = share
        else:
            self.buffer[...] = share
            self.gradient = self.buffer

    def place_for_gradient(self) -> Array | None:
        """Where a rule may write the first share itself (`out=`), which spares a copy; None: nowhere."""
        return self.buffer if self.gradient is None else None

    # ------------------------------------------------------------------ arithmetic

    def __add__(self, other: Tensor | ArrayLike) -> Tensor:
        """y = a + b, so ∂y/∂a = 1 and ∂y/∂b = 1."""
        a, b = self, self.like(other)
        return record("add", a.value + b.value, (a, lambda upstream: upstream), (b, lambda upstream: upstream))

    def __sub__(self, other: Tensor | ArrayLike) -> Tensor:
        """y = a − b, so ∂y/∂a = 1 and ∂y/∂b = −1."""
        a, b = self, self.like(other)
        return record("subtract", a.value - b.value, (a, lambda upstream: upstream), (b, lambda upstream: -upstream))

    def __mul__(self, other: Tensor | ArrayLike) -> Tensor:
        """y = a · b, so ∂y/∂a = b and ∂y/∂b = a."""
        a, b = self, self.like(other)
        return record(
            "multiply",
            a.value * b.value,
            (a, lambda upstream: upstream * b.value),
            (b, lambda upstream: upstream * a.value),
        )

    def __truediv__(self, other: Tensor | ArrayLike) -> Tensor:
        """y = a / b, so ∂y/∂a = 1/b and ∂y/∂b = −a/b² = −y/b."""
        a, b = self, self.like(other)
        y = a.value / b.value
        return record(
            "divide", y, (a, lambda upstream: upstream / b.value), (b, lambda upstream: -upstream * y / b.value)
        )

    def __pow__(self, exponent: float) -> Tensor:
        """y = xⁿ, so ∂y/∂x = n·xⁿ⁻¹."""
        x = self.value
        return record("power", x**exponent, (self, lambda upstream: upstream * exponent * x ** (exponent - 1)))

    def __matmul__(self, other: Tensor | ArrayLike) -> Tensor:
        """Y = A B, so ∂L/∂A = ∂L/∂Y Bᵀ and ∂L/∂B = Aᵀ ∂L/∂Y.

        For Yᵢₖ = Σⱼ Aᵢⱼ Bⱼₖ: the number Aᵢⱼ is used in every Yᵢₖ, each time multiplied by Bⱼₖ. So its
        gradient is Σₖ (∂L/∂Yᵢₖ) Bⱼₖ, which is element i, j of ∂L/∂Y Bᵀ. Likewise for B.

        Shapes: (…, n, m) @ (…, m, k) → (…, n, k); what stands before the last two axes is broadcast.
        """
        a, b = self, self.like(other)
        if a.value.ndim < 2 or b.value.ndim < 2:
            raise ValueError(f"matmul takes matrices, not shapes {a.value.shape} and {b.value.shape}")
        return record(
            "matmul",
            a.value @ b.value,  # (…, n, k)
            (a, lambda upstream: upstream @ b.value.mT),  # (…, n, k) @ (…, k, m) → (…, n, m)
            (b, lambda upstream: a.value.mT @ upstream),  # (…, m, n) @ (…, n, k) → (…, m, k)
        )

    def __neg__(self) -> Tensor:
        """y = −x, so ∂y/∂x = −1."""
        return record("negative", -self.value, (self, lambda upstream: -upstream))

    def __radd__(self, other: ArrayLike) -> Tensor:
        return self.like(other) + self

    def __rsub__(self, other: ArrayLike) -> Tensor:
        return self.like(other) - self

    def __rmul__(self, other: ArrayLike) -> Tensor:
        return self.like(other) * self

    def __rtruediv__(self, other: ArrayLike) -> Tensor:
        return self.like(other) / self

    def __rmatmul__(self, other: ArrayLike) -> Tensor:
        return self.like(other) @ self

    def __getitem__(self, index: Any) -> Tensor:
        """y = x[index]. An element that was picked gets the gradient of its copies; the others get zero."""
        x = self

        def rule(upstream: Array) -> Array:
            share = np.zeros_like(x.value)
            np.add.at(share, index, upstream)  # adds twice where an element was picked twice
            return share

        return record("index", x.value[index], (x, rule))

    def like(self, other: Tensor | ArrayLike) -> Tensor:
        """`other` as a tensor: a plain number or array becomes a constant of this tensor's precision."""
        return other if isinstance(other, Tensor) else Tensor(np.asarray(other, self.value.dtype), constant=True)


def record(operation: str, value: Array, *inputs: tuple[Tensor, Rule]) -> Tensor:
    """Write an operation on the tape: its name, its value, and for each input the rule that gives its share."""
    learning = tuple(pair for pair in inputs if not pair[0].constant)
    return Tensor(value, not learning, operation, learning)


def sum_to_shape(share: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting: a number that was used along a whole axis gets the sum of its shares.

    Going forward, NumPy stretches (3, 1) over (2, 3, 4) by using each number in two blocks and four
    columns. Going backward, the (2, 3, 4) shares are summed over those axes to (3, 1).
    """
    if share.shape == shape:
        return share
    added = share.ndim - len(shape)
    stretched = (added + axis for axis, length in enumerate(shape) if length == 1)
    total: Array = share.sum(axis=(*range(added), *stretched), keepdims=True)
    return total.reshape(shape)
