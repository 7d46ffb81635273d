"""Pictures whose every pixel has a class: augmentation, CamVid's file, a user's own masks, answers of any size."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from liuli import cli
from liuli.catalog import find
from liuli.data import camvid, own, squeezenet, store
from liuli.data.dataset import Facts
from liuli.errors import UserError
from liuli.models.vision.fcn import FCN
from liuli.tasks import augmentation
from liuli.tasks import segmentation_figures as drawing
from tests.small_run import small_run

TASK = find("fcn").task
FACTS = Facts("streets", "", "", "picture", "photograph", (48, 64, 3), (*(f"c{i}" for i in range(11)), "unlabelled"))
DATA = os.environ.get("LIULI_DATA")


def png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


@pytest.mark.parametrize("stride", [32, 16, 8])
@pytest.mark.parametrize("size", [(48, 64), (45, 61), (33, 32), (9, 200)])
def test_scores_have_the_size_of_the_picture(stride: int, size: tuple[int, int]) -> None:
    assert FCN(classes=4, stride=stride)(torch.rand(1, 3, *size)).shape == (1, 4, *size)


def test_another_stride_is_refused() -> None:
    with pytest.raises(UserError, match=r"stride is 4, expected 32, 16 or 8"):
        find("fcn").build(stride=4)


def test_given_weights_reach_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"fire9.expand1x1.bias": np.arange(256, dtype=np.float32), "conv10.bias": np.zeros(1000, np.float32)}
    monkeypatch.setattr(squeezenet, "weights", lambda: given)
    model = FCN()
    TASK.equip(model, FACTS)
    assert model.fire9.expand1x1.bias.tolist() == list(range(256))
    assert model.fire9.expand1x1.bias.requires_grad


def test_picture_and_labels_move_together() -> None:
    torch.manual_seed(0)
    blocks = torch.randint(12, (20, 6, 8)).byte()
    labels = blocks.repeat_interleave(16, 1).repeat_interleave(16, 2)  # (20, 96, 128)
    pixels = (labels * 20)[:, None].expand(-1, 3, -1, -1)
    seen, named = augmentation.vary_scenes(pixels, labels)
    assert (seen.shape, named.shape, named.dtype) == (pixels.shape, labels.shape, torch.uint8)
    exact = (seen[:, 0] - named * 20).abs() < 0.1  # but where a pixel lies between two blocks
    assert exact.float().mean() > 0.85
    assert (seen[:, 0] - named * 20)[~exact].abs().max() <= 165, "a quarter or more of it"
    assert (named != labels).flatten(1).any(1).all()


def test_whole_windows_are_only_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "WINDOW", (1.0, 1.0))
    monkeypatch.setattr(augmentation, "WINDOW_ASPECT", 1.0)
    torch.manual_seed(0)
    pixels, labels = TASK.draw(30)
    seen, named = TASK.augment((pixels, labels))
    mirrored = (named == labels.flip(-1)).flatten(1).all(1)
    assert 5 < mirrored.sum() < 25
    assert torch.equal(named, torch.where(mirrored[:, None, None], labels.flip(-1), labels))
    expected = torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)
    torch.testing.assert_close(seen, expected.float(), rtol=0, atol=0.01)


def archive(folder: Path, spoil: Callable[[dict[str, bytes]], object] = lambda members: None) -> Path:
    """A tar in CamVid's form with two pictures of 6 × 4 in each part."""
    dice = np.random.default_rng(0)
    members = {}
    for part in ("train", "val", "test"):
        for stem in ("b", "a"):
            members[f"x/{part}/{stem}.jpg"] = png(dice.integers(0, 256, (4, 6, 3), np.uint8))
            members[f"x/{part}annot/{stem}.png"] = png(np.full((4, 6), 11 if stem == "a" else 3, np.uint8))
    spoil(members)
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / camvid.ARCHIVE.name, "w") as packed:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return folder


