"""What a configured model costs: parameters, multiply-adds, activation memory, images per second.

posereg info method=I1 [any override of a run] [out=FILE.json] [measure=true|false]

Multiply-adds count convolutions and matrix products, a deconvolution at its input's resolution (as the integral paper
counts). Images per second are measured on this machine, batch 1 and batch 32, unless measure=false.
"""

from __future__ import annotations

from typing import Any

from posereg.errors import UserError

HELP = "parameters, multiply-adds, memory and speed of a configured model"


def run(arguments: list[str]) -> int:
    from rich.console import Console
    from rich.table import Table

    own = {k: v for k, v in (a.split("=", 1) for a in arguments if "=" in a) if k in ("out", "measure")}
    overrides = [a for a in arguments if a.partition("=")[0] not in ("out", "measure")]
    if own.get("measure", "true") not in ("true", "false"):
        raise UserError(f"posereg info: measure={own['measure']} is neither true nor false")
    report = describe(overrides, own.get("measure", "true") == "true")
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in report.items():
        table.add_row(name, _shown(name, value))
    Console().print(table)
    if "out" in own:
        from posereg.files import write_json

        write_json(own["out"], report)
    return 0


def describe(overrides: list[str], measure: bool = True) -> dict[str, Any]:
    """Cost of the configured model; `params`, `macs`, `activation_bytes`, and images per second if measured."""
    import torch

    from posereg import config as configs
    from posereg.build import build_method
    from posereg.networks.complexity import counts, rates

    plain = configs.plain(configs.compose(overrides))
    configs.validate(plain)
    module = build_method(plain, weights=False)
    size = module.input_size
    report = {"row": plain["row"], "input_size": list(size), **counts(module.network, size)}
    if measure:
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
