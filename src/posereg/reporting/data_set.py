"""The data set of a result, by its name.

Nothing is built from a result.json, which anybody may have sent: the data set is read as posereg's own config of
that name says, from where that says or from the folder that the user names. One of the user's own is read from the YAML
file that describes it, which holds data and nothing that is called.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from posereg import config as configs
from posereg.data.sources.source import Source
from posereg.errors import UserError
from posereg.runs.results import Result
from posereg.settings import own_data

# Settings of a data set that a result may change: which people are read, never from where or by what.
CHOICES = ("ranges", "crop", "min_keypoints")


def source_of(result: Result, where: Path, root: Path | None = None) -> Source:
    """The data set of a result, by its name.

    Raises:
        UserError: no config of that name, or the file that describes a data set of the user's is not there.
    """
    said: dict[str, Any] = result.get("config", {}).get("data") or {}
    name = said.get("name")
    if not isinstance(name, str) or not name.replace("_", "").replace("-", "").isalnum():
        raise UserError(f"{where}: its config does not name its data set")
    node = configs.plain(configs.compose(_chosen(name, said.get("file"), where)))["data"]
    reader = said.get("reader")
    for key in CHOICES:
        if isinstance(reader, dict) and key in reader and key in node["reader"]:
            node["reader"][key] = reader[key]
    if root is not None:
        node["root"] = str(root)
    elif not Path(node["root"]).is_dir():
        raise UserError(f"{node['root']}: no such folder; say where the data of {name} lie with root=DIR")
    source: Source = configs.instantiate(node)
    return source


def _chosen(name: str, file: Any, where: Path) -> list[str]:
    """What chooses the data set on a command line."""
    if file is None:
        return [f"data={name}"]
    if not isinstance(file, str) or not own_data.describes(file) or not Path(file).is_file():
        raise UserError(f"{where}: its data set {name} is described by {str(file)[:200]}, which is not there")
    return ["data=from_file", f"data.file={json.dumps(file)}"]
