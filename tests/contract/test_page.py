"""The page of a record: one file that asks nothing, whatever the module; and how one asks for it."""

import gzip
import json
import re
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import liuli
from liuli.catalog import find, listings
from liuli.cli import run
from liuli.errors import UserError
from liuli.lab import page as pages
from liuli.lab import sampling, showing
from liuli.lab.manifest import spelled
from liuli.lab.page import built, page
from liuli.lab.statistics import described, described_quickly
from liuli.lab.subjects import of_module
from tests.small_run import seven, small_run


class Net(nn.Module):
    """Convolution, norm and attention in little."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, pictures: Tensor) -> Tensor:
        words = self.norm(self.convolution(pictures).relu().flatten(2))
        return self.attention(words, words, words)[0]


def told(html: str) -> Any:
    """The manifest in a page."""
    found = re.search(r'id="manifest">([^<]*)<', html)
    assert found
    return json.loads(zlib.decompress(b64decode(found[1])))


def of_net(**settings: object) -> str:
    torch.manual_seed(0)
    return page(*of_module(Net(), torch.randn(1, 1, 4, 4), **settings))


def test_the_file_asks_for_nothing() -> None:
    html = of_net()
    assert "default-src 'none'" in html
    addresses = set(re.findall(r"https?://[\w./-]+", html))
    # Names of notations, and where the text of an error is explained: nothing that is asked for.
    assert {one for one in addresses if not re.match(r"http://www\.w3\.org/|https://svelte\.dev/e/", one)} == set()
    assert not re.search(r"<(link|img|iframe|script)[^>]+(src|href)=", html)


def test_script_and_style_are_small() -> None:
    assert len(gzip.compress(built("page.html").encode())) < 150_000
    assert len(gzip.compress(built("widget.js").encode())) < 150_000


def test_nothing_that_a_user_names_becomes_markup() -> None:
    title = "</script><b>bold</b>"
    html = of_net(title=title)
    assert title not in html
    assert told(html)["title"] == title


def test_every_operation_is_explained_in_the_file() -> None:
    kinds = {template["kind"] for outputs in told(of_net())["templates"] for template in outputs}
    assert {"relation", "rows", "each"} <= kinds <= {"relation", "rows", "each", "window", "numbers"}


def test_what_is_too_large_is_sampled_and_one_way_stays_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "LARGEST", 2_000)
    found = told(of_net())
    left_out = [value for value in found["values"] if "data" not in value]
    assert left_out
    assert all("sample" in value for value in left_out)
    way = [key.split(" ")[1] for key in found["way"] if key.startswith("forward")]
    assert way[0] == found["outputs"][0]
    assert found["inputs"][0] in way


def test_a_page_that_was_not_built_says_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "files", lambda _: tmp_path)
    with pytest.raises(UserError, match=r"pip install -e \."):
        built("page.html")


# Asking for it.


def test_explain_writes_beside_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, picture = small_run(tmp_path / "run").folder, seven(tmp_path / "my seven.png")
    assert run(["explain", str(folder), str(picture), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert Path(said["page"]) == folder / "explanations" / "my seven.html"
    assert said["bytes"] == Path(said["page"]).stat().st_size < 5_000_000
    found = told(Path(said["page"]).read_text(encoding="utf-8"))
    assert found["answer"]["text"] == said["answer"]
    assert found["notes"] == [["note.answer", {"answer": said["answer"]}]]
    assert all(value["gradient"] for value in found["values"] if value["origin"] == "parameter")

    target = tmp_path / "new" / "page.html"
    assert run(["explain", str(folder), str(picture), "--out", str(target), "--no-open"]) == 0
    assert target.is_file()


OWN = """
import torch
from torch import nn

class Mine(nn.Module):
    def forward(self, x):
        return x.view(1, -1).relu() @ torch.ones(12, 2)

def module(): return Mine()
def both(): return Mine(), torch.randn(3, 4)
def number(): return 3
def failing(): raise ValueError("no luck\\nat all")
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("def module(:\n")
    (tmp_path / "text.npy").write_text("numbers")
    (tmp_path / "words.json").write_text('["a", "b"]')
    (tmp_path / "picture.png").write_text("no picture")
    np.save(tmp_path / "x.npy", np.ones((3, 4), np.float32))
    (tmp_path / "x.json").write_text(json.dumps(np.ones((3, 4)).tolist()))
    return tmp_path


