"""Drawings of decisions: what actions are worth in each state, values sweep by sweep, a pole on a cart as a film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from liuli.data.dataset import Facts
from liuli.files import replacing
from liuli.tasks import cart_pole
from liuli.tasks.figures import INK, PALE, RIGHT, WRONG, entitle, fading, new_figure, plain, save
from liuli.tasks.tables import Table
from liuli.tasks.wording import letters, worded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

ARROWS = {
    "left": (-1, 0), "west": (-1, 0), "right": (1, 0), "east": (1, 0),
    "up": (0, -1), "north": (0, -1), "down": (0, 1), "south": (0, 1),
}  # fmt: skip
SHOWN = (1, 2, 3, 5, 10, 20, 50, 100, 300)
"""Sweeps after which the values are drawn."""
LABELLED = 60  # rows of the heat map that have room for a name each
FRAME = (300, 120)  # pixels of the film, and each stands for a hundredth of a metre and a half
SKIPPED = 2  # pushes to a frame: 25 frames a second


def of_table(worth: Array, table: Table, facts: Facts, folder: Path) -> list[Path]:
    """The worth of every action in every state (S, A) as a heat map, and where states form a field, a map of it."""
    drawn = {"table": heat_map(worth, facts)}
    if field(facts):
        title = worded("what the best action is worth, and which it is")
        drawn["policy"] = maps({title: worth.max(1)}, [worth], table, facts)
    return save(drawn, folder)


def field(facts: Facts) -> tuple[int, int] | None:
    """Rows and columns, where that is what states are, or begin with."""
    axes = facts.details["axes"]
    return (len(axes["row"]), len(axes["column"])) if list(axes)[:2] == ["row", "column"] else None


def names(facts: Facts) -> list[str]:
    """What every state is called."""
    axes = facts.details["axes"]
    places = np.ndindex(*(len(one) for one in axes.values()))
    return [", ".join(one[k] for one, k in zip(axes.values(), place, strict=True)) for place in places]


def heat_map(worth: Array, facts: Facts) -> Figure:
    """A row a state, a column an action (S, A); a dot marks the best, where there is room."""
    states, actions = worth.shape
    figure = new_figure(0.9 * actions + 2.5, min(0.24 * states, 10) + 1.4)
    axes = figure.add_subplot()
    image = axes.imshow(worth, aspect="auto", cmap=fading(RIGHT), interpolation="nearest")
    figure.colorbar(image, ax=axes, label=worded("worth"))
    axes.set_xticks(range(actions), facts.classes, rotation=40 if actions > 3 else 0)
    if states <= LABELLED:
        axes.set_yticks(range(states), names(facts))
        axes.plot(worth.argmax(1), range(states), ".", color=WRONG)
        axes.set_ylabel(", ".join(facts.details["axes"]))
        title = worded("Worth of each action in each state, the best dotted")
    else:
        axes.set_ylabel(worded("state"))
        title = worded("Worth of each action in each state")
    axes.tick_params(length=0, labelsize=7, labelcolor=INK)
    entitle(axes, title)
    return figure


def maps(values: dict[str, Array], worths: list[Array], table: Table, facts: Facts) -> Figure:
    """Fields of values (S,), each with an arrow to the best action of `worths` (S, A); of many such fields, some.

    Where a state is more than a place, the first settings of the rest are drawn side by side.
    """
    size = field(facts)
    assert size is not None
    rest = [name.split(", ")[2:] for name in names(facts)[: len(table.start) // (size[0] * size[1])]]
    several = [", ".join(map(" ".join, zip(list(facts.details["axes"])[2:], one, strict=True))) for one in rest]
    chosen = [k for k in range(len(rest)) if table.start.reshape(-1, len(rest))[:, k].any()][:6]
    panels = [(title, worth, k) for (title, _), worth in zip(values.items(), worths, strict=True) for k in chosen]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(columns * max(2.4, 0.55 * size[1]) + 0.6, rows * (0.55 * size[0] + 0.6))
    ended = (table.discount == 0).all((1, 2))
    for axes, (title, worth, k) in zip(figure.subplots(rows, columns, squeeze=False).flat, panels, strict=False):
        shown = values[title].reshape(*size, -1)[..., k]
        axes.imshow(shown, cmap=fading(RIGHT))
        for row, column in np.ndindex(*size):
            state = (row * size[1] + column) * len(rest) + k
            mark(axes, (column, row), worth[state], bool(ended[state]), facts)
        axes.set_xticks([])
        axes.set_yticks([])
        entitle(axes, several[k] or title)
    return figure


def mark(axes: Axes, place: tuple[int, int], worth: Array, ended: bool, facts: Facts) -> None:
    """An arrow, or the action's name, on one field; a cross where the episode ends."""
    if ended:
        axes.plot(*place, "x", color=WRONG)
        return
    action = facts.classes[int(worth.argmax())]
    if action in ARROWS:
        right, down = ARROWS[action]
        style = {"arrowstyle": "->", "color": INK}
        ends = [(place[0] + side * 0.3 * right, place[1] + side * 0.3 * down) for side in (1, -1)]
        axes.annotate("", xy=ends[0], xytext=ends[1], arrowprops=style)
    else:
        axes.text(*place, action.replace(" ", "\n"), ha="center", va="center", fontsize=6, color=INK)


