"""How well boxes were found: average precision as COCO's evaluation computes it (Lin et al., 2014), by pycocotools.

An answer is right where its IoU with a box of its class is 0.5 or more and no surer answer has taken that box.
Precision, the share of right ones among the answers down to some score, is read off at 101 values of recall, from 0 to
1, each time as the best that this recall or a higher one has; average precision (AP) is their mean, and mAP the mean
over the classes.

Shapes:
    N  pictures, R boxes of an answer, M boxes of truth, C classes
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liuli.errors import from_extra
from liuli.layers.boxes import iou

RECALLS = np.linspace(0, 1, 101)
HALF = 0  # which of COCO's ten IoU thresholds, 0.5 to 0.95, is 0.5


class Judged(NamedTuple):
    """What COCO's evaluation says.

    Attributes:
        precision: by IoU threshold, recall and class, (10, 101, C); −1 of a class that no picture has.
        scores: of all answers of a class, by class.
        right: whether they are, at an IoU of 0.5.
    """

    precision: NDArray[np.float64]
    scores: list[NDArray[np.float64]]
    right: list[NDArray[np.bool_]]


def detection(answers: Tensor, truth: Tensor, classes: Sequence[str], shown: float) -> dict[str, object]:
    """mAP at an IoU of 0.5 and over 0.5 to 0.95; by class AP at 0.5, and precision and recall of what is shown.

    Args:
        answers: (N, R, 6): class (−1: none), score, corners in pixels.
        truth: (N, M, 5): class (−1: none), corners in pixels.
        classes: names.
        shown: the least score that is shown to a person.
    """
    found = judged(answers, truth, len(classes))
    rows, average, strict = [], [], []
    for number, name in enumerate(classes):
        count = int((truth[..., 0] == number).sum())
        right = found.right[number][found.scores[number] >= shown]
        row: dict[str, object] = {"class": name, "AP@0.5": None, "precision": None, "recall": None, "count": count}
        if count:
            average.append(float(found.precision[HALF, :, number].mean()))
            strict.append(float(found.precision[:, :, number].mean()))
            row |= {"AP@0.5": average[-1], "recall": float(right.sum() / count)}
        if len(right):
            row["precision"] = float(right.mean())
        rows.append(row)
    return {"mAP@0.5": mean(average), "mAP@0.5:0.95": mean(strict), "shown from": shown, "classes": rows}


def by_picture(answers: Tensor, truth: Tensor, shown: float) -> Tensor:
    """F1 of what is shown of each picture: float64 (N,); 1 where nothing is to be found and nothing is shown.

    A box is right where its IoU with a true one of its class is 0.5 or more and no surer one has taken that.

    Args:
        answers: (N, R, 6), the surest first; truth: (N, M, 5), as in `detection`.
        shown: the least score that is shown to a person.
    """
    scores = []
    for found, things in zip(answers.cpu(), truth.cpu(), strict=True):
        found, things = found[(found[:, 0] >= 0) & (found[:, 1] >= shown)], things[things[:, 0] >= 0]
        agree = iou(found[:, None, 2:], things[None, :, 1:]) * (found[:, None, 0] == things[None, :, 0])  # (R, M)
        right = 0
        for row in range(len(found) if len(things) else 0):
            best = int(agree[row].argmax())
            if agree[row, best] >= 0.5:
                right += 1
                agree[:, best] = 0  # taken
        total = len(found) + len(things)
        scores.append(2 * right / total if total else 1.0)
    return torch.tensor(scores, dtype=torch.float64)


def mean(values: Sequence[float]) -> float:
    """Of some numbers; 0 of none."""
    return sum(values) / max(1, len(values))


def judged(answers: Tensor, truth: Tensor, classes: int) -> Judged:
    """The answers to N pictures beside the truth."""
    with from_extra("detection"):
        from pycocotools.coco import COCO  # type: ignore[import-untyped]
        from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]
    marks = [
        {"image_id": image, "category_id": int(row[0]), "bbox": sides(row[1:]), "iscrowd": 0}
        for image, rows in enumerate(truth.double().tolist())
        for row in rows
        if row[0] >= 0
    ]
    found = [
        {"image_id": image, "category_id": int(row[0]), "bbox": sides(row[2:]), "score": row[1]}
        for image, rows in enumerate(answers.double().tolist())
        for row in rows
        if row[0] >= 0
    ]
    with contextlib.redirect_stdout(io.StringIO()):  # it tells of its steps
        expected, given = COCO(), COCO()
        for one, boxes in ((expected, marks), (given, found)):
            one.dataset = {
                "images": [{"id": image} for image in range(len(truth))],
                "categories": [{"id": number} for number in range(classes)],
                "annotations": [
                    {**box, "id": place, "area": box["bbox"][2] * box["bbox"][3]} for place, box in enumerate(boxes, 1)
                ],
            }
            one.createIndex()
        judge = COCOeval(expected, given, "bbox")
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.params.maxDets = [answers.size(1)]
        judge.evaluate()
        judge.accumulate()
    scores, right = zip(*(pooled(judge, number, len(truth)) for number in range(classes)), strict=True)
    return Judged(judge.eval["precision"][..., 0, 0], list(scores), list(right))


def pooled(judge: Any, number: int, pictures: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The scores of all answers of one class, and whether they are right at an IoU of 0.5."""
    each = [one for one in judge.evalImgs[number * pictures : (number + 1) * pictures] if one is not None]
    scores = [np.array(one["dtScores"], dtype=np.float64) for one in each]
    right = [one["dtMatches"][HALF] > 0 for one in each]
    return np.concatenate([*scores, np.zeros(0)]), np.concatenate([*right, np.zeros(0, bool)])


def sides(corners: Sequence[float]) -> list[float]:
    """Left, top, width and height."""
    x1, y1, x2, y2 = corners
    return [x1, y1, x2 - x1, y2 - y1]
