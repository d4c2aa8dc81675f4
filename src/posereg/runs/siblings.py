"""The sibling run that a row starts from: reused if it is done, trained first if it is not.

`method.pretrain: H1` in row I1 means: the same command with row H1 in place of I1 (or `method=H1` outside a
table). The sibling trains in a process of its own under its folder's lock, so rows of a sweep that need the same
one train it once.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posereg import config as configs
from posereg.errors import UserError
from posereg.runs import folder as runs

# What rows share of `method.*`; beside it all that is not the method's: data, loader, trainer, trunk, seed and so on.
SHARED = ("network", "optimizer", "schedule")


def sibling_overrides(sibling: str, overrides: Sequence[str]) -> list[str]:
    """The overrides of the sibling row: its name in place of this row's.

    Args:
        sibling: a row of the same table, `<paper>/<table>/<row>` of another, or a method outside a table.
    """
    table, _, row = sibling.rpartition("/")
    in_table = any(override.lstrip("+").startswith("experiments/") for override in overrides)
    swapped = []
    for override in overrides:
        key, _, _ = override.partition("=")
        if key.lstrip("+").startswith("experiments/"):
            swapped.append(f"+experiments/{table}={row}" if table else f"{key}={row}")
        elif key.lstrip("+~").split(".")[0] in ("hydra", "run_dir", "row") or (
            key.lstrip("+~").split(".")[0] == "method" and not _is_shared(key)
        ):
            continue
        else:
            swapped.append(override)
    return swapped if in_table else [*swapped, f"method={sibling}"]


def _is_shared(key: str) -> bool:
    """Whether a setting of the method is the sibling's too: how it learns and what it learns with. Losses, decoding,
    names and starting rows are a row's own, and so is the choice of the method."""
    parts = key.lstrip("+~").split(".")
    return len(parts) > 1 and parts[1] in SHARED


def sibling_run(
    sibling: str, plain: dict[str, Any], overrides: Sequence[str], key: str = "method.members"
) -> Path:
    """Folder of the sibling's finished run; it is run first if need be.

    Args:
        key: what names the sibling, for messages.

    Raises:
        UserError: the sibling cannot be composed, or its run failed.
    """
    swapped = sibling_overrides(sibling, overrides)
    other = configs.plain(configs.compose(swapped))
    folder, digest = runs.run_dir(other), runs.config_hash(other)
    if folder == runs.run_dir(plain):
        raise UserError(f"{key}: '{sibling}' leads back to this run ({folder})")
    if not runs.is_done(folder, digest):
        print(f"{plain['row']} needs {sibling}: running that first, in {folder}")
        command = [sys.executable, "-m", "posereg.cli.main", "train", *swapped]
        code = subprocess.run(command, check=False).returncode
        if code != 0:
            raise UserError(f"{key}: the run of '{sibling}' in {folder} failed (exit code {code})")
    return folder


def sibling_checkpoint(sibling: str, plain: dict[str, Any], overrides: Sequence[str]) -> Path:
    """last.ckpt of the finished sibling.

    Raises:
        UserError: as `sibling_run`, or the checkpoint is gone.
    """
    folder = sibling_run(sibling, plain, overrides, "method.pretrain")
    checkpoint = folder / runs.CHECKPOINT
    if not checkpoint.exists():
        raise UserError(f"method.pretrain: {checkpoint} is gone; delete {folder} to train '{sibling}' again")
    return checkpoint