@pytest.mark.parametrize("given", [["both"], ["module", "--input", "x.npy"], ["module", "--input", "x.json"]])
def test_a_module_of_ones_own(own: Path, given: list[str]) -> None:
    assert run(["explain", f"mine.py:{given[0]}", *given[1:], "--no-open"]) == 0
    found = told((own / "Mine.html").read_text(encoding="utf-8"))
    assert found["title"] == "Mine"
    assert found["notes"] == [["note.sum", {}]]
    assert found["sources"][0]["lines"][0] == "def forward(self, x):"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.py:module"], "nowhere.py: no such file"),
        (["mine.py:modul"], "did you mean 'module'?"),
        (["mine.py:number"], "expected a torch.nn.Module"),
        (["mine.py:failing"], "mine.py:12: ValueError: no luck"),
        (["broken.py:module"], "broken.py:1: SyntaxError"),
        (["mine.py:module"], "give one with --input"),
        (["mine.py:module", "--input", "shape=3,5"], "mine.py:7: RuntimeError"),
        (["mine.py:module", "--input", "shape=3,x"], "such as shape=1,3,32,32"),
        (["mine.py:module", "--input", "none.npy"], "none.npy: no such file"),
        (["mine.py:module", "--input", "text.npy"], "text.npy: cannot be read as .npy"),
        (["mine.py:module", "--input", "words.json"], "words.json: cannot be read as .json"),
        (["mine.py:module", "--input", "picture.png"], "picture.png: cannot be read as .png"),
        (["mine.py:module", "--input", "mine.py"], "expected a .npy, .json or picture"),
        (["both.html/run"], "no run is found"),
    ],
)
def test_a_mistake_is_one_sentence(
    own: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["explain", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_show_opens_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(showing.webbrowser, "open", opened.append)
    path = liuli.show(nn.Linear(2, 3), torch.randn(1, 2))
    assert opened == [path.as_uri()]
    assert told(path.read_text(encoding="utf-8"))["title"] == "Linear"
    path.unlink()
    path.parent.rmdir()


def test_show_wants_a_module() -> None:
    with pytest.raises(UserError, match=r"expected a torch\.nn\.Module"):
        liuli.show(3, torch.ones(1))  # type: ignore[arg-type]


def test_a_notebook_is_told_what_it_asks() -> None:
    notebook = pytest.importorskip("liuli.lab.notebook")
    record, subject = of_module(nn.Linear(2, 3), torch.ones(1, 2))
    widget = notebook.Widget(record, subject)
    sent: list[tuple[Any, list[bytes]]] = []
    widget.send = lambda content, buffers=(): sent.append((content, list(buffers)))
    ask = {"record": 0, "address": record.outputs[0].address, "gradient": False, "start": 1, "count": 2}
    widget.asked(widget, {"id": 7, "ask": "slice", **ask}, [])
    widget.asked(widget, {"id": 8, "ask": "explain", **ask, "index": 1, "direction": "forward"}, [])
    (sliced, buffers), (explained, _) = sent
    assert sliced == {"id": 7, "type": "f4"}
    assert np.frombuffer(buffers[0], "<f4").tolist() == record.outputs[0].tensor[0, 1:].tolist()
    assert explained["id"] == 8
    assert explained["captured"] == pytest.approx(float(record.outputs[0].tensor[0, 1]))
    assert set(explained["parts"][0]["letters"]) == {"W", "x", "b"}
    assert json.dumps(widget.manifest)


def test_what_would_make_a_page_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2))
    whole = told(page(*of_module(network, torch.rand(1, 1, 32, 32))))
    monkeypatch.setattr("liuli.lab.manifest.MOST", 0)
    less = told(page(*of_module(network, torch.rand(1, 1, 32, 32))))
    kinds = [{one["kind"] for told in made["templates"] for one in told} for made in (whole, less)]
    assert {"rows", "window"} <= kinds[0]
    assert kinds[1] <= {"relation", "none"}


