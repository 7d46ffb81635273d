"""Keep the generated parts of README.md true: the table of systems, and the output of commands.

    python docs/readme.py            writes them
    python docs/readme.py --check    fails when they differ from what is written (run by `make test`)

A part stands between `<!-- systems -->`, `<!-- data -->` or `<!-- run: liuli list -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from liuli.catalog import listings
from liuli.data.store import definitions

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PART = re.compile(r"<!-- (?P<what>systems|data|run: (?P<command>.+?)) -->\n.*?<!-- end -->", re.DOTALL)


def systems() -> str:
    """The table of systems: what the catalogue says, and what `results/` has measured."""
    rows = [
        "| system | year | data | to reach | measured | published | oracle |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in listings().values():
        path = ROOT / "results" / f"{one.name}.json"
        measured = "not measured"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            measured = f"[{result['metrics'][one.target.metric]:.4f}](results/{path.name})"
            measured += "" if result["reached"] else ", not reached"
        module = one.module.rsplit(".", 1)[1]
        oracle = "yes" if (ROOT / "tests" / "oracles" / f"{module}.py").exists() else "–"
        link = f"[`{one.name}`](src/{one.module.replace('.', '/')}.py)"
        published = "–" if one.target.published is None else f"{one.target.published:g}"
        rows.append(f"| {link} | {one.year} | {one.data} | {one.target} | {measured} | {published} | {oracle} |")
    return "\n".join(rows)


def data() -> str:
    """The table of data sets, from their definitions."""
    rows = ["| data set | what | licence |", "|---|---|---|"]
    rows += [f"| [`{one.name}`]({one.homepage}) | {one.about} | {one.licence} |" for one in definitions().values()]
    return "\n".join(rows)


def output(command: str) -> str:
    """What a command prints, as it was just run."""
    program, *arguments = shlex.split(command)
    done = subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    lines = [line.rstrip() for line in done.stdout.strip("\n").splitlines()]
    return "\n".join(["```console", f"$ {command}", *lines, "```"])


def rewritten(text: str) -> str:
    """The README with every generated part made anew."""

    def part(match: re.Match[str]) -> str:
        command = match["command"]
        body = output(command) if command else {"systems": systems, "data": data}[match["what"]]()
        return f"<!-- {match['what']} -->\n{body}\n<!-- end -->"

    return PART.sub(part, text)


def main() -> int:
    """Write the parts, or with --check say which differ."""
    before = README.read_text(encoding="utf-8")
    after = rewritten(before)
    if "--check" not in sys.argv:
        README.write_text(after, encoding="utf-8")
        return 0
    if before == after:
        return 0
    print("README.md differs from what its commands print now; run: make readme", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
