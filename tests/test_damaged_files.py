"""Files that are damaged, of another kind, or made by somebody who means harm: one line that names them, or a value.

Every format is written once as it should be, then bytes are changed, cut out and put in; JSON is also changed inside,
so that it stays JSON. Whatever a reader raises must be a UserError that names the file.
"""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from posereg.claims import definition
from posereg.data.formats import coco, crowdpose, detections, h80k, lsp, lspet, mpii
from posereg.data.formats.coco_json import load as load_coco
from posereg.errors import UserError
from posereg.evaluation import oks
from posereg.networks.weights import read_checkpoint, read_tensors
from posereg.predict.predictor import read_boxes
from posereg.records import predictions
from posereg.records.predictions import Predictions
from posereg.reporting import experiments
from posereg.runs import folder, metrics_csv, results
from posereg.skeletons.skeleton import COCO

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Format:
    """name: the file's name; write: makes a good file; read: what posereg does with it."""

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Any]


def coco_content() -> dict[str, Any]:
    person = {
        "id": 7,
        "image_id": 3,
        "category_id": 1,
        "iscrowd": 0,
        "area": 900.0,
        "bbox": [10, 10, 30, 40],
        "num_keypoints": 17,
        "keypoints": [value for k in range(17) for value in (12 + k, 14 + k, 2)],
        "segmentation": [[10, 10, 40, 10, 40, 50]],
    }
    return {
        "images": [{"id": 3, "file_name": "a.jpg", "width": 64, "height": 64}],
        "annotations": [person],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.joints)}],
    }


def crowdpose_content() -> dict[str, Any]:
    content = coco_content()
    content["annotations"][0]["keypoints"] = content["annotations"][0]["keypoints"][:42]
    content["images"][0]["crowdIndex"] = 0.3
    return content


def result_content() -> dict[str, Any]:
    return {
        "schema": 1,
        "table": "integral/table2",
        "row": "H1",
        "seed": 0,
        "metrics": {"PCKh@0.5": 50.0},
        "curve": {},
        "protocol": {"dataset": "mpii"},
        "paper": {},
        "config_hash": "0" * 12,
        "config": {"data": {"name": "mpii"}},
        "files": {},
    }


def json_file(content: Any) -> Callable[[Path], None]:
    return lambda path: path.write_text(json.dumps(content), encoding="utf-8") and None


