"""Where a figure came from: command, commit, machine, versions."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import torch

import liuli
from liuli.files import Json

PACKAGE = Path(liuli.__file__).parent


def versions() -> dict[str, str]:
    """Of what computes."""
    names = ("torch", "numpy", "lightning-fabric")
    return {"liuli": liuli.__version__, "python": platform.python_version(), **{name: version(name) for name in names}}


def machine(device: torch.device) -> dict[str, Json]:
    """System, processor, cores that may be used, memory in GiB and, where it computes, the GPU."""
    found: dict[str, Json] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
    if hasattr(os, "sysconf"):
        found["memory"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def processor() -> str:
    """The processor's name as its maker gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def commit() -> str | None:
    """The commit of liuli's own code where it runs from a checkout; "+changes" where files differ from it."""
    if git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    head = git("rev-parse", "HEAD")
    return head and head + ("+changes" if git("status", "--porcelain", "--", ".") else "")


def git(*arguments: str) -> str | None:
    """What git says in liuli's folder; None where it fails or is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(PACKAGE), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def command_line() -> str:
    """What the user typed, as it can be typed again."""
    return shlex.join([Path(sys.argv[0]).name.replace("__main__.py", "liuli"), *sys.argv[1:]])
