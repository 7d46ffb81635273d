"""Operations that are linear in one operand, with weights of their own: resizing, sampling, folding, differences.

y_j = Σ_k c_jk · x_k, where the weights c depend on places alone (for resizing: 0.25 and 0.75 of two neighbours). They
are read off the operation itself: it is transposed by PyTorch, and given a 1 at j.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.explaining.explainer import Explainer, Flats, NotExplained, Recent, Workbench, explains
from liuli.explaining.expression import Column, Expression, Number
from liuli.explaining.replay import exchanged, resolve, tensors
from liuli.tracing.parts import Address, Operation


@explains(
    *("interpolate", "upsample", "upsample_bilinear", "upsample_nearest", "grid_sample", "fold", "col2im"),
    *("diff", "fft_fftshift", "fft_ifftshift", "affine_grid"),
)
class Mapped(Explainer):
    """See the top of this file."""

    text = "y[j] = Sum(k, c[j,k]*x[k])"

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.x = self.need("input", "theta")
        self.rows = Recent(256)

    def through(self, seed: int | None, flat: int | None) -> NDArray[np.float64]:
        """Row `seed` of the weights, or the outputs that element `flat` of the operand reaches."""
        name = self.arguments.get("input", self.arguments.get("theta"))

        def change(address: Address) -> Tensor:
            if address != name:
                return self.bench.record.value(address).tensor
            x = torch.zeros(self.x.shape, dtype=torch.float64)
            if flat is not None:
                x.view(-1)[flat] = 1
            return x.requires_grad_(seed is not None)

        args, kwargs = self.operation.called
        args, kwargs = exchanged(args, change), exchanged(kwargs, change)
        args, kwargs = doubled(args), doubled(kwargs)
        with torch.set_grad_enabled(seed is not None):
            made = tensors(resolve(self.operation.function)(*args, **kwargs))[0]
        if seed is None:
            return made.reshape(-1).numpy()
        operand = next(one for one in tensors([*args, *kwargs.values()]) if one.requires_grad)
        (row,) = torch.autograd.grad(made.reshape(-1)[seed], operand)
        return row.reshape(-1).numpy()

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        row = self.rows.get(int(flat), lambda: self.through(int(flat), None))
        places = np.nonzero(row)[0]
        return {"c": Number(row[places]), "x": Column(self.x, places)}

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        if address == self.x.address:
            yield 0, np.nonzero(self.through(None, flat))[0]
        elif self.bench.record.value(address).grad is not None:
            raise NotExplained(f"the gradient of {self.operation.name} for {address}")


def doubled(part: Any) -> Any:
    """Floating-point tensors in float64, so that they fit the operand."""
    if isinstance(part, Tensor):
        return part.double() if part.is_floating_point() else part
    if isinstance(part, list | tuple):
        return type(part)(doubled(one) for one in part)
    if isinstance(part, dict):
        return {key: doubled(one) for key, one in part.items()}
    return part
