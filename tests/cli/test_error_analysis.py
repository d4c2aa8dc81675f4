"""posereg errors on annotated people whose predictions were spoiled on purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mice import mice, mouse_set
from posereg.cli import main as cli
from posereg.records.predictions import faultless
from posereg.skeletons.skeleton import COCO
from shared import shared

J = COCO.joints.index


@pytest.fixture(scope="module")
def annotations() -> Path:
    return shared("data/coco") / "annotations/person_keypoints_val2017.json"


def write(path: Path, annotations: Path, spoil: dict[str, str] | None = None) -> int:
    """The annotated poses as COCO results, with joints moved away (miss) or swapped for their partner (inversion).

    Returns:
        the number of labelled joints that were spoiled, of people large enough to count.
    """
    found, spoiled = [], 0
    for person in json.loads(annotations.read_text())["annotations"]:
        if person["iscrowd"] or not person["num_keypoints"]:
            continue
        truth = np.array(person["keypoints"], float).reshape(17, 3)
        pose = truth.copy()
        for joint, kind in (spoil or {}).items():
            k, partner = J(joint), COCO.flip[J(joint)]
            apart = np.linalg.norm(truth[k, :2] - truth[partner, :2]) > 0.6 * np.sqrt(person["area"])
            if truth[k, 2] == 0 or (kind == "inversion" and (truth[partner, 2] == 0 or not apart)):
                continue
            pose[k, :2] = truth[partner, :2] if kind == "inversion" else -5000
            spoiled += person["area"] >= 32**2
        found.append({"image_id": person["image_id"], "category_id": 1, "keypoints": pose.ravel().tolist(),
                      "score": 1 - 1e-4 * len(found)})  # fmt: skip
    path.write_text(json.dumps(found))
    return spoiled


def errors(annotations: Path, *arguments: str) -> int:
    root = annotations.parents[1]
    return cli.main(
        ["errors", "data=coco", f"data.root={root}", f"data.annotations={annotations}", *arguments]
    )


def test_perfect_poses_have_no_errors(
    annotations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "perfect.json", annotations)
    assert (
        errors(annotations, f"predictions={tmp_path / 'perfect.json'}", f"out={tmp_path / 'out.json'}") == 0
    )
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["metrics"]["good"] == 100
    assert content["metrics"]["AP"] == pytest.approx(100)
    assert "left_wrist" in capsys.readouterr().out


def test_spoiled_joints_are_counted_by_kind_and_drawn(annotations: Path, tmp_path: Path) -> None:
    write(tmp_path / "perfect.json", annotations)
    missed = write(tmp_path / "missed.json", annotations, {"left_wrist": "miss"})
    inverted = write(tmp_path / "inverted.json", annotations, {"left_ankle": "inversion"})
    names = ("perfect", "missed", "inverted")
    files = ",".join(str(tmp_path / f"{name}.json") for name in names)
    given = (f"predictions={files}", f"out={tmp_path / 'out.json'}", f"figure={tmp_path / 'bars.svg'}")
    assert errors(annotations, *given, "labels=b,c1,c2") == 0
    content = json.loads((tmp_path / "out.json").read_text())
    assert list(content) == ["b", "c1", "c2"]
    # Nothing else is wrong, so each share is the spoiled joints of the matched people.
    for label, kind, count in (("c1", "miss", missed), ("c2", "inversion", inverted)):
        share = content[label]["metrics"][kind] / 100 * content[label]["protocol"]["joints_counted"]
        assert 0.9 * count - 1 <= share <= count + 1
        others = {"miss", "inversion", "swap", "jitter"} - {kind}
        assert sum(content[label]["metrics"][other] for other in others) < 0.5
        assert content[label]["metrics"][f"gain/AP/{kind}"] > 0
    svg = (tmp_path / "bars.svg").read_text()
    assert all(name in svg for name in ("c1", "c2", "jitter", "miss"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data=coco"], "predictions= is missing"),
        (["predictions=a.json"], "data= is missing"),
        (["data=coco", "prediction=a.json"], "did you mean 'predictions'"),
        (
            ["data=coco", "predictions=a.json,b.json", "labels=x"],
            "2 predictions need as many different labels",
        ),
        (["data=coco", "predictions=a.json", "figure=a.jpeg"], "must end in .png, .svg, .pdf"),
        (["data=mpii", "predictions=a.h5"], "data=mpii has no OKS"),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["errors", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_missing_predictions_are_one_line(annotations: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert errors(annotations, "predictions=nowhere.json") == 2
    assert capsys.readouterr().err == "error: nowhere.json: no such predictions file\n"


def test_own_data_by_the_area_that_its_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mice(tmp_path, 10)
    monkeypatch.chdir(tmp_path)
    poses = mouse_set(tmp_path, 10, "val", splits={"train": 0.8, "val": 0.2})
    keypoints = poses.keypoints.copy()
    keypoints[:, [1, 2]] = keypoints[:, [2, 1]]  # the ears exchanged
    keypoints[:, 11] += 500
    replace(faultless(poses), keypoints=keypoints).save(tmp_path / "mine.npz")
    assert cli.main(["errors", "data=mouse.yaml", "predictions=mine.npz"]) != 0
    assert "2 of 2 have no 'area'" in capsys.readouterr().err
    described = (tmp_path / "mouse.yaml").read_text()
    (tmp_path / "mouse.yaml").write_text(described.replace("metrics:", "metrics:\n  oks: {area: box}"))
    assert cli.main(["errors", "data=mouse.yaml", "predictions=mine.npz", "out=out.json"]) == 0
    found = json.loads(Path("out.json").read_text())["metrics"]
    assert (found["inversion/L_ear"], found["inversion/nose"], found["miss/tail_tip"]) == (100, 0, 100)
