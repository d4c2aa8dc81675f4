"""The description of a data set of the user's (docs/own_data.md), drawn up from its annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posereg.data.formats import own_coco, own_csv
from posereg.errors import UserError, nearest
from posereg.files import read_yaml

Json = dict[str, Any]
SHARES = {"train": 0.8, "val": 0.2}
METRICS = {"pck": {"by": "box", "at": [0.05, 0.1, 0.2]}, "pixel_error": True}


def describe(annotations: Path, category: str | None = None, joints: Sequence[str] | None = None) -> Json:
    """`skeleton`, `source` (without paths) and `metrics` of an annotation file, whose kind its name tells.

    Args:
        annotations: COCO-style JSON, a table of DeepLabCut or lightning-pose (.csv), or YOLO's data.yaml.
        category: which of several. joints: their names in the file's order, where the file has none.

    Raises:
        UserError: no such file, several categories, or joints without names.
    """
    kinds = {".json": _coco, ".csv": _table, ".yaml": _yolo, ".yml": _yolo}
    if annotations.suffix.lower() not in kinds:
        raise UserError(f"{annotations}: must be a COCO-style .json, DeepLabCut's .csv or YOLO's data.yaml")
    skeleton, source = kinds[annotations.suffix.lower()](annotations, category, joints)
    return {"skeleton": skeleton, "source": source, "metrics": METRICS}


def _coco(path: Path, name: str | None, joints: Sequence[str] | None) -> tuple[Json, Json]:
    content = own_coco.load(path)
    posed = {one.get("category_id") for one in content["annotations"] if one.get("keypoints")}
    every = {str(one.get("name")): one for one in content["categories"] if one.get("id") in posed}
    category = _chosen(every, name, path)
    names = category.get("keypoints")
    if not names:
        raise UserError(
            f"{path}: its category '{category.get('name')}' does not name its joints; add 'keypoints': [nose, ...]"
        )
    limbs = [
        [names[a - 1], names[b - 1]]
        for a, b in category.get("skeleton") or ()
        if 0 < a <= len(names) and 0 < b <= len(names) and a != b
    ]
    skeleton = {"joints": names, **({"limbs": limbs} if limbs else {})}
    chosen = {"category": category["name"]} if len(content["categories"]) > 1 else {}
    return skeleton, {"format": "coco-json", **chosen, "splits": SHARES}


def _table(path: Path, name: str | None, joints: Sequence[str] | None) -> tuple[Json, Json]:
    columns = own_csv.columns_of(path)
    likely = {"confidence": 0.5} if any(coord == "likelihood" for _, _, coord in columns) else {}
    joint_names = list(dict.fromkeys(joint for _, joint, _ in columns))
    return {"joints": joint_names}, {"format": "dlc-csv", **likely, "splits": SHARES}


def _yolo(path: Path, name: str | None, joints: Sequence[str] | None) -> tuple[Json, Json]:
    described = read_yaml(path, "YOLO's data.yaml")
    classes = described.get("names") or {}
    classes = dict(enumerate(classes)) if isinstance(classes, list) else classes
    chosen = _chosen({str(one): key for key, one in classes.items()}, name, path)
    named = described.get("kpt_names")
    named = named.get(chosen) if isinstance(named, dict) else named
    if not named and not joints:
        raise UserError(f"{path}: does not name its joints; say joints=nose,... in the order of the labels")
    category = {"category": str(classes[chosen])} if len(classes) > 1 else {}
    return {"joints": list(named or joints or ())}, {"format": "yolo-pose", **category}


def _chosen(every: dict[str, Any], name: str | None, path: Path) -> Any:
    if name is not None and name not in every:
        raise UserError(f"{path}: no category '{name}' with poses{nearest(name, tuple(every))}")
    if name is None and len(every) != 1:
        what = f"has several categories; choose one: category={'|'.join(every)}" if every else "has no poses"
        raise UserError(f"{path}: {what}")
    return every[name] if name is not None else next(iter(every.values()))
