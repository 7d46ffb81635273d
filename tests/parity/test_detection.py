"""The five-part loss against loops, average precision against one's own counting, and faults that are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from liuli import catalog, checking
from liuli.explaining import explain
from liuli.lab import subjects
from liuli.oracles import yolo_v1 as loops
from liuli.oracles.nms import iou
from liuli.tasks import box_measures, detection
from liuli.tasks.detection import Detection, loss_parts
from liuli.tracing import trace
from tests.planted import first_wrong


def grids(count: int, side: int, things: int, seed: int) -> tuple[Tensor, Tensor]:
    """An output of a network and a truth with some empty rows, both at random; cells with several things among them."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.randn(count, side, side, 14, generator=generator, dtype=torch.float64)
    middle, sides = torch.rand(2, count, things, 2, generator=generator, dtype=torch.float64)
    boxes = torch.cat([middle - sides / 4, middle + sides / 4], -1)
    classes = torch.randint(-1, 4, (count, things, 1), generator=generator)
    return grid, torch.cat([classes, boxes], -1)


@pytest.mark.parametrize(("side", "things"), [(1, 1), (2, 6), (4, 3), (7, 20)])
def test_the_loss_and_its_gradient_are_those_of_the_paper(side: int, things: int) -> None:
    grid, truth = grids(3, side, things, seed=side)
    grid.requires_grad_()
    loss = loss_parts(grid, truth).sum(1).mean()
    loss.backward()
    expected, slope = loops.loss(grid.detach().numpy(), truth.numpy())
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert np.allclose(grid.grad, slope, rtol=0, atol=1e-12)


def test_a_picture_without_things_only_has_empty_cells() -> None:
    grid, truth = grids(2, 4, 3, seed=0)
    truth[..., 0] = -1
    parts = loss_parts(grid, truth)
    assert parts[:, [0, 1, 2, 4]].eq(0).all()
    confidence = grid[..., [4, 9]]
    assert torch.allclose(parts[:, 3], 0.5 * confidence.square().sum((1, 2, 3)))


def test_the_five_parts_have_names_in_every_tally() -> None:
    task, model = Detection(), catalog.find("yolo-v1").build()
    outcome = task.outcome(model.eval(), task.draw(3))
    tally = task.tally(outcome.output.detach(), task.draw(3))
    assert list(tally) == ["centre", "size", "object", "empty", "class"]
    assert float(sum(tally.values())) / 3 == pytest.approx(outcome.loss.item(), rel=1e-5)


class Taught(nn.Module):
    """A network with its loss, to be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.task = Detection()
        self.network = catalog.find("yolo-v1").build().eval()
        self.batch = self.task.draw(1)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.task.outcome(lambda _: self.network(pictures), self.batch).loss


def test_a_record_holds_every_part_by_its_name() -> None:
    taught = Taught()
    record = trace(taught, *taught.task.inputs(taught.batch))
    parts = [record.find(name)[-1] for name in ("centre", "size", "objects", "empty", "classes")]
    expected = loss_parts(taught.network(*taught.task.inputs(taught.batch)), taught.batch[1])
    assert [part.tensor.item() for part in parts] == pytest.approx(expected[0].tolist(), rel=1e-5)
    for part in parts:
        assert explain(record, part, (0,)).residual == pytest.approx(0, abs=1e-5)
        assert part.grad is not None, "the loss hangs on it"


def own_truth(grid: np.ndarray) -> np.ndarray:
    """Of one picture's grid (S, S, 10 + C) the box that each cell shows, its surest: class, or −1, and corners."""
    side, said = len(grid), []
    for row, column in np.ndindex(side, side):
        numbers = grid[row, column]
        sure, label, box = max(
            (
                (np.clip(numbers[5 * box + 4], 0, 1) * np.clip(numbers[10 + label], 0, 1), label, box)
                for box in range(2)
                for label in range(len(numbers) - 10)
            ),
            key=lambda one: one[0],
        )
        x, y, root_width, root_height = numbers[5 * box : 5 * box + 4]
        middle, half = (np.array([column + x, row + y]) / side, np.array([root_width, root_height]) ** 2 / 2)
        corners = np.clip(np.concatenate([middle - half, middle + half]), 0, 1)
        said.append([label if sure >= detection.SHOWN else -1, *corners])
    return np.array([said])


