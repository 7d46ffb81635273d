"""`liuli predict`: the answer of a trained system to a person's own input."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liuli.cli.output import JsonOption, console, file_stem, print_json
from liuli.errors import LiuliError, UserError
from liuli.files import Json, unwritable
from liuli.runs import Run

if TYPE_CHECKING:
    from rich.text import Text

    from liuli.tasks.task import Task

BAR = 30  # characters of a probability of 1
MOST_BARS = 12  # classes shown, the likeliest, where there are more
TOLD = {"read": "the network read", "seen": "the network was given", "picture": "drawn", "values": "as numbers"}
NOTHING = "input"  # what an input is called that is empty
HALVES = "▀"  # the upper half in the ink's colour, the lower half in the ground's: two pixels a character


def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name under ./runs.")],
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Files, folders of files, words, or - for standard input."),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to save what the network was given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer for each input: a class and its probability, a translation, boxes, … as the system's task has it.

    What the network was given is saved as a picture, where it is one. A picture may be of any kind and size, dark on
    light or light on dark: it is brought into the form of the pictures that the system learnt from.

    Example: `liuli predict lenet seven.png photos/ --json`
    """
    opened = Run.open(run)
    task, facts = opened.system.task, opened.facts
    files = list(gathered(inputs, task))
    network = opened.network()
    folder = out or opened.outcomes / "predictions"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "no right to write")
    except OSError as error:
        if out is not None:
            raise unwritable(folder, error) from error
        folder = Path(tempfile.mkdtemp(prefix="liuli-predictions-"))  # a run may lie where only its owner writes

    import torch

    answers: list[dict[str, Json]] = []
    used: set[str] = set()
    for name, source in files:
        try:
            for example in task.read_all(sys.stdin.buffer.read() if source is None else source, facts, name):
                with torch.inference_mode():
                    output = task.respond(network, example.batch)[0]
                stem = unused(file_stem(example.name) or "input", used)
                seen = task.save_input(example, folder / f"{stem}.png")
                drawn = task.save_answer(example, output, facts, folder / f"{stem}-answer.png")
                values = task.save_values(example, output, facts, folder / f"{stem}-values.png")
                made = {"seen": seen, "picture": drawn, "values": values}
                saved = {key: str(file) for key, file in made.items() if file is not None}
                told = {key: text for key, text in (("read", example.spelled), ("remark", example.remark)) if text}
                answers.append({"input": example.name, **task.answer(output, facts), **told, **saved})
                if not as_json:
                    print_answer(answers[-1])
        except LiuliError as error:
            typer.echo(f"liuli: {error}", err=True)
            answers.append({"input": name, "error": str(error)})
    if as_json:
        print_json(answers)
    if any("error" in answer for answer in answers):
        raise typer.Exit(2)


def gathered(inputs: list[str], task: Task) -> Iterator[tuple[str, Path | str | None]]:
    """Each input by the name it is called by, and its file (None: standard input) or words; folders are looked into.

    Raises:
        UserError: a folder holds nothing of the task's kind, or cannot be read.
    """
    for given in inputs:
        path = Path(given)
        if given == "-":
            yield "standard-input", None
        elif is_words(given, task):
            yield given if given.strip() else NOTHING, given
        elif not given.strip():
            raise UserError(f"{NOTHING}: is empty, expected a file, or a folder of files")
        elif not path.is_dir():
            yield given, path
        else:
            try:
                files = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
            except OSError as error:
                raise UserError(f"{given}: cannot be read ({error.strerror})") from error
            fitting = [one for one in files if one.suffix.lower() in task.endings]
            if not fitting:
                raise UserError(f"{given}: holds no {task.kind} file (folders inside it are not looked into)")
            left = [one.name for one in files if one not in fitting]
            if left:
                shown = ", ".join(left[:3]) + (", …" if len(left) > 3 else "")
                typer.echo(
                    f"liuli: {given}: left out {len(left)} of {len(files)} files, no {task.kind}: {shown}", err=True
                )
            yield from ((str(one), one) for one in fitting)


