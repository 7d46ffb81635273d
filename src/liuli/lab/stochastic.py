"""t-SNE (van der Maaten & Hinton, 2008) of vectors by scikit-learn, in a process of its own.

It takes up to a minute or two, so it says how far it is and can be left at any moment: whoever no longer listens ends
it. One runs at a time, behind all that the laboratory answers, and no longer than `MOST_SECONDS`; the latest results
are kept.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import aclosing, redirect_stdout
from multiprocessing import get_context
from multiprocessing.connection import Connection
from signal import SIG_IGN, SIGINT, signal

import numpy as np
from numpy.typing import NDArray

from liuli.errors import UserError
from liuli.lab.replies import event

FEWEST_POINTS = 5
MANY_POINTS = 2_000  # above which there are fewer iterations
MOST_WIDTH = 50  # wider vectors are first told by so many principal components, as the authors do
ITERATIONS, FEWER_ITERATIONS = 1000, 750
COARSE = {2: 0.5, 3: 0.8}  # by dimensions, how coarsely far points are taken together: in space they cost twice as much
PERPLEXITY = 30.0
MOST_SECONDS = 900.0
NICE = 10
KEPT = 8
LOOK_SECONDS = 0.2
SAID = re.compile(r"Iteration (\d+): error = ([\d.]+)")

Matrix = NDArray[np.float32]


class Maps:
    """What has been computed, and what is being computed."""

    def __init__(self) -> None:
        self.found: OrderedDict[Hashable, Matrix] = OrderedDict()
        self.busy = False

    def get(self, key: Hashable) -> Matrix:
        """The points of a map that has been computed.

        Raises:
            UserError: it has not, or was forgotten.
        """
        if key not in self.found:
            raise UserError("this map has not been computed; ask for t-SNE once more")
        return self.found[key]

    async def events(self, key: Hashable, vectors: Matrix, dimensions: int) -> AsyncIterator[str]:
        """How the map of `vectors` (N, d) comes along, as server-sent events.

        "progress" with iteration, of how many, and error (the Kullback-Leibler divergence); at last "done", or
        "trouble" with a sentence.
        """
        if key in self.found:
            yield event("done", {})
        elif self.busy:
            yield event("trouble", {"error": "a t-SNE is being computed already; wait for it, or cancel it there"})
        else:
            self.busy = True
            try:
                async with aclosing(self.computed(key, vectors, dimensions)) as events:
                    async for told in events:
                        yield told
            finally:
                self.busy = False

    async def computed(self, key: Hashable, vectors: Matrix, dimensions: int) -> AsyncGenerator[str]:
        """See `events`."""
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, vectors, dimensions), daemon=True)
        process.start()
        theirs.close()
        of, until = iterations(len(vectors)), time.monotonic() + MOST_SECONDS
        try:
            yield event("progress", {"iteration": 0, "of": of, "error": None})
            while True:
                if time.monotonic() > until:
                    said = f"this t-SNE has taken more than {MOST_SECONDS:.0f} seconds; try 2 dimensions"
                    yield event("trouble", {"error": said})
                    return
                if not await asyncio.to_thread(ours.poll, LOOK_SECONDS):
                    continue
                told = ours.recv()
                if isinstance(told, np.ndarray):
                    break
                yield event("progress", {"iteration": told[0], "of": of, "error": told[1]})
            self.found[key] = told
            while len(self.found) > KEPT:
                self.found.popitem(last=False)
            yield event("done", {})
        except (EOFError, ConnectionError):
            yield event("trouble", {"error": "the process that computed t-SNE has ended before its time; try again"})
        finally:
            process.kill()
            process.join()
            ours.close()


class Listener(io.TextIOBase):
    """Hears what scikit-learn says of its progress, and passes it on."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def write(self, text: str) -> int:
        """One piece of what is said."""
        found = SAID.search(text)
        if found:
            self.connection.send((int(found[1]), float(found[2])))
        return len(text)


def work(connection: Connection, vectors: Matrix, dimensions: int) -> None:
    """What the process does: sends (iteration, error) now and then, at last the points, float32 (N, dimensions)."""
    os.nice(NICE)  # whoever asks the server something is answered first
    signal(SIGINT, SIG_IGN)  # whoever stops the laboratory from its terminal ends it too, without a word
    with redirect_stdout(Listener(connection)):
        connection.send(embedded(vectors, dimensions))


def iterations(count: int) -> int:
    """Of how many a map of so many points is made."""
    return FEWER_ITERATIONS if count > MANY_POINTS else ITERATIONS


def embedded(vectors: Matrix, dimensions: int) -> Matrix:
    """The map of vectors (N, d), the same each time; says aloud how far it is."""
    from sklearn.manifold import TSNE

    from liuli.models.foundations.pca import PCA

    rows = vectors.astype(np.float64)
    if rows.shape[1] > MOST_WIDTH:
        rows = PCA(min(MOST_WIDTH, len(rows) - 1)).fit(rows).transform(rows)
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    enough = "pca" if rows.shape[1] >= dimensions else "random"
    made = TSNE(
        dimensions,
        perplexity=perplexity,
        max_iter=iterations(len(rows)),
        angle=COARSE[dimensions],
        init=enough,
        random_state=0,
        verbose=2,
    )
    points: Matrix = made.fit_transform(rows).astype(np.float32)
    return points
