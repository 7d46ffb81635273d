"""What the recorder knows of PyTorch's functions: which to pass over, what they are called, what they write to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Targets = list[tuple[Tensor, Tensor]]  # (the tensor whose content changes, the region of it that is written)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Properties that are views or aliases of the tensor; every other property is only asked about it.
_VIEWS = {"T", "H", "mT", "mH", "real", "imag", "data"}

# Methods that answer with something other than a tensor, or with the tensor itself, unchanged.
_QUESTIONS = _words(
    "size stride dim ndimension numel nelement element_size storage_offset is_contiguous data_ptr is_floating_point "
    "is_complex is_signed is_inference is_conj is_neg is_pinned is_shared get_device storage untyped_storage "
    "item tolist numpy backward register_hook retain_grad requires_grad_ detach_ share_memory_ pin_memory "
    "is_tensor is_storage is_nonzero result_type can_cast promote_types is_same_size is_set_to has_names _is_view "
    "__len__ __hash__ __repr__ __str__ __format__ __bool__ __float__ __int__ __index__ __complex__ __contains__ "
    "__array__ __array_wrap__ __dlpack__ __dlpack_device__ __reduce_ex__ __dir__ __setstate__ "
    "_assert_async _assert"
)

# One name for one meaning: a method, an operator, an in-place form and a synonym do the same.
_SYNONYMS = {
    "truediv": "div", "divide": "div", "true_divide": "div", "rtruediv": "rdiv", "floordiv": "floor_divide",
    "radd": "add", "rmul": "mul", "multiply": "mul", "subtract": "sub", "mod": "remainder", "negative": "neg",
    "invert": "bitwise_not", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "concat": "cat", "concatenate": "cat", "clip": "clamp", "absolute": "abs", "pos": "positive",
    "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne",
    "swapaxes": "transpose", "swapdims": "transpose", "moveaxis": "movedim", "arccos": "acos", "arcsin": "asin",
    "arctan": "atan", "arctan2": "atan2", "special_expit": "sigmoid", "special_erf": "erf", "fix": "trunc",
    "row_stack": "vstack", "column_stack": "hstack", "det": "linalg_det", "inverse": "linalg_inv", 
    "_weight_norm": "weight_norm", "_is_all_true": "all", "_is_any_true": "any",
}  # fmt: skip
_REVERSED_LOGIC = {"__rand__": "bitwise_and", "__ror__": "bitwise_or", "__rxor__": "bitwise_xor"}

_RANDOM = _words(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout native_dropout rrelu "
    "bernoulli multinomial normal rand randn randint randperm rand_like randn_like randint_like uniform exponential "
    "geometric log_normal cauchy random poisson binomial fractional_max_pool2d fractional_max_pool3d uniform_ "
    "xavier_uniform xavier_normal kaiming_uniform kaiming_normal trunc_normal"
)

# Element by element in exact arithmetic: what they gave need not be copied, as long as their operands are kept.
_REPEATABLE = _words("batch_norm add sub mul div relu relu6 hardtanh leaky_relu")

# Kernels that hide their numbers: `opened.py` has readable arithmetic for each.
OPENED = _words(
    "scaled_dot_product_attention rnn_tanh rnn_relu lstm gru rnn_tanh_cell rnn_relu_cell lstm_cell gru_cell"
)

_NORMS = {"batch_norm": "training", "instance_norm": "use_input_stats", "native_batch_norm": "training"}


@dataclass(slots=True, eq=False)
class Kind:
    """What is known of one function."""

    name: str  # canonical: 'add' for torch.add, Tensor.__add__, Tensor.add_ and +=
    function: str  # 'torch.Tensor.__add__'
    silent: bool = False  # nothing to record
    random: bool = False
    special: bool = False  # not run as it is: taken apart, or read another way
    simple: bool = True  # none of these, and it writes to nothing
    repeatable: bool = False  # cheap, and to the bit the same each time
    writes: Callable[[tuple[Any, ...], dict[str, Any]], Targets] | None = None


def kind_of(function: Callable[..., Any]) -> Kind:
    """Find out what `function`, as a function mode is handed it, is."""
    raw = getattr(function, "__name__", type(function).__name__)
    if raw in {"__get__", "__set__", "__delete__"}:
        return _property(raw, function.__self__.__name__)  # type: ignore[attr-defined]
    if isinstance(function, torch._ops.OpOverload):
        raw = function._schema.name.rpartition("::")[2]
        qualified = f"torch.ops.{function}"
    else:
        qualified = _qualified(function, raw)
    name = canonical(raw)
    special = function in TRANSPARENT or name in OPENED or name == "iter"
    kind = Kind(name, qualified, silent=raw in _QUESTIONS, random=name in _RANDOM, special=special)
    if not kind.silent:
        kind.writes = _writes(function, raw, name)
    kind.repeatable = name in _REPEATABLE
    kind.simple = not (kind.silent or kind.random or kind.special or kind.writes)
    return kind


def canonical(raw: str) -> str:
    """'__iadd__', 'add_' and '__radd__' are 'add'."""
    if raw in _REVERSED_LOGIC:
        return _REVERSED_LOGIC[raw]
    if raw.startswith("__") and raw.endswith("__"):
        name = raw[2:-2]
        if f"__{name}__" in _IN_PLACE_OPERATORS:
            name = name[1:]
    else:
        name = raw.rstrip("_") if not raw.startswith("_") else raw
    return _SYNONYMS.get(name, name)


_IN_PLACE_OPERATORS = {
    f"__i{name}__" for name in _words("add sub mul div truediv floordiv mod pow and or xor lshift rshift matmul")
}


def _qualified(function: Callable[..., Any], raw: str) -> str:
    module = getattr(function, "__module__", None)
    owner = getattr(function, "__objclass__", None)
    if owner is not None or module in {None, "torch._tensor"}:
        return f"torch.Tensor.{raw}"
    if module == "torch._C._nn":
        module = "torch.nn.functional"
    return f"{module.removesuffix('.functional') if module == 'torch.functional' else module}.{raw}"


def _property(accessor: str, name: str) -> Kind:
    function = f"torch.Tensor.{name}"
    if accessor == "__get__" and name in _VIEWS:
        return Kind(name, function)
    if accessor == "__set__" and name in _VIEWS:
        return Kind(f"set_{name}", function, simple=False, writes=lambda args, kwargs: [(args[0], args[0])])
    return Kind(name, function, silent=True, simple=False)


def _writes(
    function: Callable[..., Any], raw: str, name: str
) -> Callable[[tuple[Any, ...], dict[str, Any]], Targets] | None:
    """Which of its arguments the function writes to; None for one that never does (but for `out=`)."""
    if raw == "__setitem__":
        return lambda args, kwargs: [(args[0], _region(args[0], args[1]))]
    if raw in _IN_PLACE_OPERATORS or (raw.endswith("_") and not raw.endswith("__")):
        return lambda args, kwargs: _whole(args[0] if args else next(iter(kwargs.values()), None))
    if isinstance(function, torch._ops.OpOverload):
        names = [a.name for a in function._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
        every = [a.name for a in function._schema.arguments]
        return (lambda args, kwargs: _named(args, kwargs, every, names)) if names else None
    parameters = _parameters(function)
    if name in _NORMS:
        flag = _NORMS[name]
        order = parameters or ["input", "weight", "bias", "running_mean", "running_var", "training"]
        return lambda args, kwargs: (
            _named(args, kwargs, order, ["running_mean", "running_var"]) if _argument(args, kwargs, order, flag) else []
        )
    if "inplace" in parameters:
        return lambda args, kwargs: (
            _named(args, kwargs, parameters, parameters[:1]) if _argument(args, kwargs, parameters, "inplace") else []
        )
    if "max_norm" in parameters:
        return lambda args, kwargs: (
            _named(args, kwargs, parameters, ["weight"])
            if _argument(args, kwargs, parameters, "max_norm") is not None
            else []
        )
    return None


def outs(kwargs: dict[str, Any]) -> Targets:
    """The tensors given as `out=`."""
    return _whole(kwargs["out"])


def signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature of a function written in Python, also one that PyTorch chooses by a flag (`F.max_pool2d`)."""
    if not inspect.isfunction(function):
        return None
    try:
        return inspect.signature(torch._jit_internal.boolean_dispatched.get(function, {}).get("if_false", function))
    except ValueError:  # a shell around what is not written in Python, such as Tensor.__pow__
        return None