@pytest.mark.parametrize(
    ("numbers", "mean", "deviation"),
    [
        ([1e20] * 3, 1e20, 0.0),
        ([-3.4028234663852886e38] * 2, -3.4028234663852886e38, 0.0),
        ([1e308] * 4, 1e308, 0.0),
        ([1e308, -1e308], 0.0, 1e308),
        ([1.7976931348623157e308], 1.7976931348623157e308, 0.0),
        ([2.0**63, 2.0**63 - 2048], 2.0**63 - 1024, 1024.0),
        ([5e-324], 5e-324, 0.0),
        ([0.0, 0.0], 0.0, 0.0),
        ([0.1, 0.2, 0.4, -3.7], float(np.mean([0.1, 0.2, 0.4, -3.7])), float(np.std([0.1, 0.2, 0.4, -3.7]))),
    ],
)
def test_numbers_of_any_magnitude_are_described(numbers: list[float], mean: float, deviation: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        facts, counts = described(torch.tensor(numbers, dtype=torch.float64))
    assert (facts["mean"], facts["deviation"]) == (mean, deviation)
    assert (facts["minimum"], facts["maximum"]) == (min(numbers), max(numbers))
    assert facts["strongest"] == np.abs(numbers).argmax()
    assert sum(counts) == len(numbers)
    assert len(counts) == 32


@pytest.mark.parametrize(
    "numbers",
    [
        torch.randn(20_000, generator=torch.Generator().manual_seed(0)),
        1e6 + torch.rand(100_000, generator=torch.Generator().manual_seed(1)),
        torch.randn(300, 300, generator=torch.Generator().manual_seed(2)).clamp(min=0).T,
        torch.randn(20_000, generator=torch.Generator().manual_seed(3)).mul(6).exp(),
        torch.arange(32_000).remainder(32).float() / 31,
    ],
    ids=["normal", "far from zero", "many zeros", "of many magnitudes", "on the borders of bins"],
)
def test_many_numbers_are_described_as_few_are(numbers: torch.Tensor) -> None:
    facts, counts = described(numbers)
    assert (facts, counts) == described_quickly(numbers), "the quick way was taken"
    plain = numbers.double().numpy().ravel()
    assert facts["count"] == facts["finite"] == plain.size
    assert (facts["minimum"], facts["maximum"], facts["zeros"]) == (plain.min(), plain.max(), (plain == 0).sum())
    assert facts["strongest"] == np.abs(plain).argmax()
    assert (facts["mean"], facts["deviation"]) == pytest.approx((plain.mean(), plain.std()), rel=1e-9)
    expected, edges = np.histogram(plain, 32)
    border = 1e-6 * np.ptp(plain)  # what float32 cannot tell from the border of two bins
    doubtful = sum(int((np.abs(plain - edge) <= border).sum()) for edge in edges)
    assert sum(counts) == plain.size
    assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() <= doubtful


@pytest.mark.parametrize("odd", [torch.nan, torch.inf, -torch.inf, 3e38])
def test_what_is_no_number_or_too_large_for_the_quick_way_is_described_too(odd: float) -> None:
    numbers = torch.cat([torch.arange(20_000.0), torch.tensor([odd, -odd])])
    facts, counts = described(numbers)
    assert described_quickly(numbers) is None
    assert facts["finite"] == sum(counts) == (20_002 if odd == 3e38 else 20_000)


def test_numbers_that_differ_by_a_rounding_error_have_a_histogram() -> None:
    _, counts = described(torch.tensor([1 / 3, 1 - 2 / 3], dtype=torch.float64))
    assert sum(counts) == 2


def test_the_largest_whole_number_is_described() -> None:
    facts, counts = described(torch.full((3,), 2**63 - 1))
    assert facts["maximum"] == 2.0**63
    assert sum(counts) == 3


class Huge(nn.Module):
    """A mask of the lowest number, and a constant of many numbers."""

    def forward(self, x: Tensor) -> Tensor:
        many = torch.tensor(tuple(float(place) for place in range(5_000)))
        return x.masked_fill(x > 0, torch.finfo(x.dtype).min) + many.sum()


def test_every_note_on_a_page_has_its_words() -> None:
    words = json.loads((Path(__file__).parents[2] / "web/src/i18n/en.json").read_text())
    assert {find(name).task.doubted for name in listings()} <= words.keys()


def test_huge_constants_fit_into_a_page() -> None:
    told_of = told(page(*of_module(Huge(), torch.ones(3))))
    lowest = [
        one for one in told_of["values"] if one.get("statistics", {}).get("maximum") == torch.finfo(torch.float32).min
    ]
    assert lowest
    assert max(len(text) for one in told_of["operations"] for text in one["arguments"].values()) == 300
    assert len(spelled(tuple(range(100_000)))) == 300
    assert spelled((1, "a", None)) == "(1, 'a', None)"
    assert spelled(10**5_000) == spelled((10**5_000,)) == "…"
