"""`liuli.show`: any module and what it makes of its inputs, in a notebook or in the browser."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from torch import nn

from liuli.errors import UserError
from liuli.files import write_text
from liuli.lab.page import page
from liuli.lab.scenes import Optimizer
from liuli.lab.subjects import of_module
from liuli.tracing.gradients import Loss


def show(
    module: nn.Module,
    *inputs: Any,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    lab: bool = False,
    **kwargs: Any,
) -> Any:
    """Run `module(*inputs, **kwargs)` and look inside: every value, and where each number came from.

    The module runs as it is, in its own mode. Back from its output goes a gradient: from the number that it returns,
    else from the sum of the (first) tensor.

    Args:
        module: any module.
        inputs: its positional arguments.
        loss: a function of its output that gives the number to go back from.
        optimizer: whose step on each weight is then explained.
        lab: show it in the laboratory.
        kwargs: its keyword arguments.

    Returns:
        With `lab` the address of the laboratory, which lives as long as this process. In a notebook the widget that it
        shows. Elsewhere the path of an HTML file in a temporary folder. Addresses and files are opened in the browser.

    Raises:
        UserError: `module` is no module, or a notebook lacks anywidget.
    """
    record, subject = of_module(module, *inputs, loss=loss, optimizer=optimizer, **kwargs)
    if lab:
        from liuli.lab.serving import beside

        serving = beside()
        serving.desk.show(record, subject)
        webbrowser.open(f"{serving.address}#/module")
        return serving.address
    if in_notebook():
        try:
            from liuli.lab.notebook import Widget
        except ImportError as error:
            raise UserError(
                "liuli.show: needs anywidget in a notebook; install it with: pip install 'liuli[notebook]'"
            ) from error
        return Widget(record, subject)
    path = Path(tempfile.mkdtemp(prefix="liuli-")) / f"{subject.title}.html"
    write_text(path, page(record, subject))
    webbrowser.open(path.as_uri())
    return path


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None
