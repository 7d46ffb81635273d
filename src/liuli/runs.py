"""A run: the folder that training leaves behind, read and written. What lies in it: see `run_files`.

Opening a run reads `run.json` only and imports no PyTorch: `liuli runs list` answers at once. The
model, the weights and the data are fetched when asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from liuli import __version__, catalog
from liuli.errors import UserError, nearest
from liuli.files import Json, claimed, is_claimed, read_lines, unwritable, write_json, write_text
from liuli.run_files import RunFiles
from liuli.system import Recipe, System

if TYPE_CHECKING:
    from torch import nn

    from liuli.data.dataset import Data, Facts

RUNS = Path("runs")
"""Where runs go, and where a bare name is looked for."""

EXHIBITS = Path(__file__).parent / "exhibits"
"""Trained runs that come with liuli, made by `liuli exhibit`; nothing else is ever written there."""

EXHIBIT = "exhibit:"
"""What the names of exhibits begin with, so that a run of the user's may be called the same."""

FORMAT = 1
"""Of run.json and of the checkpoint; raised when an older liuli could no longer read them."""

KEYS = ("state", "system", "data", "recipe", "options", "engine", "device", "versions", "machine", "started")
"""What `run.json` always holds."""


@dataclass(frozen=True)
class Run(RunFiles):
    """One training run.

    Attributes:
        record: what `run.json` holds.
    """

    record: dict[str, Json]

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """The run in the folder `path`, or the one called `path` under ./runs, or else among the exhibits.

        Raises:
            UserError: there is none, its run.json is damaged, or a newer liuli wrote it.
        """
        bare = str(path).removeprefix(EXHIBIT)
        places = [Path(path), RUNS / path, *([EXHIBITS / bare] if Path(bare).name == bare else [])]
        folder = next((one for one in places if (one / "run.json").is_file()), None)
        if folder is None:
            known = [run.folder.name for run in at_hand()]
            hint = nearest(Path(path).name, known) if known else "train one with 'liuli train lenet'"
            raise UserError(f"no run is found at '{path}'; {hint}")
        file = folder / "run.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            written, form = record["liuli"], record["format"]
            if form == FORMAT:
                record = {key: record[key] for key in KEYS} | record  # all there?
        except OSError as error:
            raise UserError(f"{file}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{file}: is damaged, expected the JSON that 'liuli train' writes; train again") from error
        if form != FORMAT:
            raise UserError(
                f"{folder}: was written by liuli {written} (format {form}), this is liuli {__version__} "
                f"(format {FORMAT}); use that version, or train again"
            )
        return cls(folder, record)

    @classmethod
    def create(
        cls, folder: Path | None, name: str, record: dict[str, Json], learnt: Mapping[str, Json] | None = None
    ) -> Run:
        """Make a run folder and write its `run.json`: `folder`, or the first free one of runs/NAME, runs/NAME-2, …

        Raises:
            UserError: the folder holds something already, or cannot be made.
        """
        try:
            if folder is None:
                folder = fresh(RUNS / name)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                if (folder / "run.json").exists():
                    raise UserError(
                        f"{folder}: holds a run; go on with 'liuli train --resume {folder}', or name another"
                    )
                if any(not one.name.startswith(".") for one in folder.iterdir()):
                    raise UserError(f"{folder}: is not empty; name another folder with --out, or remove it first")
        except FileExistsError as error:
            raise UserError(f"{folder}: is a file, expected a folder; name another with --out") from error
        except OSError as error:
            raise unwritable(folder or RUNS / name, error) from error
        run = cls(folder, {"format": FORMAT, "liuli": __version__, **record})
        if learnt:
            write_json(run.learnt_file, dict(learnt))
        run.update()
        return run

    def update(self, **changes: Json) -> None:
        """Change values of `run.json`."""
        self.record.update(changes)
        write_json(self.folder / "run.json", self.record)

    @property
    def name(self) -> str:
        """The last part of the folder's path; an exhibit says that it is one."""
        return f"{EXHIBIT}{self.folder.name}" if self.is_exhibit else self.folder.name

    @property
    def is_exhibit(self) -> bool:
        """Whether it came with liuli."""
        return self.folder.parent == EXHIBITS

    @property
    def outcomes(self) -> Path:
        """The folder for what is made of the run: its own; of an exhibit, which stays as it is, one under ./runs."""
        return RUNS / "exhibits" / self.folder.name if self.is_exhibit else self.folder

    @property
    def state(self) -> str:
        """`running`; `paused` (by the user) or `interrupted` (killed), either to be resumed; `failed` or `finished`."""
        state = str(self.record["state"])
        return "interrupted" if state == "running" and not is_claimed(self.folder / ".lock") else state

    @cached_property
    def system(self) -> System:
        """The system that was trained."""
        return catalog.find(self.record["system"])

    @cached_property
    def facts(self) -> Facts:
        """What the network must know of its data."""
        from liuli.data.dataset import Facts

        try:
            learnt = json.loads(self.learnt_file.read_text(encoding="utf-8")) if self.learnt_file.exists() else {}
        except (OSError, ValueError) as error:
            raise UserError(f"{self.learnt_file}: is damaged ({error}); train again, or copy it anew") from error
        return Facts.from_json(self.record["data"], learnt)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe as it was used, with the user's changes.

        Raises:
            UserError: the system's recipe has other settings today.
        """
        values = {key: str(value) for key, value in self.record["recipe"].items()}
        mine = self.system.recipe
        kinds = (values.pop("optimizer"), values.pop("schedule"))
        if kinds != (type(mine.optimizer).__name__, type(mine.schedule).__name__):
            raise UserError(
                f"{self.folder}: was trained by liuli {self.record['liuli']} with {' and '.join(kinds)}, which "
                f"{self.system.name} no longer uses; train again"
            )
        return mine.with_settings(values)

    @property
    def options(self) -> dict[str, object]:
        """Keyword arguments that the model was built with."""
        return dict(self.record["options"])

    @property
    def engine(self) -> str:
        """`torch` or `scratch`."""
        return str(self.record["engine"])

    @property
    def figures_folder(self) -> Path:
        """Pictures, made when asked for."""
        return self.outcomes / "figures"

    @property
    def result(self) -> dict[str, Json] | None:
        """What `result.json` holds; None while the run is not finished."""
        try:
            result: dict[str, Json] = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UserError(f"{self.folder / 'result.json'}: cannot be read; evaluate the run again") from error
        return result

    def history(self) -> list[dict[str, Json]]:
        """The epochs so far; a last line torn by a kill is left out."""
        return read_lines(self.metrics_file)

    def ask_to_stop(self) -> None:
        """Ask the process that trains the run to end for good: it keeps the best weights so far and judges them.

        It does so within a second, though not before one epoch is whole.

        Raises:
            UserError: nobody is training it.
        """
        if self.state != "running":
            raise UserError(f"{self.name}: is {self.state}; nobody is training it, so there is nothing to stop")
        write_text(self.stop_file, "")

    def network(self) -> nn.Module:
        """The model with its best weights, on the CPU, in evaluation mode.

        Raises:
            UserError: there are no weights yet, the file is damaged, or they are not this model's.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            weights = load_file(self.weights_file)
        except FileNotFoundError as error:
            raise UserError(
                f"{self.folder}: has no weights yet; finish it with 'liuli train --resume {self.folder}'"
            ) from error
        except (SafetensorError, OSError) as error:
            raise UserError(f"{self.weights_file}: is damaged ({error}); train again, or copy it anew") from error
        network: nn.Module = self.system.model(**self.options)
        expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        found = {name: tuple(value.shape) for name, value in weights.items()}
        if expected != found:
            name = next(name for name in sorted({*expected, *found}) if expected.get(name) != found.get(name))
            raise UserError(
                f"{self.weights_file}: {name} has shape {found.get(name, 'none')}, {self.system.name} expects "
                f"{expected.get(name, 'none')}; the weights are of another network or version: train again"
            )
        network.load_state_dict(weights)
        return network.eval()

    def data(self) -> Data:
        """The data set of the run, read, and checked to be the same as was trained on.

        Raises:
            UserError: it cannot be had, or is not the same.
        """
        from liuli.data.store import load_again

        data = load_again(self.facts)
        data = replace(data, facts=replace(data.facts, learnt=self.facts.learnt))
        if data.facts.sha256 != self.facts.sha256:
            was, now = (one.variant or one.sha256[:12] for one in (self.facts, data.facts))
            see = "" if "path" in self.facts.details else f" (see 'liuli data verify {self.facts.name}')"
            raise UserError(
                f"{self.facts.name}: the data are not those that {self.folder} was trained on ({now}, expected {was}); "
                f"put the same files back{see}, or train again"
            )
        return data

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process alone.

        Raises:
            UserError: another process is training it.
        """
        with claimed(self.folder / ".lock") as mine:
            if not mine:
                raise UserError(f"{self.folder}: another process is training this run; wait for it, or stop it")
            yield


def runs(root: Path = RUNS) -> list[Run]:
    """Every run under `root` that can be read, the oldest first."""
    found = []
    for file in root.glob("[!.]*/run.json"):
        try:
            found.append(Run.open(file.parent))
        except UserError:
            continue
    return sorted(found, key=lambda run: (run.record["started"] or "", run.name))


def at_hand() -> list[Run]:
    """The exhibits, then the user's runs, each the oldest first."""
    return [*runs(EXHIBITS), *runs()]


def fresh(folder: Path) -> Path:
    """Make `folder`, or `folder`-2, -3, … whichever is the first that does not exist."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            candidate.mkdir()
        except FileExistsError:
            number += 1
        else:
            return candidate
