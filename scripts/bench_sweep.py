"""What a sweep costs before its runs work: until the first one is started, and what each start takes.

    OMP_NUM_THREADS=1 python scripts/bench_sweep.py [--against REVISION] [--rows 20,200,2000] [--repeats 3]

- first start: processor time of the sweep and of what it has started (the check of configs) until it says that the
  first row is on its way, and the peak memory of the sweep's own process; of rows that were never seen (`new`) and of
  rows that were checked before (`known`). The exponent says how it grows with the number of rows.
- first step: processor time and memory of one run, from its process's start to its first training step: H1 of the
  demo on 64 synthetic people, so that nothing but the start counts.
- eight starts: processor time of a whole sweep of eight rows that end as soon as they look for their data.
- With --against, an older revision takes turns with this one. Linux alone tells what a process has taken so far.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench_commands import ROOT, Cost, checkout, line
from measure import begin, exponent, row

TABLE = ("train", "-m", "data=synthetic", "recipe=demo", "trainer.accelerator=cpu", "hydra.launcher.slots=1")
STEP = """
import os, resource, sys
from posereg.cli.deferred import defer
defer()
from posereg.runs import collector
collector.seldom()  # as `posereg train` does before it imports what follows
from posereg.methods.base import PoseModule
def first(*given):
    used = resource.getrusage(resource.RUSAGE_SELF)
    os.write(1, f"\\nfirst step {used.ru_utime + used.ru_stime} {used.ru_maxrss}".encode())
    os._exit(0)
PoseModule.training_step = first
from posereg.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
PAIR, ALL = "+experiments/integral/table2=H1,I_star", "+experiments/integral/table2=glob(*)"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="REVISION")
    parser.add_argument("--rows", default="20,200,2000", metavar="N,N")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    counts = [int(count) for count in asked.rows.split(",")]
    begin(__doc__)
    with checkout(asked.against) as before:
        sides = {"now": ROOT, **({asked.against: before} if before else {})}
        taken: dict[str, dict[int, float]] = {"new": {}, "known": {}}
        for count in counts:
            costs: dict[str, dict[str, list[Cost]]] = {"new": {}, "known": {}}
            for _ in range(asked.repeats):
                for side, place in sides.items():
                    with tempfile.TemporaryDirectory() as folder:
                        for kind in ("new", "known"):
                            costs[kind].setdefault(side, []).append(first_start(place, count, folder))
            for kind, its in costs.items():
                print(line(f"first start of {count:,} {kind} rows", its))
                taken[kind][count] = statistics.median(cost.seconds for cost in its["now"])
        if len(counts) > 1:
            for kind, seconds in taken.items():
                grown = f"exponent {exponent(list(seconds), list(seconds.values())):.2f}"
                row(f"first start of {', '.join(f'{n:,}' for n in seconds)} {kind} rows", grown, "", "", "")
        steps: dict[str, list[Cost]] = {side: [] for side in sides}
        with tempfile.TemporaryDirectory() as folder:
            for turn in range(asked.repeats):
                for side, place in sides.items():
                    steps[side].append(first_step(place, Path(folder), turn))
        print(line("first step", steps))
        eight: dict[str, list[Cost]] = {side: [] for side in sides}
        for _ in range(asked.repeats):
            for side, place in sides.items():
                with tempfile.TemporaryDirectory() as folder:
                    eight[side].append(whole(place, folder))
        print(line("eight starts", eight))


def start(place: Path, folder: str, *overrides: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(place / "src"), "POSEREG_CACHE": folder}
    command = [sys.executable, "-u", "-m", "posereg.cli.main", *TABLE, *overrides, f"runs={folder}/runs"]
    return subprocess.Popen(
        [*command, f"data.root={folder}/nowhere"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=place,
    )


def first_start(place: Path, rows: int, folder: str) -> Cost:
    """A sweep of so many rows up to its first start; then it is told to end."""
    process = start(place, folder, PAIR, f"seed={','.join(map(str, range(rows // 2)))}")
    assert process.stdout is not None
    if not any(text.startswith("start ") for text in process.stdout):
        raise SystemExit(f"the sweep in {place} started nothing")
    pids = [process.pid, *children(process.pid)]
    cost = Cost(sum(map(seconds, pids)), peak(process.pid))
    process.send_signal(signal.SIGTERM)
    process.stdout.read()
    process.wait()
    return cost


def first_step(place: Path, folder: Path, turn: int) -> Cost:
    """One run up to its first training step."""
    environment = {**os.environ, "PYTHONPATH": str(place / "src"), "POSEREG_CACHE": str(folder / "cache")}
    people, python = folder / "people", [sys.executable, "-c", STEP]
    make = ("data", "make", "kind=mpii", f"out={people}", "people=64", "size=128", "style=plain")
    subprocess.run([*python, *make], env=environment, check=True, capture_output=True)
    run = (
        "train",
        "method=H1",
        "data=synthetic",
        "recipe=demo",
        "trainer.accelerator=cpu",
        f"data.root={people}",
    )
    command = [*python, *run, f"runs={folder / f'{place.name}{turn}'}"]
    printed = subprocess.run(command, env=environment, cwd=place, check=True, capture_output=True, text=True)
    taken, kilobytes = printed.stdout.split("first step ")[1].split()
    return Cost(float(taken), int(kilobytes) / 1024)


def whole(place: Path, folder: str) -> Cost:
    """A sweep of eight rows that end at once."""
    process = start(place, folder, ALL)
    assert process.stdout is not None
    process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def seconds(pid: int) -> float:
    """Processor time of a process and of those that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def peak(pid: int) -> float:
    """Its largest memory so far, MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
