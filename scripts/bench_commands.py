"""What whole commands cost: processor time and memory of the processes, from their start to their end.

    OMP_NUM_THREADS=1 python scripts/bench_commands.py [--against REVISION] [--runs 2000] [--repeats 3] [NAME ...]

- Every run is the first one, with an empty cache folder: `config` checks what it has never seen. `table`, `report` and
  `claims` are of 2,000 made-up runs, `claims-results` of those that this repository keeps.
- Processor time is the user's and the system's of the process and its children, memory the peak of the largest.
- With --against, an older revision is checked out beside this one and the two take turns; the outputs of both must be
  the same, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import begin, spent, spread

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ("pictures=0",)  # those need the data set
# name -> arguments of `posereg`; RUNS, RESULTS and OUT are folders
COMMANDS = {
    "config": ("config", "+experiments/integral/table2=I1", "data=mpii"),
    "info": ("info", "method=I1", "measure=false"),
    "table": ("table", "integral/table2", "runs=RUNS", "out=OUT", *PICTURES),
    "report": ("report", "runs=RUNS", "out=OUT", *PICTURES),
    "claims": ("claims", "runs=RUNS", "out=OUT"),
    "claims-results": ("claims", "runs=RESULTS", "out=OUT"),  # of the runs that this repository keeps
}


@dataclass(frozen=True)
class Cost:
    """What one process took: processor seconds, and its peak memory in MB."""

    seconds: float
    megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(COMMANDS), metavar="NAME", help=", ".join(COMMANDS))
    parser.add_argument("--against", metavar="REVISION")
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    begin(__doc__)
    with tempfile.TemporaryDirectory() as folder, checkout(asked.against) as before:
        runs = Path(folder) / "runs"
        copy_runs(ROOT / "results" / "integral_table2_lspet", runs, asked.runs)
        for name in asked.names:
            sides = {"now": ROOT, **({asked.against: before} if before else {})}
            costs: dict[str, list[Cost]] = {side: [] for side in sides}
            written: dict[str, dict[str, bytes]] = {}
            for _ in range(asked.repeats):
                for side, place in sides.items():
                    out = Path(folder) / "out"
                    shutil.rmtree(out, ignore_errors=True)
                    costs[side].append(run(COMMANDS[name], place, runs, out))
                    written[side] = {path.name: undated(path.read_bytes()) for path in out.glob("*.*")}
            if len({repr(sorted(files.items())) for files in written.values()}) > 1:
                raise SystemExit(f"{name}: the two revisions wrote different files")
            print(line(name, costs), flush=True)


def undated(content: bytes) -> bytes:
    """A file without the date that matplotlib used to write into its SVG."""
    return re.sub(rb"<dc:date>.*?</dc:date>\s*", b"", content)


def line(name: str, costs: dict[str, list[Cost]]) -> str:
    """A row: both sides' medians and, pair by pair, the ratio of processor time with its spread."""
    now, *others = costs.values()
    ratios = [old.seconds / new.seconds for before in others for old, new in zip(before, now, strict=True)]
    beside = [", ".join(list(costs)[1:]), ", ".join(map(medians, others))]
    return f"| {' | '.join([name, medians(now), *beside, spread(ratios) if ratios else ''])} |"


def medians(costs: list[Cost]) -> str:
    """Time and memory of a side."""
    seconds = statistics.median(cost.seconds for cost in costs)
    return f"{spent(1000 * seconds)}, {max(cost.megabytes for cost in costs):.0f} MB"


def run(arguments: tuple[str, ...], place: Path, runs: Path, out: Path) -> Cost:
    """Run `posereg` of a checkout once."""
    folders = {"RUNS": runs, "RESULTS": ROOT / "results", "OUT": out}
    given = [
        key + sign + str(folders.get(text, text))
        for key, sign, text in (a.rpartition("=") for a in arguments)
    ]
    cache = out.with_name("cache")
    shutil.rmtree(cache, ignore_errors=True)
    environment = {
        **os.environ, "PYTHONPATH": str(place / "src"), "MPLBACKEND": "agg", "POSEREG_CACHE": str(cache)
    }  # fmt: skip
    command = [sys.executable, "-m", "posereg.cli.main", *given]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=place)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"posereg {' '.join(given)} failed in {place}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def copy_runs(source: Path, target: Path, count: int) -> None:
    """The rows of one table's results, each as often as it takes to make `count` runs, as further seeds."""
    rows = {path.parts[-3]: path.parent for path in sorted(source.glob("*/seed*/result.json"))}
    for row, folder in rows.items():
        for seed in range(count // len(rows)):
            copied = target / source.name / row / f"seed{seed}"
            shutil.copytree(folder, copied)
            result = json.loads((copied / "result.json").read_text(encoding="utf-8"))
            result["seed"] = result["config"]["seed"] = seed
            (copied / "result.json").write_text(json.dumps(result), encoding="utf-8")


@contextmanager
def checkout(revision: str | None) -> Iterator[Path | None]:
    """An older revision of this repository in a folder of its own."""
    if revision is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "before"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "-q", "--detach", place, revision], check=True)
        try:
            yield place
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", place], check=True)


if __name__ == "__main__":
    main()
