"""Fashion-MNIST: pictures of garments from a shop's catalogue, in MNIST's format but harder.

Light on dark, fitted into 28×28 by the larger side and centred by the box, not by mass
(Xiao, Rasul & Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning, 2017).
"""

from __future__ import annotations

from functools import partial

from liuli.data import idx
from liuli.data.dataset import DataSet, Facts, fingerprint

FILES = idx.files(
    bases=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    sizes=(26_421_880, 29_515, 4_422_102, 5_148),
    sha256=(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)

FACTS = Facts(
    name="fashion-mnist",
    variant="",
    sha256=fingerprint(FILES),
    kind="image",
    form="garment",
    shape=(28, 28, 1),
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)

DATA = DataSet(
    name="fashion-mnist",
    title="Fashion-MNIST",
    about="60,000 + 10,000 garments, 28×28 grey, 10 classes",
    licence="MIT; Zalando SE (H. Xiao, K. Rasul, R. Vollgraf)",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    files=FILES,
    load=partial(idx.load, facts=FACTS),
)