def test_camvid_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    data = camvid.load(archive(tmp_path))
    for split in data.splits().values():
        assert (split.inputs.shape, split.inputs.dtype) == ((2, 4, 6, 3), np.uint8)
        assert split.targets[:, 0, 0].tolist() == [11, 3]
    assert data.validation is not None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda members: members.pop("x/testannot/a.png"),
        lambda members: members.update({"x/val/a.jpg": b"no picture"}),
        lambda members: members.update({"x/val/a.jpg": members["x/val/a.jpg"][:60]}),
        lambda members: members.update({"x/val/a.jpg": png(np.zeros((5, 6, 3), np.uint8))}),
        lambda members: members.clear(),
    ],
    ids=["no mask", "no picture", "cut short", "another size", "nothing"],
)
def test_a_faulty_archive_is_said(tmp_path: Path, spoil: Callable[[dict[str, bytes]], object]) -> None:
    with pytest.raises(UserError, match=r"camvid_240x180.tar: is not a sound file of CamVid \(.+\); get it again"):
        camvid.load(archive(tmp_path, spoil))
    (tmp_path / camvid.ARCHIVE.name).write_bytes(b"no tar")
    with pytest.raises(UserError, match="is not a sound file of CamVid"):
        camvid.load(tmp_path)


def test_what_nobody_publishes_is_not_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIULI_DATA", str(tmp_path))
    for get in (store.load, store.fetch):
        with pytest.raises(UserError, match=r"put camvid_240x180.tar into .*camvid; nobody publishes that file$"):
            get("camvid")
    (tmp_path / "camvid").mkdir()
    (tmp_path / "camvid" / camvid.ARCHIVE.name).write_bytes(b"short")
    with pytest.raises(UserError, match=r"has 5 bytes, expected 16,203,264; copy it anew"):
        store.load("camvid")


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="LIULI_DATA is not set")
def test_the_real_camvid_is_segnets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path))
    data = store.load("camvid")
    assert {name: len(split) for name, split in data.splits().items()} == {"train": 367, "validation": 101, "test": 233}
    shares = np.bincount(data.train.targets.ravel(), minlength=12) / data.train.targets.size
    # counted in the 480 × 360 label maps of SegNet's training part
    assert shares[[0, 3, 2]] == pytest.approx([0.168, 0.318, 0.010], abs=0.002)


@pytest.fixture
def garden(tmp_path: Path) -> Path:
    """Ten pictures of 40 × 30 with masks: 0 and 2, of which the first is 'soil', and some 255."""
    folder = tmp_path / "garden"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    dice = np.random.default_rng(0)
    for number in range(10):
        labels = dice.choice([0, 2, 255], (30, 40), p=[0.6, 0.3, 0.1]).astype(np.uint8)
        Image.fromarray(dice.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(labels).save(folder / "masks" / f"{number}.png")
    (folder / "classes.txt").write_text("soil\nunlabelled\nleaf\n")
    return folder


def test_own_pictures_and_masks_are_read(garden: Path) -> None:
    data = store.load(str(garden), kind="picture")
    assert data.facts.classes == ("soil", "leaf", "unlabelled")
    assert data.facts.shape == (30, 40, 3)
    assert (len(data.train), len(data.test)) == (8, 2)
    for number in range(10):
        pixels = np.asarray(Image.open(garden / "images" / f"{number}.png"))
        mask = np.asarray(Image.open(garden / "masks" / f"{number}.png"))
        split = next(one for one in (data.train, data.test) if (one.inputs == pixels).all((1, 2, 3)).any())
        labels = split.targets[(split.inputs == pixels).all((1, 2, 3)).argmax()]
        assert np.array_equal(labels, np.select([mask == 0, mask == 2], [0, 1], 2))
    assert TASK.options(data.facts) == {"classes": 2}


def test_own_pictures_of_many_sizes_become_one(garden: Path) -> None:
    for number in range(6):
        for folder in ("images", "masks"):
            file = garden / folder / f"{number}.png"
            Image.open(file).resize((800, 600), Image.Resampling.NEAREST).save(file)
    (garden / "classes.txt").unlink()
    data = store.load(str(garden), kind="picture")
    assert data.facts.shape == (240, 320, 3), "no more than fit the room"
    assert data.facts.classes == ("class 0", "class 1", "class 2", "unlabelled")
    assert set(np.unique(data.train.targets)) == {0, 2, 3}


def spoilt(garden: Path, file: str, content: bytes | str | None) -> None:
    if content is None:
        (garden / file).unlink()
    elif isinstance(content, str):
        (garden / file).write_text(content)
    else:
        (garden / file).write_bytes(content)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("masks/3.png", None, r"images/3.png: has no mask, expected .*masks/3.png"),
        ("images/3.png", None, r"masks/3.png: is the mask of no picture"),
        ("masks/3.png", b"", r"masks/3.png: is empty"),
        ("images/3.png", b"text", r"images/3.png: holds text, expected a picture"),
        ("masks/3.png", png(np.zeros((30, 40, 3), np.uint8)), r"masks/3.png: is a picture in mode RGB, expected an 8"),
        ("masks/3.png", png(np.zeros((30, 41), np.uint8)), r"3.png: has 41 × 30 pixels, expected 40 × 30 as 3.png"),
        ("masks/3.png", png(np.full((30, 40), 3, np.uint8)), r"masks/3.png: has the number 3, expected 0 to 2"),
        ("classes.txt", "a\n\nb\n", r"classes.txt, line 2: is empty, expected the name of class 1"),
        ("classes.txt", "a\nb\na\n", r"classes.txt, line 3: 'a' stands there twice"),
        ("classes.txt", "a\nunlabelled\n", r"classes.txt: names 2 classes, expected"),
        ("classes.txt", b"a\n\xff\xfe", r"classes.txt, line 2: is no text in UTF-8"),
    ],
)
def test_faulty_masks_are_refused_in_one_sentence(garden: Path, file: str, content: bytes, sentence: str) -> None:
    spoilt(garden, file, content)
    with pytest.raises(UserError, match=sentence):
        own.load(garden, None, "picture")


