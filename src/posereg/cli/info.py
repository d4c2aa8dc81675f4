"""`posereg info`: what a configured model costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from posereg.cli.spec import BOOLEAN, FILE, Command, Option
from posereg.errors import UserError

COMMAND = Command(
    "info",
    "parameters, multiply-adds and memory of a configured model, and its speed",
    """
    Multiply-adds count convolutions and matrix products, a deconvolution at its input's resolution (as Sun et al.,
    Integral Human Pose Regression, count). With measure=true, images per second are measured on this machine, batch 1
    and batch 32: half a minute for a ResNet-50 on one core of a CPU.
    """,
    config="all",
    options=(
        Option("out", FILE, "also write the figures there as JSON"),
        Option("measure", BOOLEAN, "measure images per second", default=False),
    ),
    examples=(
        "posereg info method=I1 backbone=resnet101 measure=true",
        "posereg info '+experiments/integral/table2=I1'",
    ),
)


def run(overrides: list[str], out: Path | None, measure: bool) -> int:
    """Print the model's cost, and write it to `out`.

    Raises:
        UserError: a config that describes no model.
    """
    from rich.console import Console
    from rich.table import Table

    report = describe(overrides, measure)
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in report.items():
        table.add_row(name, _shown(name, value))
    Console().print(table)
    if out is not None:
        from posereg.files import write_json

        write_json(out, report)
    return 0


def describe(overrides: list[str], measure: bool = False) -> dict[str, Any]:
    """Cost of the configured model; `params`, `macs`, `activation_bytes`, and images per second if measured.

    Raises:
        UserError: a config that describes no model, or a backbone that does not take images of this size.
    """
    import torch

    from posereg import config as configs
    from posereg.build import build_method
    from posereg.networks.backbone import refused
    from posereg.networks.complexity import counts, rates

    plain = configs.plain(configs.compose(overrides))
    configs.validate(plain)
    module = build_method(plain, weights=False)
    size = module.input_size
    try:
        counted = counts(module.network, size)
    except (AssertionError, RuntimeError, ValueError) as error:
        if reason := refused(module.network, size):
            raise UserError(reason) from error
        raise
    report = {"row": plain["row"], "input_size": list(size), **counted}
    if measure:
        print("measuring images per second, batch 1 and batch 32 ...", file=sys.stderr, flush=True)
        report |= rates(module.network, size, "cuda" if torch.cuda.is_available() else "cpu")
    return report


def _shown(name: str, value: Any) -> str:
    if name == "params":
        return f"{value / 1e6:.3f} M"
    if name == "macs":
        return f"{value / 1e9:.3f} G"
    if name == "activation_bytes":
        return f"{value / 2**20:.1f} MiB an image"
    return str(value)