def is_words(given: str, task: Task) -> bool:
    """Whether an input is words, for a task that takes them: no file is called so, nor does it look like a file."""
    if not task.reads_text:
        return False
    if not given.strip():
        return True
    try:  # a sentence may be too long for a file's name
        return not Path(given).exists() and not (" " not in given and Path(given).suffix.lower() in task.endings)
    except (OSError, ValueError):
        return True


def unused(stem: str, used: set[str]) -> str:
    """`stem`, or stem-2, -3, … if the name has been used; marks it as used."""
    number, name = 1, stem
    while name in used:
        number += 1
        name = f"{stem}-{number}"
    used.add(name)
    return name


def print_answer(answer: Mapping[str, Json]) -> None:
    """The answer and its probability, then bars or other details; beside them, on a terminal, what was given."""
    from rich.table import Table
    from rich.text import Text

    terminal = console()
    share = f"  {answer['probability']:.1%}" if "probability" in answer else ""
    terminal.print(Text.assemble((answer["input"], "bold"), " → ", (str(answer["answer"]), "bold green"), share))
    shares = answer.get("probabilities") or answer.get("shares")
    bars = probability_bars(shares) if shares else Text()
    rest = details(answer)
    bars.append("\n" * (bool(bars) and bool(rest))).append(rest)
    if "seen" in answer and terminal.is_terminal and terminal.width >= 80:
        both = Table.grid(padding=(0, 2))
        both.add_row(small_picture(Path(answer["seen"])), bars)
        terminal.print(both)
    else:
        terminal.print(bars)
    if "remark" in answer:
        terminal.print(f"but: {answer['remark']}", style="yellow")
    for key, what in TOLD.items():
        if key in answer:
            terminal.print(f"{what}: {answer[key]}", style="dim")
    terminal.print()


def details(answer: Mapping[str, Json]) -> Text:
    """What an answer says beside itself, a line each; of a long list the first."""
    from rich.text import Text

    lines = []
    for key, value in answer.items():
        if key in ("input", "answer", "probability", "probabilities", "shares", "remark", *TOLD):
            continue
        rows = value if isinstance(value, list) else [value]
        if rows and not any(isinstance(row, dict) for row in rows):  # numbers or words: one line
            left = f", … {len(rows) - MOST_BARS} more" * (len(rows) > MOST_BARS)
            lines.append(f"  {key}: {', '.join(map(short, rows[:MOST_BARS]))}{left}")
            continue
        shown = [
            ", ".join(f"{k} {short(v)}" for k, v in row.items()) if isinstance(row, dict) else short(row)
            for row in rows
        ]
        more = [f"… {len(shown) - MOST_BARS} more"] * (len(shown) > MOST_BARS)
        lines += [f"  {key}: {line}" for line in shown[:MOST_BARS] + more]
    return Text("\n".join(lines))


def short(value: Json) -> str:
    """A value for a reader: of a number four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def probability_bars(probabilities: Mapping[str, float]) -> Text:
    """One line a class; of many classes the likeliest."""
    from rich.text import Text

    shown = list(probabilities.items())
    if len(shown) > MOST_BARS:
        shown = sorted(shown, key=lambda item: -item[1])[:MOST_BARS]
    widest = max(len(name) for name, _ in shown)
    best = max(probabilities.values())
    lines = Text()
    for name, share in shown:
        eighths = round(share * BAR * 8)
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        style = "green" if share == best else "dim"
        lines.append(f"  {name:>{widest}} ").append(f"{bar:<{BAR + 1}}", style=style).append(f"{share:6.1%}\n")
    lines.right_crop(1)
    return lines


def small_picture(file: Path) -> Text:
    """A saved picture in half blocks: as many characters wide as the network's input has pixels."""
    import numpy as np
    from PIL import Image
    from rich.text import Text

    from liuli.tasks.pictures import ENLARGED

    pixels = np.asarray(Image.open(file).reduce(ENLARGED).convert("RGB")).tolist()
    lines = Text()
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=False):
        for above, below in zip(upper, lower, strict=True):
            lines.append(HALVES, style="#{:02x}{:02x}{:02x} on #{:02x}{:02x}{:02x}".format(*above, *below))
        lines.append("\n")
    lines.right_crop(1)
    return lines
