"""Finds a data set's files, with one clear error when they are missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from posereg.data.samples import frames
from posereg.errors import UserError


def annotation_file(root: Path, named: Path | str | None, candidates: Sequence[str]) -> Path:
    """The annotation file: the one the user named (from `root` or the working folder), else the first candidate
    found in `root` or `root/annotations`.

    Raises:
        UserError: none is there.
    """
    if named is not None:
        for path in (Path(named), root / named, root / "annotations" / named):
            if path.exists():
                return path
        raise UserError(f"{named}: no such annotation file, neither here nor in {root} (data.annotations)")
    if not root.is_dir():
        raise UserError(f"{root}: no such data folder; put the data set there or set data.root")
    for name in candidates:
        for path in (root / name, root / "annotations" / name):
            if path.exists():
                return path
    wanted = " or ".join(candidates)
    raise UserError(f"{root}: no annotations found; expected {wanted}, there or in annotations/")


def is_there(root: Path, candidates: Sequence[str]) -> bool:
    """Whether one of the files lies in `root` or `root/annotations`."""
    return any((folder / name).exists() for name in candidates for folder in (root, root / "annotations"))


def image_folder(root: Path, *names: str) -> str:
    """The prefix of image paths: the first of `names` (default `images`) that is a folder of `root`, else none."""
    names = names or ("images",)
    return next((f"{name}/" for name in names if (root / name).is_dir()), "")


def image_name(name: object, file: Path) -> str:
    """An image's path as an annotation file gives it, which must stay below the data folder.

    Args:
        file: the annotation file, for the message.

    Raises:
        UserError: not a text, an absolute path, or one that leads out of the folder.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise UserError(
            f"{file}: an image has file_name {name!r:.60}; it must be a path below the data folder"
        )
    if name.startswith("/") or ".." in name.split("/"):
        raise UserError(f"{file}: the image '{name}' lies outside the data folder; give paths relative to it")
    return name


def missing_images(root: Path, images: Sequence[str]) -> list[int]:
    """Indices of the images that are not on disk. Lists each folder once instead of asking for every file."""
    there: dict[str, set[str]] = {}
    missing = []
    for index, name in enumerate(images):
        # Texts, not paths: pathlib would take half a minute for Human3.6M's frames, and keep all names in memory.
        folder, _, base = frames.file_of(name).rpartition("/")
        if folder not in there:
            there[folder] = set(os.listdir(root / folder)) if (root / folder).is_dir() else set()
        if base not in there[folder]:
            missing.append(index)
    return missing
