"""`posereg plan`: what a sweep will cost, before it is started."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import EXISTING_DIR, FILE, Command, Option, listed, number, whole

COMMAND = Command(
    "plan",
    "what a sweep will cost: steps, memory, hours, and what of it is done",
    """
    Takes what `posereg train -m` takes and runs nothing. The rows that others start from are counted too. Steps and
    images are those of the data or, where these are not here, of their published size. FLOPs are 6 for each
    multiply-add of an image trained on (a forward and a backward pass) and 2 for each of validation and evaluation.
    Memory is counted: weights, gradients, optimiser and what the layers keep for the backward pass, and 15 % for the
    rest. Hours are FLOPs by a rate that is stated (tflops=), or measured by runs that are done (measured=).
    """,
    config="all",
    options=(
        Option("out", FILE, "also write the plan there, in Markdown"),
        Option("devices", whole(1), "devices to run on", default=1),
        Option("memory", number(0.1), "GB of a device", default=80.0),
        Option("tflops", number(1e-6), "TFLOP/s that a device sustains in training", default=20.0),
        Option("measured", listed(EXISTING_DIR), "finished runs to take that from, instead of tflops="),
        Option("samples", whole(1), "samples of the training split", default_text="as read or published"),
        Option("val_samples", whole(1), "of the validation split", default_text="as read or published"),
    ),
    examples=(
        "posereg plan '+experiments/art/table2=glob(*)' data=coco trainer=gpu seed=0,1,2 devices=8",
        "posereg plan '+experiments/integral/table2=glob(*)' data=synthetic recipe=demo measured=runs/demo",
    ),
)


def run(
    overrides: list[str],
    devices: int,
    memory: float,
    tflops: float,
    measured: list[Path] | None,
    samples: int | None,
    val_samples: int | None,
    out: Path | None,
) -> int:
    """Print the plan, and write it to `out`.

    Raises:
        UserError: overrides that make no sense, or a data set whose size nobody knows.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from posereg.planning import rates, text
    from posereg.planning.plan import GB, plan
    from posereg.planning.sweep import planned

    rate, spoken = rates.stated(tflops), f"{tflops:g} TFLOP/s a device (stated)"
    if measured:
        rate, median = rates.measured(measured)
        spoken = f"{median:.3g} TFLOP/s a device (measured, the median)"
    whole_plan = plan(planned([overrides]), rate, devices, memory * GB, samples, val_samples)
    table = Table(box=None, pad_edge=False)
    for name in text.COLUMNS:
        table.add_column(name, justify="left" if name in text.WORDS else "right", no_wrap=True)
    for line in whole_plan.lines:
        table.add_row(*map(escape, text.cells(line)))
    # A table that is wider than the terminal is folded by the terminal; nothing of it is left out.
    Console(width=max(Console().width, Console(width=1000).measure(table).maximum)).print(table)
    summary = text.summary(whole_plan, spoken, memory)
    print("\n".join(summary))
    if out is not None:
        from posereg.files import write_text

        write_text(out, text.markdown(whole_plan.lines) + "\n\n" + "\n".join(summary) + "\n")
    return 0