def _parameters(function: Callable[..., Any]) -> list[str]:
    found = signature(function)
    return list(found.parameters) if found is not None else []


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], order: list[str], name: str) -> Any:
    if name in kwargs:
        return kwargs[name]
    place = order.index(name) if name in order else len(args)
    return args[place] if place < len(args) else None


def _named(args: tuple[Any, ...], kwargs: dict[str, Any], order: list[str], names: list[str]) -> Targets:
    return [pair for name in names for pair in _whole(_argument(args, kwargs, order, name))]


def _whole(target: Any) -> Targets:
    if isinstance(target, Tensor):
        return [(target, target)]
    return [(item, item) for item in target if isinstance(item, Tensor)] if isinstance(target, (list, tuple)) else []


def _region(target: Tensor, index: Any) -> Tensor:
    """The part of `target` that `target[index] = …` writes to: all of it where the index is no plain one."""
    parts = index if isinstance(index, tuple) else (index,)
    plain = all(part is None or part is Ellipsis or type(part) in (int, slice) for part in parts)
    return target.detach()[index] if plain else target


def transparent(function: FunctionType) -> FunctionType:
    """The same function, with the same code, that no longer hands itself as a whole to a function mode.

    Run under a mode it shows what it does inside, in the very operations that it would run without one.
    """
    checks = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    names = {**function.__globals__, **dict.fromkeys(checks, _never)}
    opened = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    opened.__kwdefaults__ = function.__kwdefaults__
    return opened


def _never(*tensors: Any) -> bool:
    return False


# Functions written in Python whose parts mean more than the whole.
_COMPOSED: tuple[Any, ...] = (
    F.multi_head_attention_forward,
    F.gumbel_softmax,
    F.normalize,
    F.tanhshrink,
    F.softsign,
    F.softmin,
    F.local_response_norm,
    F.lp_pool1d,
    F.lp_pool2d,
)
TRANSPARENT: dict[Any, FunctionType] = {function: transparent(function) for function in _COMPOSED}
