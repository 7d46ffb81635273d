"""Operations in which each number of the output comes from one number of each operand: arithmetic, choices.

Shapes: operands are broadcast to the output, so one number of a bias stands behind many numbers of the output, and its
gradient is a sum over them.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import pi
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from liuli.explaining.derivative import Target
from liuli.explaining.explainer import REGISTRY, Explainer, Flats, NotExplained, Workbench, explains, pick, words
from liuli.explaining.expression import Expression, Number, Source
from liuli.explaining.formula import formula
from liuli.tracing.parts import Address, Operation


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The steps in a flat array from one element to the next along each dimension."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def projected(flat: Flats, shape: tuple[int, ...], smaller: tuple[int, ...]) -> Any:
    """Where element `flat` of `shape` finds its operand of shape `smaller`, which is broadcast to it."""
    if shape == smaller:
        return flat
    if all(size == 1 for size in smaller):
        return flat * 0
    index = np.unravel_index(flat, shape)[len(shape) - len(smaller) :]
    place: Any = flat * 0
    for coordinate, size, step in zip(index, smaller, row_major(smaller), strict=True):
        if size > 1:
            place = place + coordinate * step
    return place


def spread(flat: int, shape: tuple[int, ...], smaller: tuple[int, ...]) -> NDArray[np.int64]:
    """The elements of `shape` that find element `flat` of `smaller` there: the inverse of `projected`."""
    if shape == smaller:
        return np.array([flat], dtype=np.int64)
    index = (*[0] * (len(shape) - len(smaller)), *(int(i) for i in np.unravel_index(flat, smaller)))
    sizes = (*[1] * (len(shape) - len(smaller)), *smaller)
    places = np.zeros((), dtype=np.int64)
    for coordinate, size, full, step in zip(index, sizes, shape, row_major(shape), strict=True):
        along = np.arange(full) * step if size == 1 and full != 1 else np.array([coordinate * step])
        places = np.add.outer(places, along)
    return places.reshape(-1)


class Elementwise(Explainer):
    """y = f(a, b, …), number by number.

    `letters` says which argument stands for which letter of `text`. A constant factor α that is 1 is left out.
    """

    vector = True
    slope = ""  # the derivative written with the output y itself, where that is how it is known
    letters: ClassVar[dict[str, str]]

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.tensors: dict[str, Source] = {}
        self.constants: dict[str, Expression | None] = {"π": Number(pi)}
        for letter, name in self.letters.items():
            value = self.arguments.get(name)
            if isinstance(value, Address):
                self.tensors[letter] = bench.source(value)
            elif isinstance(value, bool | int | float):
                self.constants[letter] = None if letter == "α" and value == 1 else Number(value)
            elif value is None:
                self.constants[letter] = None
            else:
                raise NotExplained(f"{operation.name} with {name}={value!r}")

    def environment(self, output: int, flat: Flats) -> dict[str, Expression | None]:
        shape = self.shape(output)
        found = {letter: pick(one, projected(flat, shape, one.shape)) for letter, one in self.tensors.items()}
        return {**self.constants, **found}

    def batches(self, flats: NDArray[np.int64]) -> Iterable[Flats]:
        return [flats] if len(flats) else []

    def local(self, output: int, flat: Flats, target: Target) -> Expression:
        if not self.slope:
            return super().local(output, flat, target)
        letters = {**self.environment(output, flat), "y": pick(self.output(output), flat)}
        return formula(f"d = {self.slope}").bind(letters)

    def dependents(self, address: str, flat: int) -> Iterable[tuple[int, NDArray[np.int64]]]:
        for shape in {source.shape for source in self.tensors.values() if source.address == address}:
            yield 0, spread(flat, self.shape(), shape)


def elementwise(names: str, text: str, slope: str = "", **letters: str) -> None:
    """Register an operation by its formula. Letters a and b are `input` and `other` unless said otherwise."""
    found = {"a": "input"} if "a" not in letters else {}
    if "b" not in letters and "b" in _letters(text):
        found["b"] = "other"
    made = type(
        "Elementwise",
        (Elementwise,),
        {"text": text, "slope": slope, "letters": {**found, **letters}, "__module__": __name__},
    )
    for name in names.split():
        assert name not in REGISTRY, name
        REGISTRY[name] = made


def _letters(text: str) -> set[str]:
    return set("".join(sign if sign.isalnum() or sign == "_" else " " for sign in text).split())


elementwise("add", "y = a + α*b", α="alpha")
elementwise("sub", "y = a - α*b", α="alpha")
elementwise("rsub", "y = b - α*a", α="alpha")
elementwise("mul", "y = a*b")
elementwise("rdiv", "y = b/a")
elementwise("floor_divide", "y = floor(a/b)")
elementwise("rfloordiv", "y = floor(b/a)")
elementwise("remainder", "y = mod(a, b)")
elementwise("rmod", "y = mod(b, a)")
elementwise("fmod", "y = fmod(a, b)")
elementwise("pow float_power", "y = a**n", n="exponent")
elementwise("rpow", "y = b**a")
elementwise("neg", "y = -a")
elementwise("positive", "y = a")
elementwise("abs", "y = abs(a)")
elementwise("square", "y = a**2")
elementwise("sqrt", "y = sqrt(a)")
elementwise("rsqrt", "y = 1/sqrt(a)")
elementwise("reciprocal", "y = 1/a")
elementwise("exp", "y = exp(a)", "y")
elementwise("tanh", "y = tanh(a)", "1 - y**2")
elementwise("exp2", "y = 2**a")
elementwise("log2", "y = log(a)/log(2)")
elementwise("log10", "y = log(a)/log(10)")
for name in words(
    "expm1 log log1p sin cos tan asin acos atan sinh cosh asinh acosh atanh erf erfinv lgamma "
    "digamma i0 floor ceil trunc sign isnan isinf isfinite"
):
    elementwise(name, f"y = {name}(a)")
elementwise("sgn", "y = sign(a)")
elementwise("erfc", "y = 1 - erf(a)")
elementwise("frac", "y = a - trunc(a)")
elementwise("deg2rad", "y = a*π/180")
elementwise("rad2deg", "y = a*180/π")
elementwise("sinc", "y = where(a == 0, 1, sin(π*a)/(π*a))")
elementwise("atan2", "y = atan2(a, b)")
elementwise("hypot", "y = sqrt(a**2 + b**2)")
elementwise("ldexp", "y = a*2**b")
elementwise("isposinf", "y = isinf(a) and a > 0")
elementwise("isneginf", "y = isinf(a) and a < 0")
elementwise("signbit", "y = a < 0")
elementwise("logaddexp2", "y = max(a, b) + log1p(2**(-abs(a - b)))/log(2)")
elementwise("special_xlog1py", "y = where(a == 0, 0, a*log1p(b))")
elementwise("isclose", "y = abs(a - b) <= t + r*abs(b) or a == b", t="atol", r="rtol")
elementwise("angle", "y = where(a < 0, π, 0)")
elementwise("entr special_entr", "y = where(a == 0, 0, -a*log(a))")
elementwise("logaddexp", "y = max(a, b) + log1p(exp(-abs(a - b)))")
elementwise("xlogy", "y = where(a == 0, 0, a*log(b))")
elementwise("maximum fmax", "y = max(a, b)")
elementwise("minimum fmin", "y = min(a, b)")
elementwise("copysign", "y = where(b < 0, -abs(a), abs(a))")
elementwise("heaviside", "y = where(a < 0, 0, a > 0, 1, b)", b="values")
elementwise("lerp", "y = a + w*(b - a)", b="end", w="weight")
elementwise("addcmul", "y = a + α*b*c", b="tensor1", c="tensor2", α="value")
elementwise("addcdiv", "y = a + α*b/c", b="tensor1", c="tensor2", α="value")
elementwise("eq", "y = a == b")
elementwise("ne", "y = a != b")
elementwise("lt", "y = a < b")
elementwise("le", "y = a <= b")
elementwise("gt", "y = a > b")
elementwise("ge", "y = a >= b")
elementwise("logical_not", "y = a == 0")
elementwise("logical_and", "y = a and b")
elementwise("logical_or", "y = a or b")
elementwise("logical_xor", "y = xor(a, b)")
elementwise("bitwise_and", "y = a & b")
elementwise("bitwise_or", "y = a | b")
elementwise("bitwise_xor", "y = a ^ b")
elementwise("bitwise_left_shift lshift", "y = a << b")
elementwise("bitwise_right_shift rshift", "y = a >> b")
elementwise("masked_fill", "y = where(m, v, a)", m="mask", v="value")


@explains("where")
class Where(Elementwise):
    """A choice between two, number by number."""

    text = "y = where(m, a, b)"
    letters: ClassVar[dict[str, str]] = {"m": "condition", "a": "input", "b": "other"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        if not isinstance(operation.arguments.get("condition"), Address) or "other" not in operation.arguments:
            raise NotExplained("where with one argument")
        super().__init__(operation, bench)


@explains("div")
class Division(Elementwise):
    """A quotient, rounded where that was asked for."""

    letters: ClassVar[dict[str, str]] = {"a": "input", "b": "other"}

    @property
    def text(self) -> str:  # type: ignore[override]
        mode = self.operation.arguments.get("rounding_mode")
        return f"y = {mode}(a/b)" if mode else "y = a/b"


@explains("round")
class Round(Elementwise):
    """To the nearest whole number, or to so many decimals; a half goes to the even one."""

    letters: ClassVar[dict[str, str]] = {"a": "input"}

    @property
    def text(self) -> str:  # type: ignore[override]
        decimals = self.operation.arguments.get("decimals") or 0
        return f"y = round(a*{10**decimals})/{10**decimals}" if decimals else "y = round(a)"


@explains("bitwise_not")
class Not(Elementwise):
    """The opposite of a truth value; of a whole number −1 − a."""

    letters: ClassVar[dict[str, str]] = {"a": "input"}

    @property
    def text(self) -> str:  # type: ignore[override]
        return (
            "y = a == 0"
            if self.operation.dtype.is_floating_point or str(self.operation.dtype) == "torch.bool"
            else "y = -1 - a"
        )


@explains("clamp", "clamp_min", "clamp_max")
class Clamp(Elementwise):
    """Kept within bounds; a number on a bound passes its gradient on."""

    letters: ClassVar[dict[str, str]] = {"a": "input", "lo": "min", "hi": "max"}

    @property
    def text(self) -> str:  # type: ignore[override]
        low, high = self.operation.arguments.get("min"), self.operation.arguments.get("max")
        tensors = isinstance(low, Address) or isinstance(high, Address)
        pairs = [("lo > hi", "hi")] * (low is not None and high is not None and tensors)
        pairs += [("a > hi", "hi")] * (high is not None)
        pairs += [("a < lo", "lo")] * (low is not None)
        return f"y = where({', '.join(part for pair in pairs for part in pair)}, a)"


@explains("nan_to_num")
class NanToNum(Elementwise):
    """NaN and infinities replaced by numbers."""

    text = "y = where(isnan(a), n, isinf(a) and a > 0, p, isinf(a), q, a)"
    letters: ClassVar[dict[str, str]] = {"a": "input"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        largest = float(np.finfo(str(operation.dtype).removeprefix("torch.")).max)
        fill = {"n": ("nan", 0.0), "p": ("posinf", largest), "q": ("neginf", -largest)}
        self.constants |= {letter: Number(self.option(name, default)) for letter, (name, default) in fill.items()}


@explains("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "native_dropout")
class Dropout(Elementwise):
    """Each number kept with probability 1 − p, and then divided by it; outside training nothing happens.

    m is what was drawn: 0 where the number is silenced, 1/(1 − p) where it is kept.
    """

    letters: ClassVar[dict[str, str]] = {"a": "input"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.text = "y = a*m" if operation.draws else "y = a"
        if operation.draws:
            self.tensors["m"] = bench.source(operation.draws[0])


@explains("alpha_dropout", "feature_alpha_dropout")
class AlphaDropout(Elementwise):
    """Dropout that keeps mean and variance behind SELU (Klambauer et al., 2017): m is 1 where the number is kept."""

    letters: ClassVar[dict[str, str]] = {"a": "input"}

    def __init__(self, operation: Operation, bench: Workbench) -> None:
        super().__init__(operation, bench)
        self.text = "y = c*(a*m + α*(m - 1) + α*p)" if operation.draws else "y = a"
        if operation.draws:
            p, alpha = float(self.option("p", 0.5)), 1.7580993408473766
            scale = 1 / ((alpha**2 * p + 1) * (1 - p)) ** 0.5 if p < 1 else 0.0
            self.tensors["m"] = bench.source(operation.draws[0])
            self.constants |= {"p": Number(p), "α": Number(alpha), "c": Number(scale)}
