"""Ctrl-C, SIGTERM and a closed terminal: the first asks to pause, the second ends the process at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from liuli.errors import LiuliError


class Paused(LiuliError):
    """Training was asked to pause, and has saved what it goes on from. Exit code 128 + signal, as shells have it."""

    def __init__(self, sentence: str, signal_number: int) -> None:
        super().__init__(sentence)
        self.exit_code = 128 + signal_number


class Signals:
    """Within the block, the first signal is kept in `received`; the second raises KeyboardInterrupt.

    Whoever works there looks at `received` when all is in order; what is nearly done is better done.
    What the process was started to ignore (as `nohup` does) stays ignored. Outside the main thread nothing can be
    caught, and nothing is.
    """

    def __init__(self) -> None:
        self.received = 0  # the number of the first signal
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self.before[number] = signal.signal(number, self.handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Called by Python between two instructions of the main thread."""
        if self.received:
            raise KeyboardInterrupt
        self.received = number