def sweeps(table: Table, facts: Facts, folder: Path) -> list[Path]:
    """Value iteration from nothing: values and the best actions after the first, second, … sweep."""
    values, worths = np.zeros(len(table.start)), []
    history: dict[int, Array] = {}
    for sweep in range(1, SHOWN[-1] + 1):
        worth = table.lookahead(values)
        values = worth.max(1)
        if sweep in SHOWN:
            history[sweep] = values
            worths.append(table.lookahead(values))
    size = field(facts)
    if size and size[0] * size[1] == len(values):
        titled = {worded("sweep {number}", number=sweep): one for sweep, one in history.items()}
        return save({"sweeps": maps(titled, worths, table, facts)}, folder)
    figure = new_figure(7, min(0.3 * len(values), 10) + 1.6)
    axes = figure.add_subplot()
    shown = np.stack(list(history.values()), 1)  # (S, sweeps)
    axes.imshow(shown, aspect="auto", cmap=fading(RIGHT), interpolation="nearest")
    axes.set_xticks(range(len(history)), [str(sweep) for sweep in history])
    axes.set_xlabel(worded("sweeps"))
    if len(values) <= LABELLED:
        axes.set_yticks(range(len(values)), names(facts))
        for state, column in np.ndindex(*shown.shape):
            action = facts.classes[int(worths[column][state].argmax())]
            text = f"{shown[state, column]:.3g}" + (f"\n{action}" if table.discount[state].any() else "")
            dark = shown[state, column] - shown.min() > 0.6 * np.ptp(shown)
            axes.text(column, state, text, ha="center", va="center", fontsize=6, color="white" if dark else INK)
    axes.tick_params(length=0, labelsize=8, labelcolor=INK)
    entitle(axes, worded("Values and the best action after so many sweeps"))
    return save({"sweeps": figure}, folder)


def of_cart_pole(output: Tensor, states: Tensor, folder: Path) -> list[Path]:
    """Returns and courses of all episodes (N, A, 2 + T), and the shortest as a film."""
    best = output[..., 0].argmax(1)
    pushes = output[range(len(output)), best, 2:]  # (N, T)
    lengths = (pushes >= 0).sum(1).numpy()
    paths = [course(state, one) for state, one in zip(states, pushes, strict=True)]
    figure = new_figure(9, 3.2)
    first, second, third = figure.subplots(1, 3)
    first.hist(lengths, bins=np.linspace(0, cart_pole.LIMIT, 26).tolist(), color=RIGHT)
    first.set_xlabel(worded("steps"))
    first.set_ylabel(worded("episodes"))
    entitle(first, worded("{count} episodes, mean {mean:.1f} steps", count=len(lengths), mean=lengths.mean()))
    for axes, place, title, bound in (
        (second, 0, worded("position of the cart (m)"), cart_pole.EDGE),
        (third, 2, worded("angle of the pole (radians)"), cart_pole.STEEPEST),
    ):
        for path in paths:
            axes.plot(path[:, place], color=RIGHT, alpha=0.15, linewidth=0.8)
        axes.axhline(bound, color=WRONG, linewidth=1)
        axes.axhline(-bound, color=WRONG, linewidth=1)
        axes.set_xlabel(worded("step"))
        entitle(axes, title)
    for axes in (first, second, third):
        plain(axes)
    files = save({"episodes": figure}, folder)
    shortest = int(lengths.argmin())
    return [*files, film(states[shortest], pushes[shortest], folder / "episode.gif")]


def course(state: Tensor, pushes: Tensor) -> Array:
    """The states (T + 1, 4) from `state` (4,) on, under the pushes (T,) that were made (−1: none any more)."""
    path = [state.double().numpy()]
    for action in pushes[pushes >= 0].tolist():
        path.append(cart_pole.push(path[-1], np.array(action))[0])
    return np.stack(path)


def film(state: Tensor, pushes: Tensor, path: Path) -> Path:
    """An episode as an animated GIF: cart, pole, and the push of the moment."""
    from PIL import Image, ImageDraw

    width, height = FRAME
    scale, ground = width / (2 * cart_pole.EDGE + 1), height - 20
    frames = []
    actions = [*pushes[pushes >= 0].tolist(), -1]
    for step, (x, _, angle, _) in enumerate(course(state, pushes).tolist()):
        if step % SKIPPED and step < len(actions) - 1:
            continue
        frame = Image.new("RGB", FRAME, "white")
        draw = ImageDraw.Draw(frame)
        centre = width / 2 + x * scale
        draw.line([(0, ground), (width, ground)], fill=PALE)
        for side in (-1, 1):
            edge = width / 2 + side * cart_pole.EDGE * scale
            draw.line([(edge, ground - 4), (edge, ground + 4)], fill=WRONG)
        draw.rectangle([centre - 14, ground - 14, centre + 14, ground], fill=INK)
        length = 2 * cart_pole.HALF_LENGTH * scale
        tip = (centre + length * np.sin(angle), ground - 14 - length * np.cos(angle))
        draw.line([(centre, ground - 14), tip], fill=WRONG, width=4)
        if actions[step] >= 0:
            side = 1 if actions[step] else -1
            draw.polygon([(centre + side * (d + 16), ground - 7 + e) for d, e in ((0, -4), (0, 4), (6, 0))], fill=RIGHT)
        moment = worded("{seconds:.2f} s, step {step}", seconds=step * cart_pole.SECONDS, step=step)
        draw.text((4, height - 14), moment, fill=INK, font=letters(10))
        frames.append(frame.quantize(16))
    with replacing(path) as temporary:
        frames[0].save(
            temporary, format="GIF", save_all=True, append_images=frames[1:], loop=0,
            duration=int(1000 * SKIPPED * cart_pole.SECONDS),
        )  # fmt: skip
    return path
