"""The description of a data set of the user's (docs/own_data.md), drawn up from its annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posereg.data.formats import own_coco, own_csv, own_slp
from posereg.errors import UserError, nearest
from posereg.files import read_yaml, reading
from posereg.records.coco_columns import Columns
from posereg.records.coco_file import posed
from posereg.skeletons.sides import find_pairs

Json = dict[str, Any]
SHARES = {"train": 0.8, "val": 0.2}
METRICS = {"pck": {"by": "box", "at": [0.05, 0.1, 0.2]}, "pixel_error": True}


def describe(annotations: Path, category: str | None = None, joints: Sequence[str] | None = None) -> Json:
    """`skeleton`, `source` (without paths) and `metrics` of an annotation file, whose kind its name tells.

    Args:
        annotations: COCO-style JSON, a table of DeepLabCut or lightning-pose (.csv), YOLO's data.yaml, or
            SLEAP's .slp.
        category: which of several. joints: their names in the file's order, where the file has none.

    Raises:
        UserError: no such file, several categories, or joints without names.
    """
    kinds = {".json": _coco, ".csv": _table, ".yaml": _yolo, ".yml": _yolo, ".slp": _sleap}
    if annotations.suffix.lower() not in kinds:
        raise UserError(
            f"{annotations}: must be a COCO-style .json, DeepLabCut's .csv, YOLO's data.yaml or SLEAP's .slp"
        )
    skeleton, source = kinds[annotations.suffix.lower()](annotations, category, joints)
    return {"skeleton": skeleton, "source": source, "metrics": METRICS}


def _coco(path: Path, name: str | None, joints: Sequence[str] | None) -> tuple[Json, Json]:
    with reading(path, "COCO-style annotations"):
        return _of_content(own_coco.load(path), path, name)


def _of_content(columns: Columns, path: Path, name: str | None) -> tuple[Json, Json]:
    every = {str(one.get("name")): one for one in posed(columns)}
    category = _chosen(every, name, path)
    names = category.get("keypoints")
    if not isinstance(names, list) or not names:
        raise UserError(
            f"{path}: its category '{category.get('name')}' does not name its joints; add 'keypoints': [nose, ...]"
        )
    limbs = [
        [names[a - 1], names[b - 1]]
        for a, b in category.get("skeleton") or ()
        if 0 < a <= len(names) and 0 < b <= len(names) and a != b
    ]
    skeleton = {"joints": names, **({"limbs": limbs} if limbs else {})}
    chosen = {"category": category["name"]} if len(columns.categories) > 1 else {}
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
    names = [str(one) for one in named or joints or ()]
    mirror = described.get("flip_idx") or []
    fits = isinstance(mirror, list) and sorted(map(str, mirror)) == sorted(map(str, range(len(names))))
    mirrored = [[names[a], names[b]] for a, b in enumerate(mirror if fits else []) if a < b]
    return {"joints": names, **_pairs(names, mirrored)}, {"format": "yolo-pose", **category}


def _sleap(path: Path, name: str | None, joints: Sequence[str] | None) -> tuple[Json, Json]:
    found = list(own_slp.labels_of(path).skeletons)
    chosen = _chosen({own_slp.name_of(one, k): one for k, one in enumerate(found)}, name, path)
    names = [node.name for node in chosen.nodes]
    limbs = [[names[a], names[b]] for a, b in chosen.edge_inds]
    mirrored = sorted(sorted(node.name for node in pair.nodes) for pair in chosen.symmetries)
    skeleton = {"joints": names, **({"limbs": limbs} if limbs else {}), **_pairs(names, mirrored)}
    category = {"category": own_slp.name_of(chosen, found.index(chosen))} if len(found) > 1 else {}
    return skeleton, {"format": "sleap", **category, "splits": SHARES}


def _pairs(names: list[str], mirrored: list[list[str]]) -> Json:
    """The pairs that a file names, where the joints' own names do not say as much."""
    try:
        if find_pairs(names):
            return {}
    except UserError:
        pass
    return {"pairs": mirrored} if mirrored else {}


def _chosen(every: dict[str, Any], name: str | None, path: Path) -> Any:
    if name is not None and name not in every:
        raise UserError(f"{path}: no category '{name}' with poses{nearest(name, tuple(every))}")
    if name is None and len(every) != 1:
        what = f"has several categories; choose one: category={'|'.join(every)}" if every else "has no poses"
        raise UserError(f"{path}: {what}")
    return every[name] if name is not None else next(iter(every.values()))
