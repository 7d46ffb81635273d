"""The hand-written engine learns to read: the loop in its docstring, run as it is printed there."""

import textwrap

import numpy as np
from sklearn.datasets import load_digits

import liuli.scratch
from liuli.scratch.losses import softmax_cross_entropy
from liuli.scratch.networks import MLP
from liuli.scratch.optimizers import Adam


def test_the_loop_in_the_docstring_learns_to_read_digits() -> None:
    digits = load_digits()
    small = digits.images.astype(np.float32) / 16  # (1797, 8, 8)
    large = np.pad(np.kron(small, np.ones((1, 3, 3), np.float32)), ((0, 0), (2, 2), (2, 2)))[
        :, None
    ]  # (1797, 1, 28, 28)
    text = liuli.scratch.__doc__
    assert text is not None
    loop = textwrap.dedent(text[text.index("    rng =") : text.index("`liuli train")])
    names = {
        "np": np, "MLP": MLP, "Adam": Adam, "softmax_cross_entropy": softmax_cross_entropy,
        "pictures": large[:1500], "labels": digits.target[:1500],
    }  # fmt: skip
    exec(loop, names)
    network = names["network"]
    assert isinstance(network, MLP)
    assert np.mean(names["answers"] == digits.target[:1500]) > 0.98
    unseen = network(large[1500:]).value.argmax(axis=1)
    assert np.mean(unseen == digits.target[1500:]) > 0.88