def write_hourglass(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["part"] = RNG.uniform(1, 60, (2, 16, 2))
        file["visible"] = np.ones((2, 16))
        file["imgname"] = np.array([b"a.jpg", b"b.jpg"])
        file["scale"], file["center"] = np.ones(2), np.full((2, 2), 30.0)
        file["index"], file["person"] = np.arange(2), np.zeros(2)
        file["normalize"] = np.full(2, 20.0)


def write_people_csv(path: Path) -> None:
    names = [f"j{k}_{axis}" for k in range(16) for axis in "XY"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["NAME", "Scale", *names])
        writer.writerow(["a.jpg", "1.2", *(["30"] * 32)])


def write_predictions(path: Path) -> None:
    Predictions(
        ids=np.arange(2),
        image_ids=np.arange(2),
        keypoints=np.zeros((2, 17, 2), np.float32),
        keypoint_scores=np.ones((2, 17), np.float32),
        scores=np.ones(2, np.float32),
        meta={"dataset": "coco"},
    ).save(path)


FORMATS = {
    "coco": Format(
        "person_keypoints_val2017.json",
        json_file(coco_content()),
        lambda path: (coco.read(path.parent, "val2017"), coco.read(path.parent, "val2017", everyone=True)),
    ),
    "crowdpose": Format(
        "crowdpose_val.json", json_file(crowdpose_content()), lambda path: crowdpose.read(path.parent, "val")
    ),
    "coco truth": Format("truth.json", json_file(coco_content()), lambda path: oks.read_truth(path)),
    "coco results": Format(
        "results.json",
        json_file([{"image_id": 3, "category_id": 1, "keypoints": [1.0] * 51, "score": 0.5}]),
        oks.read_results,
    ),
    "boxes": Format(
        "boxes.json",
        json_file([{"image_id": 3, "category_id": 1, "bbox": [1, 1, 20, 20], "score": 0.5}]),
        lambda path: detections.detected(_coco_people(path.parent), path),
    ),
    "boxes by name": Format(
        "named.json", json_file([{"image": "a.jpg", "bbox": [1, 1, 20, 20]}]), read_boxes
    ),
    "hourglass": Format("valid.h5", write_hourglass, lambda path: mpii.read(path.parent, "valid")),
    "baselines": Format(
        "valid.json",
        json_file([
            {"image": "a.jpg", "center": [30, 30], "scale": 1.0, "joints": [[5, 5]] * 16, "joints_vis": [1] * 16}
        ]),
        lambda path: mpii.read(path.parent, "valid"),
    ),
    "people list": Format("valid_people.csv", write_people_csv, lambda path: mpii.read(path.parent, "valid")),
    "lsp": Format(
        "joints.mat",
        lambda path: scipy.io.savemat(path, {"joints": RNG.uniform(1, 60, (3, 14, 2000))}),
        lambda path: lsp.read(path.parent, "test"),
    ),
    "lspet": Format(
        "joints.mat",
        lambda path: scipy.io.savemat(path, {"joints": RNG.uniform(1, 60, (14, 3, 60))}),
        lambda path: lspet.read(path.parent, "all", ranges={"all": [1, 60]}),
    ),
    "pose": Format(
        "00001.csv", lambda path: path.write_text("\n".join(["1.0,2.0,3.0"] * 17)) and None, h80k.read_pose
    ),
    "predictions": Format("predictions.npz", write_predictions, predictions.load),
    "metrics": Format(
        "metrics.csv", lambda path: path.write_text("epoch,step,val/x\n0,5,1.5\n") and None, metrics_csv.read
    ),
    "result": Format("result.json", json_file(result_content()), results.read),
    "status": Format(
        "status.json",
        json_file({"state": "done", "config_hash": "0" * 12}),
        lambda path: folder.read_status(path.parent),
    ),
    "row": Format(
        "H1.yaml",
        lambda path: path.write_text("# @package _global_\ntable: a/b\nrow: H1\npaper: {AUC: 1.0}\n") and None,
        lambda path: experiments.definition(path.parent.name, path.parent.parent),
    ),
    "claim": Format(
        "claim.yaml",
        lambda path: path.write_text(
            "paper: integral\nwhere: Table 2\ntext: a\ndata: mpii\nmetric: AUC\ntable: integral/table2\n"
            "comparisons:\n  - {label: a, better: I1, worse: H1}\n"
        )
        and None,
        definition.read,
    ),
    "checkpoint": Format(
        "last.ckpt",
        lambda path: torch.save({"state_dict": {"a.weight": torch.zeros(3)}, "epoch": 1}, path),
        read_checkpoint,
    ),
    "weights": Format(
        "weights.safetensors", lambda path: save_file({"a.weight": torch.zeros(3)}, path), read_tensors
    ),
}  # fmt: skip
JSON = [name for name, each in FORMATS.items() if each.name.endswith(".json")]


def _coco_people(root: Path) -> Any:
    path = root / "person_keypoints_val2017.json"
    path.write_text(json.dumps(coco_content()), encoding="utf-8")
    return coco.read(root, "val2017")


def read(name: str, path: Path) -> Any:
    """What the format's reader makes of the file; None if it refuses it as it should."""
    refused: UserError | None = None
    try:
        value = FORMATS[name].read(path)
    except UserError as error:
        refused = error
    if refused is None:
        return value
    assert "\n" not in str(refused)
    assert path.name in str(refused) or str(path.parent) in str(refused), str(refused)
    return None


def place(name: str, tmp: Path) -> Path:
    folder = tmp / name.replace(" ", "_")
    folder.mkdir(exist_ok=True)
    path = folder / FORMATS[name].name
    FORMATS[name].write(path)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_a_good_file_is_read(name: str, tmp_path: Path) -> None:
    assert FORMATS[name].read(place(name, tmp_path)) is not None


@pytest.mark.parametrize("name", FORMATS)
def test_the_usual_damages(name: str, tmp_path: Path) -> None:
    path = place(name, tmp_path)
    good = path.read_bytes()
    for bad in (
        b"",
        b"\x00" * 64,
        good[: len(good) // 2],
        good[:-1],
        b"\xff\xfe" + good,
        good + good,
        b"<html></html>",
    ):
        path.write_bytes(bad)
        read(name, path)
    path.unlink()
    path.mkdir()
    assert read(name, path) is None or name == "row"


@dataclass(frozen=True)
class Damage:
    kind: str
    where: float
    length: int
    value: int

    def apply(self, content: bytes) -> bytes:
        start = int(self.where * max(1, len(content) - 1))
        if self.kind == "cut":
            return content[:start]
        if self.kind == "drop":
            return content[:start] + content[start + self.length :]
        if self.kind == "insert":
            return content[:start] + bytes([self.value]) * self.length + content[start:]
        return content[:start] + bytes([self.value]) * self.length + content[start + self.length :]


DAMAGES = st.lists(
    st.builds(
        Damage,
        st.sampled_from(["cut", "drop", "insert", "overwrite", "overwrite"]),
        st.floats(0, 1),
        st.integers(1, 40),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=3,
)
ODD = st.sampled_from(
    [
        None, True, -1, 0, 2**70, -(2**63) - 1, 1e30, float("nan"), float("inf"), "", "x", "../../etc/passwd",
        "ü\u0000", [], {}, [[]], [None], {"a": None}, [1, 2], "1", -0.5, [1e308, -1e308, 2],
    ]
)  # fmt: skip
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
MANY = settings(FEW, max_examples=1000)


def check_bytes(name: str, tmp_path: Path, damages: list[Damage]) -> None:
    path = place(name, tmp_path)
    content = path.read_bytes()
    for damage in damages:
        content = damage.apply(content)
    path.write_bytes(content)
    read(name, path)


def check_json(name: str, tmp_path: Path, data: st.DataObject) -> None:
    path = place(name, tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    for _ in range(data.draw(st.integers(1, 3))):
        content = _changed(content, data)
    path.write_text(json.dumps(content), encoding="utf-8")
    read(name, path)


def _changed(content: Any, data: st.DataObject) -> Any:
    """One node anywhere in it replaced, removed or doubled."""
    nodes: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            nodes.append((node, key))
            walk(value)

    walk(content)
    if not nodes or data.draw(st.integers(0, 20)) == 0:
        return copy.deepcopy(data.draw(ODD))
    parent, key = data.draw(st.sampled_from(nodes))
    action = data.draw(st.sampled_from(["replace", "replace", "remove", "double"]))
    if action == "replace":
        parent[key] = copy.deepcopy(data.draw(ODD))
    elif action == "remove":
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(key, parent[key])
    else:
        parent[f"{key}_"] = parent[key]
    return content


@pytest.mark.parametrize("name", FORMATS)
@FEW
@given(damages=DAMAGES)
def test_some_changed_bytes(name: str, tmp_path: Path, damages: list[Damage]) -> None:
    check_bytes(name, tmp_path, damages)


@pytest.mark.parametrize("name", JSON)
@FEW
@given(data=st.data())
def test_some_changed_values(name: str, tmp_path: Path, data: st.DataObject) -> None:
    check_json(name, tmp_path, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
@MANY
@given(damages=DAMAGES)
def test_changed_bytes(name: str, tmp_path: Path, damages: list[Damage]) -> None:
    check_bytes(name, tmp_path, damages)


@pytest.mark.slow
@pytest.mark.parametrize("name", JSON)
@MANY
@given(data=st.data())
def test_changed_values(name: str, tmp_path: Path, data: st.DataObject) -> None:
    check_json(name, tmp_path, data)


def test_deep_json_and_endless_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"a\.json"):
        load_coco(path, COCO)
    path.write_text('{"images": [], "annotations": [{"id": ' + "9" * 6000 + "}]}")
    with pytest.raises(UserError, match=r"a\.json"):
        load_coco(path, COCO)


def test_nothing_runs_from_a_pickle(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "harm",))

    torch.save({"state_dict": {"a": torch.zeros(1)}, "extra": Harm()}, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=r"a\.ckpt"):
        read_checkpoint(tmp_path / "a.ckpt")
    np.savez(tmp_path / "a.npz", ids=np.array([Harm()], dtype=object))
    with pytest.raises(UserError, match=r"a\.npz"):
        predictions.load(tmp_path / "a.npz")
    assert not (tmp_path / "harm").exists()
