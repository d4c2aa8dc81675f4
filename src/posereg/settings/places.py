"""Where configs lie, posereg's own and the folders of --config-dir; and what is kept of one run for the next."""

from __future__ import annotations

import os
from pathlib import Path

# Folders of configs of the user's (--config-dir), separated as PATH is.
CONFIG_FOLDERS = "POSEREG_CONFIG_DIR"
CACHE = "POSEREG_CACHE"  # the user's choice of cache folder


def root() -> Path:
    """The folder that holds conf/: the installed copy, or the repository."""
    package = Path(__file__).resolve().parents[1]
    return package if (package / "conf").is_dir() else package.parents[1]


def config_roots() -> list[Path]:
    """Every folder with config groups in it: those of --config-dir first, posereg's own last."""
    own = [Path(name) for name in os.environ.get(CONFIG_FOLDERS, "").split(os.pathsep) if name]
    return [*own, root() / "conf"]


def cache_folder() -> Path:
    """$POSEREG_CACHE, else posereg/ below the user's cache folder."""
    below = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(CACHE) or Path(below) / "posereg")
