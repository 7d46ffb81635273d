"""Style transfer: Gram matrices, paintings, the pair of a user's own, and what is said of faulty ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from liuli import catalog
from liuli.data import own, photos, squeezenet, store
from liuli.errors import UserError
from liuli.models.generative import style_transfer
from liuli.tasks import painting
from liuli.training import fit
from tests.planted import first_wrong

SYSTEM = catalog.find("style-transfer")
TASK = SYSTEM.task


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a content and a style of 40 × 30, which are read as 32 × 32; three steps an epoch."""
    monkeypatch.setattr(photos, "SIDE", 32)
    monkeypatch.setattr(photos, "STEPS", 3)
    folder = tmp_path / "mine"
    folder.mkdir()
    dice = np.random.default_rng(0)
    for name in ("content.png", "Style.jpg"):
        Image.fromarray(dice.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(folder / name)
    return folder


def test_style_loss_is_equation_4_in_loops() -> None:
    maps = torch.randn(4, 3, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    flat = maps.flatten(2).tolist()  # the painting, a content, two styles

    def gram(picture: int, i: int, j: int) -> float:
        return sum(a * b for a, b in zip(flat[picture][i], flat[picture][j], strict=True))

    expected = [
        sum((gram(0, i, j) - gram(style, i, j)) ** 2 for i in range(3) for j in range(3)) / (4 * 3**2 * 10**2)
        for style in (2, 3)
    ]
    # of R = 1 + 2 B pictures the styles are the last B
    pictures = torch.cat([maps[:2], maps[1:2], maps[2:]])
    assert style_transfer.style_losses(pictures, 2).tolist() == pytest.approx(expected, rel=1e-12)


def test_places_do_not_matter_to_the_style() -> None:
    maps = torch.randn(3, 8, 4, 6, dtype=torch.float64)
    maps[2] = maps[0].flatten(1)[:, torch.randperm(24)].view(8, 4, 6)
    assert style_transfer.style_losses(maps, 1).item() == pytest.approx(0, abs=1e-20)


def other_rim(model: nn.Module) -> None:
    layer = model.fire4.expand3x3
    layer.padding, layer.forward = 0, lambda x: nn.functional.conv2d(nn.functional.pad(x, (0, 2, 0, 2)), layer.weight)


def red_first(model: nn.Module) -> None:
    model.mean.copy_(model.mean.flip(0))


def half_the_style(model: nn.Module) -> None:
    model.style_weight /= 2


@pytest.mark.parametrize(
    ("plant", "first"), [(other_rim, "fire4.expand3x3"), (red_first, "conv1"), (half_the_style, "forward")]
)
def test_a_fault_is_found_where_it_is(plant: Callable[[nn.Module], None], first: str) -> None:
    assert first_wrong("style-transfer", plant) == first


def test_only_the_painting_learns() -> None:
    assert [name for name, _ in SYSTEM.build().named_parameters()] == ["painting"]


def test_what_is_measured_is_what_is_saved() -> None:
    model, batch = SYSTEM.build(), TASK.draw(2)
    with torch.no_grad():
        model.painting.mul_(3).sub_(1)  # from −1 to 2
        output = TASK.respond(model, batch)
        model.painting.copy_(painting.as_bytes(model.painting) / 255)
        parts = model(*TASK.inputs(batch))
    assert torch.allclose(output[:, :3], parts, rtol=1e-5)
    assert torch.equal(painting.painting_of(output[0]).round().byte(), painting.as_bytes(model.painting))


def test_fall_is_the_content_beside_the_painting() -> None:
    model, batch = SYSTEM.build(), TASK.draw(1)
    with torch.no_grad():
        model.painting.copy_(batch[0][0] / 255)
        metrics = TASK.metrics(TASK.respond(model, batch), batch, TASK.drawn_facts())
    assert metrics["content"] == pytest.approx(0, abs=1e-6)
    assert metrics["fall"] == pytest.approx(1, rel=1e-5)


def test_a_picture_of_ones_own_is_painted_in_the_style_of_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(painting, "ANEW", 20)
    model, facts = SYSTEM.build().eval(), TASK.drawn_facts()
    before = model.painting.detach().clone()
    Image.new("RGB", (50, 60), "orange").save(tmp_path / "mine.png")
    example = TASK.read(tmp_path / "mine.png", facts, "mine.png")
    with torch.inference_mode():
        output: Tensor = TASK.respond(model, example.batch)[0]
    assert TASK.answer(output, facts)["fall"] > 1.2
    assert torch.equal(model.painting, before)
    assert model.painting.grad is None
    assert Image.open(TASK.save_answer(example, output, facts, tmp_path / "out.png")).size == (62, 62)


def test_a_pair_of_ones_own_is_trained_on(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squeezenet, "weights", dict)
    run = fit.train(
        "style-transfer", data=str(pair), epochs=2, device="cpu", out=tmp_path / "run", console=Console(quiet=True)
    )
    assert run.result is not None
    assert run.result["metrics"]["fall"] > 1
    assert sorted(file.name for file in run.figures_folder.rglob("painting*.png")) == [
        "painting-0001.png", "painting-0002.png", "painting.png",
    ]  # fmt: skip


def test_given_weights_reach_the_buffers_and_the_content_is_the_first_painting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"fire3.expand1x1.bias": np.arange(64, dtype=np.float32), "conv10.bias": np.zeros(1000, np.float32)}
    monkeypatch.setattr(squeezenet, "weights", lambda: given)
    model = SYSTEM.build()
    TASK.equip(model, TASK.drawn_facts())
    assert model.fire3.expand1x1.bias.tolist() == list(range(64))
    assert not model.painting.any()


def test_pair_is_read_whole(pair: Path) -> None:
    data = store.load(str(pair), kind="photograph")
    assert data.train.inputs.shape == data.train.targets.shape == (3, 32, 32, 3)
    assert data.facts.details["style"] == "Style.jpg"
    assert np.array_equal(data.test.inputs, data.train.inputs[:1])


def test_a_missing_or_a_second_picture_is_said(pair: Path) -> None:
    Image.new("RGB", (20, 20)).save(pair / "style.png")
    with pytest.raises(UserError, match=r"one picture called style, such as style.jpg; found Style.jpg, style.png"):
        own.load(pair, None, "photograph")
    (pair / "content.png").unlink()
    with pytest.raises(UserError, match=r"one picture called content, such as content.jpg; found none"):
        own.load(pair, None, "photograph")


def test_a_damaged_picture_is_said(pair: Path) -> None:
    (pair / "content.png").write_bytes((pair / "content.png").read_bytes()[:200])
    with pytest.raises(UserError, match=r"content.png: is damaged or cut short"):
        own.load(pair, None, "photograph")


def test_other_data_are_refused() -> None:
    with pytest.raises(UserError, match=r"digits: is data of kind image, expected two pictures"):
        TASK.options(store.load("digits").facts)


def test_a_damaged_style_is_said() -> None:
    facts = TASK.drawn_facts()
    facts.learnt["style"] = "AAAA"  # type: ignore[index]
    with pytest.raises(UserError, match=r"the style in learnt.json is missing or damaged; train the run again"):
        painting.unpacked(facts, "style")


def test_missing_and_wrong_weights_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIULI_DATA", str(tmp_path))
    monkeypatch.setenv("LIULI_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"squeezenet_v1.1.safetensors is not here; put .* into .*squeezenet"):
        squeezenet.weights()
    (tmp_path / "squeezenet").mkdir()
    (tmp_path / "squeezenet" / squeezenet.FILE.name).write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"has SHA-256 .* expected 8fe609414651…; copy it anew"):
        squeezenet.weights()
