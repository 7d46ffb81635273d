"""Two species of iris, setosa and versicolor, which a plane separates; see `iris`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from liuli.data import bundled, iris
from liuli.data.dataset import Data, DataSet

FACTS = replace(iris.FACTS, name="iris-two", classes=iris.FACTS.classes[:2])


def load(folder: Path | None) -> Data:
    """80 training and 20 test flowers."""
    from liuli.data.order import hold_out, select

    flowers = bundled.table("iris", FACTS.sha256)
    return Data(FACTS, *hold_out(select(flowers, flowers.targets < 2), share=0.2, seed=0))


DATA = DataSet(
    name="iris-two",
    title="Iris flowers of two species",
    about="80 + 20 flowers, 4 numbers, 2 classes that a plane separates",
    licence=iris.DATA.licence,
    homepage=iris.DATA.homepage,
    files=(),
    load=load,
    instead="iris-two",
)
