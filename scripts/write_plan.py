"""Write the page of what all tables cost: python scripts/write_plan.py PAGE [TABLE ...]"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from pathlib import Path

from posereg import config
from posereg.planning.plan import GB, Plan, plan
from posereg.planning.rates import stated
from posereg.planning.sweep import planned
from posereg.planning.text import markdown, summary

GROUPS = ("art", "cascade", "integral", "modern", "softargmax", "volume")
DEVICES, MEMORY, TFLOPS = 8, 80.0, 20.0
INTRODUCTION = f"""\
# What the tables cost

One seed of every row of the five papers' tables and of those of [methods since then](papers/modern.md), each trained
as its row says, on GPUs of {MEMORY:g} GB with bf16. Written by `make plan`, without the data and without a GPU: nothing
here is measured. `posereg plan` does the same for your data, devices and seeds, and says what of it is done;
`measured=DIR` takes its rate from your finished runs.

- Counts of steps, images, FLOPs and hours are of one run. FLOPs: 6 for each multiply-add of an image that is trained on
  (a forward and a backward pass), 2 for each of validation and evaluation.
- Memory: weights, gradients, optimiser and what the layers keep for the backward pass, and 15 % for the rest.
- Hours: FLOPs by {TFLOPS:g} TFLOP/s, which is assumed. Data loading, and people grouped and scored on the CPU, come on
  top.
"""


def tables() -> list[str]:
    """All tables, `<paper>/<table>`, sorted."""
    root = config.experiments()
    files = [file for group in GROUPS for file in root.glob(f"{group}/*/table.toml")]
    return sorted(file.parent.relative_to(root).as_posix() for file in files)


def data_of(table: str) -> str:
    """The data set that its published numbers are of."""
    text = (config.experiments() / table / "table.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["data"])


def whole(names: list[str]) -> Plan:
    """The plan of these tables together; a row that several of them need is counted once."""
    with tempfile.TemporaryDirectory() as empty:
        own = ("trainer=gpu", "data.root=nowhere", f"runs={empty}")
        commands = [[f"+experiments/{name}=glob(*)", f"data={data_of(name)}", *own] for name in names]
        return plan(planned(commands), stated(TFLOPS), DEVICES, MEMORY * GB)


def section(found: Plan, name: str) -> str:
    """A table's part of the page."""
    lines = [line for line in found.lines if line.key[1] == name]
    return f"## {name}, {lines[0].key[0]}\n\n{markdown(lines)}\n"


def main(arguments: list[str]) -> int:
    """Write the page; 2 without a file's name."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    names = arguments[1:] or tables()
    found = whole(names)
    totals = "\n".join(
        f"- {line}" for line in summary(found, f"{TFLOPS:g} TFLOP/s a device (assumed)", MEMORY)
    )
    text = "\n".join([INTRODUCTION, totals + "\n", *(section(found, name) for name in names)])
    Path(arguments[0]).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
