"""docs/benchmarks.md with the figures of this machine.

    python scripts/write_benchmarks.py [--write] [SCRIPT ...]

Of the page, what lies between `<!-- bench_codecs.py -->` and `<!-- end -->` is what that script prints, and between
`<!-- machine -->` and `<!-- end -->` the machine. All scripts named there are run, or those that are asked for, one
after the other; then the page is printed, or with --write put in the place of the old one. How long each took goes to
stderr, and so does what a script says beside its table.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from measure import machine

ROOT = Path(__file__).resolve().parents[1]
PLACE = re.compile(r"<!-- (\w+(?:\.py)?) -->\n(.*?)<!-- end -->", re.DOTALL)
ALONE = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}


def main(arguments: Sequence[str] | None = None, page: Path = ROOT / "docs/benchmarks.md") -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put it in the place of the old page")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="bench_codecs.py ...; all by default")
    asked = parser.parse_args(arguments)
    text = page.read_text(encoding="utf-8")
    named = scripts_of(text)
    if unknown := [name for name in asked.scripts if name not in named]:
        parser.error(f"{unknown[0]}: the page has no place for it; it has {', '.join(named)}")
    printed = {"machine": machine()}
    failed = []
    for name in asked.scripts or named:
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, ROOT / "scripts" / name],
            env={**os.environ, **ALONE},
            stdout=subprocess.PIPE,
            text=True,
        )
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        if done.returncode:
            failed.append(name)
        else:
            printed[name] = section(done.stdout)
    now = filled(text, printed)
    if asked.write:
        page.write_text(now, encoding="utf-8")
    else:
        print(now)
    if failed:
        print(f"failed, and left as they were: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def scripts_of(text: str) -> list[str]:
    """The scripts that the page has a place for, in its order."""
    return [name for name, _ in PLACE.findall(text) if name != "machine"]


def section(output: str) -> str:
    """What a script prints, less its first line, which is the machine."""
    return output.partition("\n")[2].strip()


def filled(text: str, printed: Mapping[str, str]) -> str:
    """The page with what was printed in its places; places without anything new stay as they are."""

    def place(found: re.Match[str]) -> str:
        name, old = found.groups()
        return f"<!-- {name} -->\n\n{printed.get(name, old).strip()}\n\n<!-- end -->"

    return PLACE.sub(place, text)


if __name__ == "__main__":
    raise SystemExit(main())
