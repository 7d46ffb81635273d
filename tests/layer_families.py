"""Operations that networks are built of, with drawn shapes and settings: see `operation_families`."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import nn

from liuli.explaining.explainer import words
from tests.traced_cases import Case, Draw, index, reduced, shape, size


def linear(draw: Draw) -> Case:
    lead, i, o, bias = draw(shape), draw(size), draw(size), draw(st.booleans())
    return Case(F.linear, ((*lead, i), (o, i), *([(o,)] if bias else [])))


def matmul(draw: Draw) -> Case:
    batch, i, k, j = draw(shape), draw(size), draw(size), draw(size)
    left, right = draw(
        st.sampled_from([((k,), (k,)), ((i, k), (k,)), ((k,), (k, j)), ((i, k), (k, j)), (0, 0), (1, 1)])
    )
    if left == 0:
        return Case(torch.matmul, ((*batch, i, k), (*reduced(draw, batch), k, j)))
    return Case(torch.bmm, ((2, i, k), (2, k, j))) if left == 1 else Case(torch.matmul, (left, right))


def einsum(draw: Draw) -> Case:
    a, b, c, d = (draw(size) for _ in range(4))
    letters = dict(zip("abcd", (a, b, c, d), strict=True))
    equation = draw(
        st.sampled_from(["ab,bc->ac", "abc,acd->bd", "ab,ab->", "aab->ab", "a,b->ab", "abc,c", "ab,b,bc->ca"])
    )
    operands = equation.partition("->")[0].split(",")
    shapes = tuple(tuple(letters[sign] for sign in operand) for operand in operands)
    return Case(lambda *tensors: torch.einsum(equation, *tensors), shapes)


def convolution(draw: Draw) -> Case:
    count, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    transposed, bias = draw(st.booleans()), draw(st.booleans())
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(count))
    stride = tuple(draw(st.integers(1, 2)) for _ in range(count))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(count))
    padding = tuple(draw(st.integers(0, 1)) * (k > 2) for k in kernel)
    sizes = tuple((k - 1) * d + 1 + draw(st.integers(0, 3)) for k, d in zip(kernel, dilation, strict=True))
    incoming, outgoing = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    weight = (incoming * groups, outgoing, *kernel) if transposed else (outgoing * groups, incoming, *kernel)
    settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if transposed and any(s > 1 for s in stride) and draw(st.booleans()):
        settings["output_padding"] = tuple(s - 1 for s in stride)
    if not transposed and set(stride) == {1} and draw(st.booleans()):
        settings["padding"] = "same"
    name = f"conv_transpose{count}d" if transposed else f"conv{count}d"
    batch = (draw(st.integers(1, 2)),)
    shapes = ((*batch, incoming * groups, *sizes), weight, *([(outgoing * groups,)] if bias else []))
    return Case(getattr(F, name), shapes, settings=settings)


def padded_convolution(draw: Draw) -> Case:
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    module = nn.Conv2d(1, 2, 3, padding=draw(st.integers(1, 2)), padding_mode=mode, stride=draw(st.integers(1, 2)))
    return Case(lambda x, w, b: module._conv_forward(x, w, b), ((1, 1, 4, 5), (2, 1, 3, 3), (2,)))


def embedding(draw: Draw) -> Case:
    rows, width, words = draw(st.integers(2, 5)), draw(size), index(draw(shape), 2)
    padding = draw(st.sampled_from([None, 0, -1]))
    return Case(lambda table, given: F.embedding(given, table, padding_idx=padding), ((rows, width),), others=(words,))


def embedding_bag(draw: Draw) -> Case:
    mode = draw(st.sampled_from(["sum", "mean", "max"]))
    words, offsets = index((6,), 4), torch.tensor(draw(st.sampled_from([[0, 2, 3], [0, 0, 4, 6]])))  # or empty ones
    return Case(lambda w, i, o: F.embedding_bag(i, w, o, mode=mode), ((4, draw(size)),), others=(words, offsets))


def pool(draw: Draw) -> Case:
    count = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "lp_pool"]))
    sizes = tuple(draw(st.integers(3, 6)) for _ in range(count))
    shapes = ((draw(st.integers(1, 2)), 2, *sizes),)
    if kind.startswith("adaptive"):
        return Case(getattr(F, f"{kind}{count}d"), shapes, settings={"output_size": draw(st.integers(1, 3))})
    settings: dict[str, Any] = {"kernel_size": draw(st.integers(2, 3)), "stride": draw(st.sampled_from([None, 1, 2]))}
    if kind == "lp_pool":
        return Case(
            getattr(F, f"{kind}{min(count, 2)}d"),
            (shapes[0][: min(count, 2) + 2],),
            True,
            settings={**settings, "norm_type": 3},
        )
    settings |= {"padding": draw(st.integers(0, 1)), "ceil_mode": draw(st.booleans())}
    if kind == "avg_pool":
        settings["count_include_pad"] = draw(st.booleans())
    return Case(getattr(F, f"{kind}{count}d"), shapes, settings=settings)


def interpolate(draw: Draw) -> Case:
    mode = draw(st.sampled_from(["nearest", "bilinear", "bicubic", "area", "nearest-exact"]))
    settings: dict[str, Any] = {"size": (draw(st.integers(2, 6)), draw(st.integers(2, 6))), "mode": mode}
    if mode in ("bilinear", "bicubic"):
        settings |= {"align_corners": draw(st.booleans()), "antialias": draw(st.booleans())}
        settings["align_corners"] &= not settings["antialias"]
    return Case(F.interpolate, ((1, 2, 3, 4),), settings=settings)


ACTIVATIONS = words(
    "relu relu6 sigmoid tanh gelu silu mish softplus elu selu celu leaky_relu hardtanh hardsigmoid "
    "hardswish hardshrink softshrink logsigmoid softsign tanhshrink threshold prelu rrelu glu"
)


def activation(draw: Draw) -> Case:
    name = draw(st.sampled_from(ACTIVATIONS))
    function = getattr(F, name)
    given = draw(shape)
    match name:
        case "threshold":
            return Case(function, (given,), settings={"threshold": 0.2, "value": -1.0})
        case "prelu":
            return Case(function, ((2, 3, *given), (draw(st.sampled_from([1, 3])),)))
        case "glu":
            return Case(function, ((*given, 4),))
        case "gelu":
            return Case(function, (given,), settings={"approximate": draw(st.sampled_from(["none", "tanh"]))})
        case _:
            return Case(function, (given,))


def softmax(draw: Draw) -> Case:
    given = draw(shape)
    name = draw(st.sampled_from(["softmax", "log_softmax", "logsumexp", "softmin"]))
    function = F.softmin if name == "softmin" else getattr(torch, name)
    return Case(function, (given,), settings={"dim": draw(st.integers(-len(given), len(given) - 1))})


def normalization(draw: Draw) -> Case:
    kind = draw(st.sampled_from(["batch", "kept", "layer", "instance", "group", "rms", "weight"]))
    n, c, inner = draw(st.integers(2, 3)), 4, draw(st.integers(2, 3))
    given = (n, c, inner, 2)
    match kind:
        case "batch":
            return Case(lambda x, g, b: F.batch_norm(x, None, None, g, b, True), (given, (c,), (c,)))
        case "kept":
            mean, variance = torch.rand(c), torch.rand(c) + 0.1
            return Case(lambda x, g, b: F.batch_norm(x, mean.to(x), variance.to(x), g, b), (given, (c,), (c,)))
        case "layer" | "rms":
            function = F.layer_norm if kind == "layer" else F.rms_norm
            last = given[draw(st.integers(1, 3)) :]
            scales = (last, last) if kind == "layer" else (last,)
            return Case(lambda x, *s: function(x, last, *s), (given, *scales))
        case "instance":
            return Case(lambda x, g, b: F.instance_norm(x, None, None, g, b), (given, (c,), (c,)))
        case "group":
            return Case(lambda x, g, b: F.group_norm(x, 2, g, b), (given, (c,), (c,)))
        case _:
            return Case(lambda v, g: torch._weight_norm(v, g, 0), ((c, 2, 3), (c, 1, 1)))


def attention(draw: Draw) -> Case:
    t, s, d, e = (draw(st.integers(1, 3)) for _ in range(4))
    causal = draw(st.booleans())
    shapes = ((2, 2, t, d), (2, 2, s, d), (2, 2, s, e), *([] if causal else [(t, s)]))
    return Case(F.scaled_dot_product_attention, shapes, settings={"is_causal": causal})


LOSSES = words(
    "mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits "
    "kl_div poisson_nll_loss cosine_similarity pairwise_distance"
)


def loss(draw: Draw) -> Case:
    name = draw(st.sampled_from(LOSSES))
    given = (draw(st.integers(2, 3)), draw(st.integers(1, 3)))
    settings = (
        {}
        if "_loss" not in name and name != "kl_div"
        else {"reduction": draw(st.sampled_from(["none", "sum", "mean"]))}
    )
    return Case(getattr(F, name), (given, given), positive=True, settings=settings)


def classification(draw: Draw) -> Case:
    n, classes = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    settings: dict[str, Any] = {"reduction": draw(st.sampled_from(["none", "sum", "mean"]))}
    kind = draw(st.sampled_from(["plain", "weight", "smooth", "ignore", "soft", "nll", "places"]))
    given: tuple[int, ...] = (n, classes, 2) if kind == "places" else (n, classes)
    labels = index((n, 2) if kind == "places" else (n,), classes)
    match kind:
        case "weight":
            return Case(
                lambda x, w, t: F.cross_entropy(x, t, w.detach().abs() + 0.1, **settings),
                (given, (classes,)),
                others=(labels,),
            )
        case "soft":
            return Case(lambda x, p: F.cross_entropy(x, p.softmax(1), **settings), (given, given))
        case "nll":
            return Case(lambda x, t: F.nll_loss(x, t, **settings), (given,), others=(labels,))
        case "smooth":
            settings["label_smoothing"] = 0.1
        case "ignore":
            labels[0] = 0
            settings["ignore_index"] = 0
            settings["reduction"] = draw(st.sampled_from(["none", "sum"]))
    return Case(lambda x, t: F.cross_entropy(x, t, **settings), (given,), others=(labels,))