def test_too_few_pictures_and_too_few_classes_are_said(garden: Path) -> None:
    (garden / "classes.txt").unlink()
    for number in range(10):
        Image.new("L", (40, 30), 255 * (number % 2)).save(garden / "masks" / f"{number}.png")
    with pytest.raises(UserError, match=r"masks: its masks hold no number but 0 and 255"):
        own.load(garden, None, "picture")
    for number in range(2, 10):
        spoilt(garden, f"images/{number}.png", None)
        spoilt(garden, f"masks/{number}.png", None)
    with pytest.raises(UserError, match=r"garden: holds 2 pictures with masks, expected 3 or more"):
        own.load(garden, None, "picture")


def test_other_data_are_refused() -> None:
    with pytest.raises(UserError, match=r"digits: holds image data, .* give --data a folder with images/ and masks/"):
        TASK.options(store.load("digits").facts)


def test_a_photograph_is_answered_for_in_its_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small_run(tmp_path / "runs" / "small", "fcn", FACTS)
    Image.linear_gradient("L").resize((90, 200)).save("tall.png")
    Image.linear_gradient("L").resize((3200, 300)).save("wide.jpg")
    assert cli.run(["predict", "small", "tall.png", "wide.jpg", "--json"]) == 0
    tall, wide = json.loads(capsys.readouterr().out)
    for answer, size, seen in ((tall, (90, 200), (37, 83)), (wide, (1600, 150), (181, 17))):
        with Image.open(answer["values"]) as values:
            assert (values.mode, values.size) == ("P", size)
            counts = np.bincount(np.asarray(values).ravel(), minlength=11) / (size[0] * size[1])
            assert values.getpalette()[:33] == drawing.colours(11).ravel().tolist()
        assert list(answer["shares"].values()) == pytest.approx(counts.tolist())
        largest = max(answer["shares"], key=answer["shares"].get)
        assert answer["answer"].startswith(f"{largest} {answer['shares'][largest]:.0%}")
        with Image.open(answer["seen"]) as shown:
            assert shown.size == (2 * seen[0], 2 * seen[1]), "as many pixels as it has learnt from"
        assert Path(answer["picture"]).is_file()
    assert cli.run(["predict", "small", "tall.png"]) == 0
    assert "as numbers: " in capsys.readouterr().out


def test_every_class_has_a_colour_of_its_own() -> None:
    assert len(np.unique(drawing.colours(40), axis=0)) == 40
    painted = drawing.painted(np.array([[0, 3, 255]], np.uint8), 4)
    assert painted[0, 2].tolist() == drawing.WHITE.tolist()
