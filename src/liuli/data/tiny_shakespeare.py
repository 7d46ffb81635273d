"""tiny-shakespeare: a million characters of Shakespeare's plays, as Karpathy's char-rnn has them (2015).

The last tenth is held out to test on, as nanoGPT holds it out.
"""

from __future__ import annotations

from pathlib import Path

from liuli.data import plain_text, texts
from liuli.data.dataset import Data, DataSet, Facts, RemoteFile, fingerprint

FILE = RemoteFile(
    name="input.txt",
    size=1_115_394,
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    urls=("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",),
)

FACTS = Facts("tiny-shakespeare", "", fingerprint([FILE]), "text", "", (), ())


def load(folder: Path | None) -> Data:
    """Both parts, in pieces that follow one another."""
    assert folder is not None
    return texts.parted(plain_text.read(folder / FILE.name), FACTS)


DATA = DataSet(
    name="tiny-shakespeare",
    title="Tiny Shakespeare",
    about="1,003,854 + 111,540 characters of plays, 65 different ones",
    licence="public domain; W. Shakespeare, collected by A. Karpathy",
    homepage="https://github.com/karpathy/char-rnn",
    files=(FILE,),
    load=load,
)
