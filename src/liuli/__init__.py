"""liuli 琉璃: a glass-box laboratory for deep learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liuli.lab.showing import show as show
    from liuli.runs import Run as Run
    from liuli.tracing.tracer import trace as trace
    from liuli.training.fit import resume as resume
    from liuli.training.fit import train as train

__version__ = "0.1.0"

__all__ = ["Run", "__version__", "load", "resume", "show", "trace", "train"]


def load(path: str) -> Run:
    """Open the run in the folder `path`, or the one called `path` under ./runs.

    Raises:
        UserError: there is none, or it is damaged.
    """
    from liuli.runs import Run

    return Run.open(path)


def __getattr__(name: str) -> object:
    """Import what needs PyTorch when it is first asked for, so that `import liuli` takes no time."""
    if name in ("train", "resume"):
        from liuli.training import fit

        return getattr(fit, name)
    if name == "show":
        from liuli.lab.showing import show

        return show
    if name == "trace":
        from liuli.tracing.tracer import trace

        return trace
    if name == "Run":
        from liuli.runs import Run

        return Run
    raise AttributeError(f"module 'liuli' has no attribute '{name}'")