@pytest.mark.parametrize("seed", range(4))
def test_an_answer_that_nobody_judged_has_the_loss_of_being_right(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    grid = torch.rand(1, 4, 4, 14, generator=generator, dtype=torch.float64) * 0.8
    grid.requires_grad_()
    loss = Detection().doubt(grid)
    loss.backward()
    truth = own_truth(grid.detach().numpy()[0])
    assert {-1} < set(truth[0, :, 0]), "some cells show something, some nothing"
    expected, slope = loops.loss(grid.detach().numpy(), truth)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert np.allclose(grid.grad, slope, rtol=0, atol=1e-12)


def test_the_parts_of_the_loss_stand_in_the_record_of_an_answer() -> None:
    record, _ = subjects.of_system("yolo-v1")
    parts = [record.find(name, module="(loss)")[-1] for name in ("centre", "size", "objects", "empty", "classes")]
    assert record.loss is not None
    assert sum(part.tensor.item() for part in parts) == pytest.approx(record.loss.tensor.item(), rel=1e-5)
    for part in parts:
        assert explain(record, part, (0,)).residual == pytest.approx(0, abs=1e-5)


def rooted_twice(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The loss of w and h themselves, not of their roots."""

    def faulty(grid: Tensor, boxes: Tensor) -> Tensor:
        squared = grid.clone()
        squared[..., [2, 3, 7, 8]] = grid[..., [2, 3, 7, 8]].square()
        return plain(squared, boxes)

    return faulty


def weights_swapped(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """λnoobj where none belongs."""
    return lambda grid, boxes: plain(grid, boxes) * torch.tensor([1, 1, 0.5, 2, 1])


Loss = Callable[..., Tensor]


@pytest.mark.parametrize("plant", [rooted_twice, weights_swapped])
def test_a_fault_in_the_loss_is_found(plant: Callable[[Loss], Loss], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "loss_parts", plant(loss_parts))
    wrong = [one.name for one in checking.check("yolo-v1") if one.verdict != "OK"]
    assert wrong[0] == "loss"
    assert "gradient of output" in wrong


def test_a_fault_in_the_network_is_found() -> None:
    def blur(model: nn.Module) -> None:
        model.norm.eps = 0.1

    assert first_wrong("yolo-v1", blur) == "norm"


def average_precision(answers: list[tuple[int, float, list[float]]], truth: list[list[list[float]]]) -> float:
    """COCO's, counted by hand for one class: answers are (picture, score, corners), truth corners by picture."""
    taken, hits = [set() for _ in truth], []
    for picture, _, corners in sorted(answers, key=lambda one: -one[1]):
        overlaps = [(iou(np.array(corners), np.array(one)), k) for k, one in enumerate(truth[picture])]
        free = [pair for pair in overlaps if pair[1] not in taken[picture] and pair[0] >= 0.5]
        hits.append(bool(free))
        if free:
            taken[picture].add(max(free)[1])
    right = np.cumsum(hits)
    precision, recall = right / np.arange(1, len(hits) + 1), right / sum(map(len, truth))
    best = [max((p for p, r in zip(precision, recall, strict=True) if r >= level), default=0) for level in LEVELS]
    return float(np.mean(best))


LEVELS = np.linspace(0, 1, 101)


def test_average_precision_is_what_one_counts_oneself(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    corner = random.uniform(0, 300, (6, 8, 2))
    truth = np.concatenate([random.integers(0, 2, (6, 8, 1)), corner, corner + random.uniform(30, 60, (6, 8, 2))], -1)
    truth[0, 5:, 0] = -1
    moved = truth[..., 1:] + random.normal(0, 6, (6, 8, 4))
    score = random.uniform(0.1, 1, (6, 8, 1))
    answers = np.concatenate([truth[..., :1], score, moved], -1)
    answers = np.concatenate([answers, answers[:, :3] + [0, -0.05, 3, 3, 3, 3]], 1)  # doubles
    found = box_measures.detection(torch.tensor(answers), torch.tensor(truth), ["a", "b", "c"], 0.5)
    expected = []
    for label in (0, 1):
        given = [(n, r[1], list(r[2:])) for n, rows in enumerate(answers) for r in rows if r[0] == label]
        expected.append(average_precision(given, [[list(r[1:]) for r in rows if r[0] == label] for rows in truth]))
    assert [row["AP@0.5"] for row in found["classes"][:2]] == pytest.approx(expected, abs=1e-9)
    assert 0.2 < expected[0] < 0.95, "neither trivial"
    assert found["mAP@0.5"] == pytest.approx(np.mean(expected))
    assert found["classes"][2] == {"class": "c", "AP@0.5": None, "precision": None, "recall": None, "count": 0}
    assert capsys.readouterr().out == "", "the library's steps are not told"


def test_perfect_answers_and_none() -> None:
    truth = torch.tensor([[[0, 10.0, 10, 50, 60], [1, 5, 5, 20, 20]]])
    answers = torch.tensor([[[0, 0.9, 10.0, 10, 50, 60], [1, 0.8, 5, 5, 20, 20]]])
    found = box_measures.detection(answers, truth, ["a", "b"], 0.5)
    assert (found["mAP@0.5"], found["mAP@0.5:0.95"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert [(row["precision"], row["recall"]) for row in found["classes"]] == [(1.0, 1.0)] * 2
    answers[..., 0] = -1
    assert box_measures.detection(answers, truth, ["a", "b"], 0.5)["mAP@0.5"] == 0


def test_the_network_on_its_own_truth_finds_it() -> None:
    """A grid written from the truth comes back as its boxes, each once."""
    from liuli.layers.boxes import to_grid

    task = Detection()
    batch = task.draw(5)
    grid = torch.zeros(5, 4, 4, 13)
    for place, thing in enumerate(batch[1][:, 0]):
        number, seen = to_grid(thing[1:], 4)
        row, column = int(number) // 4, int(number) % 4
        grid[place, row, column, :4] = grid[place, row, column, 5:9] = seen
        grid[place, row, column, [4, 9]] = torch.tensor([0.9, 0.8])
        grid[place, row, column, 10 + int(thing[0])] = 1
    answers = task.respond(lambda pictures: grid, batch)
    assert (answers[..., 0] >= 0).sum(1).tolist() == [1] * 5
    assert task.metrics(answers, batch, task.drawn_facts())["mAP@0.5:0.95"] == pytest.approx(1.0)
