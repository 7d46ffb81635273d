"""MNIST: digits written by American census employees and high-school students, scanned by NIST.

Each was brought into a 20×20 box by its larger side, grey at the edges from that, and set into 28×28 by
its centre of mass (LeCun, Bottou, Bengio & Haffner, 1998, section III-A). Light strokes on dark.
"""

from __future__ import annotations

from functools import partial

from liuli.data import idx
from liuli.data.dataset import DataSet, Facts, fingerprint

FILES = idx.files(
    bases=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    sizes=(9_912_422, 28_881, 1_648_877, 4_542),
    sha256=(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)

FACTS = Facts(
    name="mnist",
    variant="",
    sha256=fingerprint(FILES),
    kind="image",
    form="handwriting",
    shape=(28, 28, 1),
    classes=tuple("0123456789"),
)

DATA = DataSet(
    name="mnist",
    title="MNIST handwritten digits",
    about="60,000 + 10,000 written digits, 28×28 grey, 10 classes",
    licence="CC BY-SA 3.0; Y. LeCun, C. Cortes, C. Burges",
    homepage="http://yann.lecun.com/exdb/mnist/",
    files=FILES,
    load=partial(idx.load, facts=FACTS),
)
