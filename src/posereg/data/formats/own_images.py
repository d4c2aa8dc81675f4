"""Where the pictures lie that an annotation file of any origin names."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import Any


class ImageFiles:
    """Paths below `root` of pictures as declared: with or without the folder of images in the name, absolute, with
    backslashes, or in another case. What cannot be found is named as declared, for `data check` to report.

    Args:
        folder: the folder of images below `root`; `root` itself and `images/` if it is not given.
    """

    def __init__(self, root: Path, folder: Any = None) -> None:
        self.root = root
        self.folders = [str(folder)] if folder else ["", "images"]
        self._listed: dict[Path, dict[str, str]] = {}

    def __call__(self, declared: str) -> str:
        """The path below `root` of a picture, found or as declared."""
        parts = [
            part
            for part in PureWindowsPath(declared).parts
            if part not in ("..", ".") and not part.endswith((":", "\\", "/"))
        ]
        for start in range(len(parts)):
            for folder in self.folders:
                name = "/".join([folder, *parts[start:]] if folder else parts[start:])
                if (found := self._there(name)) is not None:
                    return found
        return "/".join([folder for folder in self.folders[:1] if folder] + parts)

    def _there(self, name: str) -> str | None:
        path = self.root / name
        if path.parent not in self._listed:
            entries = path.parent.iterdir() if path.parent.is_dir() else ()
            self._listed[path.parent] = {entry.name.lower(): entry.name for entry in entries}
        own = self._listed[path.parent].get(path.name.lower())
        if own is None:
            return None
        return name if path.is_file() else (Path(name).parent / own).as_posix()
