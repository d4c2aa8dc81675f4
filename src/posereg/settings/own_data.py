"""The one file that describes a data set of the user's: name, skeleton, source, metrics (docs/own_data.md).

`data=mouse.yaml` stands for `data=from_file data.file=<path>`; conf/data/from_file.yaml takes its parts from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posereg.errors import UserError, nearest
from posereg.files import read_yaml
from posereg.settings.ranges import is_part

KEYS = ("name", "skeleton", "source", "metrics")
SOURCE_KEYS = (
    "format",
    "root",
    "images",
    "annotations",
    "category",
    "splits",
    "seed",
    "confidence",
    "levels",
)
METRIC_KEYS = ("pck", "oks", "pixel_error")
FORMATS = ("coco-json", "dlc-csv", "yolo-pose", "sleap")
AREAS = ("annotated", "box")
PCK = {"by": "box", "at": [0.05, 0.1, 0.2]}


def describes(text: str) -> bool:
    """Whether a value of `data=` is the path of such a file and not the name of a config."""
    return text.endswith((".yaml", ".yml"))


def read(file: str | Path) -> dict[str, Any]:
    """`name`, `skeleton` (a name, an absolute path or the content), `root`, `source`, `metrics`.

    Raises:
        UserError: a file that is missing or describes no data set; names the key.
    """
    path = Path(file)
    content = read_yaml(path, "a description of a data set")
    _known(content, KEYS, path, "")
    for key in ("skeleton", "source"):
        if not content.get(key):
            raise UserError(f"{path}: {key}: is missing")
    name = content.get("name", path.stem)
    if not is_part(name):
        raise UserError(f"{path}: name: must be a name without / that a folder can have, not {name!r}")
    source = _mapping(content, "source", path)
    _known(source, SOURCE_KEYS, path, "source.")
    if source.get("format") not in FORMATS:
        raise UserError(
            f"{path}: source.format: must be {' or '.join(FORMATS)}{nearest(str(source.get('format')), FORMATS)}"
        )
    if not source.get("annotations"):
        raise UserError(f"{path}: source.annotations: is missing; name the annotation file")
    levels = source.get("levels", [0, 1])
    if (
        not isinstance(levels, list)
        or len(levels) != 2
        or not all(map(_is_number, levels))
        or levels[0] >= levels[1]
    ):
        raise UserError(
            f"{path}: source.levels: must be the values that are black and white, [0, 4095], not {levels!r:.60}"
        )
    metrics = _mapping(content, "metrics", path) or {"pck": PCK, "pixel_error": True}
    _known(metrics, METRIC_KEYS, path, "metrics.")
    _check_metrics(metrics, path)
    root = path.absolute().parent / str(source.get("root", ""))
    skeleton = content["skeleton"]
    if isinstance(skeleton, str) and describes(skeleton):
        skeleton = str(path.absolute().parent / skeleton)
    return {
        "name": name,
        "skeleton": skeleton,
        "root": str(root),
        "source": {key: value for key, value in source.items() if key != "root"},
        "metrics": dict(metrics),
    }


def _check_metrics(metrics: Mapping[str, Any], path: Path) -> None:
    pck = _mapping(metrics, "pck", path, "metrics.")
    _known(pck, ("by", "at"), path, "metrics.pck.")
    at = pck.get("at", PCK["at"])
    if not isinstance(at, list) or not at or not all(_is_number(v) and v > 0 for v in at):
        raise UserError(
            f"{path}: metrics.pck.at: must be a list of thresholds above 0: [0.1, 0.2], not {at!r:.60}"
        )
    oks = {} if isinstance(metrics.get("oks"), bool) else _mapping(metrics, "oks", path, "metrics.")
    _known(oks, ("area",), path, "metrics.oks.")
    if oks.get("area", AREAS[0]) not in AREAS:
        raise UserError(f"{path}: metrics.oks.area: must be {' or '.join(AREAS)}, not {oks['area']!r:.60}")
    if not isinstance(metrics.get("pixel_error", False), bool):
        raise UserError(f"{path}: metrics.pixel_error: must be true or false")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mapping(content: Mapping[str, Any], key: str, path: Path, prefix: str = "") -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise UserError(f"{path}: {prefix}{key}: must be keys and values")
    return value


def _known(node: Mapping[str, Any], keys: tuple[str, ...], path: Path, prefix: str) -> None:
    for key in node:
        if key not in keys:
            raise UserError(f"{path}: no such key '{prefix}{key}'{nearest(str(key), keys)}")
