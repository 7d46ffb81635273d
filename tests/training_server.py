"""Imported once by the server that training children are forked from: makes what each of them would make anew.

Bringing the embedded digits into MNIST's form takes as long as the short trainings of the tests.
"""

import numpy as np
from numpy.typing import NDArray

from liuli.data import store
from liuli.tasks import pictures

data = store.load("digits")
small = np.concatenate([data.train.inputs, data.test.inputs]).astype(np.uint8)
made = {before.tobytes(): after for before, after in zip(small, pictures.small_digits(small), strict=True)}


def looked_up(inputs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What `pictures.small_digits` gives, from memory."""
    found = [made[picture.tobytes()] for picture in inputs]
    return np.array(found, np.uint8).reshape(len(inputs), *next(iter(made.values())).shape)


pictures.small_digits = looked_up
