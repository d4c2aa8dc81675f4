"""last.ckpt on disk: written whole, the one before kept, damaged ones named and passed over."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO
from lightning_fabric.utilities.types import _PATH

from posereg.errors import UserError
from posereg.files import whole_file
from posereg.runs.folder import CHECKPOINT, CHECKPOINT_BEFORE

SECTION = "posereg"  # what the suite itself keeps in a checkpoint (checkpoints.py)


class WholeFiles(CheckpointIO):
    """Lightning's checkpoints through this module, so that whatever saves one leaves no half of it."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None
    ) -> None:
        """Write the file whole or not at all (`write`)."""
        write(Path(path), checkpoint)

    def load_checkpoint(
        self, path: _PATH, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read tensors and plain values (`read`)."""
        return read(Path(path))

    def remove_checkpoint(self, path: _PATH) -> None:
        """Remove the file if it is there."""
        Path(path).unlink(missing_ok=True)


def write(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint; the last.ckpt that was there becomes last-1.ckpt.

    Raises:
        UserError: the disk is full or cannot be written; what was there is intact.
    """
    with whole_file(path) as temporary:
        with open(temporary, "wb") as file:
            torch.save(checkpoint, file)
        if path.name == CHECKPOINT and path.exists():
            _keep(path, path.with_name(CHECKPOINT_BEFORE))


def replace_weights(path: Path, state: dict[str, torch.Tensor]) -> None:
    """Put other weights into a checkpoint, for a part that was trained after it was written."""
    content = read(path)
    content["state_dict"] = {name: tensor.cpu() for name, tensor in state.items()}
    write(path, content)


def read(path: Path) -> dict[str, Any]:
    """The checkpoint in a file, on the CPU; nothing in it is executed.

    Raises:
        UserError: the file is not there, damaged, or no checkpoint.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            if (record := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"wrong checksum of {record}")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{path} is damaged or no checkpoint ({reason})") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise UserError(f"{path} is no checkpoint (it has no state_dict)")
    return content


def last_good(folder: Path, tidy: bool = True) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint of a run's folder that can be read, and its content; None if there is none to go on from.

    Args:
        tidy: rename damaged ones, so that they do not take the place of a good one later.

    Raises:
        UserError: it was written by an earlier version of posereg.
    """
    for name in (CHECKPOINT, CHECKPOINT_BEFORE):
        path = folder / name
        if not path.exists():
            continue
        try:
            content = read(path)
        except UserError as error:
            print(f"{error}; passed over")
            if tidy:
                os.replace(path, path.with_name(f"damaged-{name}"))
            continue
        if SECTION not in content:
            raise UserError(
                f"{path} was written by an earlier version of posereg, which did not keep all that is needed to go "
                f"on exactly; delete it to train anew, or start from its weights with init_weights={path} run_dir=DIR"
            )
        return path, content
    return None


def _keep(path: Path, before: Path) -> None:
    """Give the file a second name, at no moment without the first."""
    link = before.with_name(f".{before.name}")
    try:
        link.unlink(missing_ok=True)
        os.link(path, link)
        os.replace(link, before)
    except OSError:  # a file system without hard links
        os.replace(path, before)
