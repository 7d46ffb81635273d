"""Pokémon of two types, told apart by their defences: the example of Hung-yi Lee's lecture on generative classifiers.

Of 800 rows those of the first type Water and Normal are taken, and of their columns Defense and Sp. Def. Numbers below
400 are the training part (79 and 61 rows; Mega forms are rows of their own), the others the test part.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, Split, fingerprint
from liuli.errors import UserError

FILE = RemoteFile(
    name="Pokemon.csv",
    size=44_028,
    sha256="02eabc49d3c70bc1e150891bdb9acb254910adfdfc12a6020c7b7117b2eca32f",
    urls=(
        "https://raw.githubusercontent.com/IshNjie/Statistical-Analysis-with-Python--Pokemon/"
        "d31ff4300b052bcfe09a35e9e89b45b4d79a177a/Pokemon.csv",
    ),
)
TYPES = ("Water", "Normal")
COLUMNS = ("Defense", "Sp. Def")
FIRST_TO_TEST = 400

FACTS = Facts(
    name="pokemon",
    variant="",
    sha256=fingerprint([FILE]),
    kind="table",
    form="",
    shape=(len(COLUMNS),),
    classes=TYPES,
    details={"columns": list(COLUMNS), "target": "Type 1"},
)


def load(folder: Path | None) -> Data:
    """140 training rows and 70 test rows of two numbers.

    Raises:
        UserError: the file is damaged.
    """
    assert folder is not None
    path = folder / FILE.name
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["Type 1"] in TYPES]
        later = [int(row["#"]) >= FIRST_TO_TEST for row in rows]
        inputs = np.array([[float(row[column]) for column in COLUMNS] for row in rows])  # (210, 2)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: is not a sound file of the Pokémon ({error}); get it again") from error
    targets = np.array([TYPES.index(row["Type 1"]) for row in rows], dtype=np.int64)
    test = np.array(later)
    return Data(FACTS, Split(inputs[~test], targets[~test]), Split(inputs[test], targets[test]))


DATA = DataSet(
    name="pokemon",
    title="Pokémon with stats",
    about="140 + 70 Pokémon of the types Water and Normal, 2 numbers, 2 classes",
    licence="CC0; A. Barradas",
    homepage="https://www.kaggle.com/datasets/abcsds/pokemon",
    files=(FILE,),
    load=load,
    instead="iris",
)
