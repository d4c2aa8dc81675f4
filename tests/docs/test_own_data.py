"""docs/own_data.md: its file and its commands, run as the page shows them, on pictures made here."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from mice import JOINTS, as_csv, as_slp, as_yolo, mice
from posereg.cli.program import invoke
from posereg.settings import own_data
from posereg.skeletons.skeleton import skeleton

PAGE = (Path(__file__).parents[2] / "docs/own_data.md").read_text()
(FILE,) = re.findall(r'^```yaml title="mouse.yaml"\n(.*?)^```$', PAGE, re.M | re.S)
INIT, *COMMANDS = re.findall(r"^posereg (.+)$", PAGE.split("## The file")[0], re.M)
QUICK = (
    "trainer=demo", "trainer.epochs=1", "trainer.validate_every=1", "trainer.limit_train_batches=1", "batch_size=4",
)  # fmt: skip
SIDES = ("L_ear", "R_ear", "L_paw", "R_paw", "L_hip", "R_hip")


def test_the_file_is_that_of_the_tests() -> None:
    lines = (Path(__file__).parents[1] / "mouse.yaml").read_text().splitlines(keepends=True)
    assert "".join(line for line in lines if not line.startswith("#")) == FILE


def run(commands: Sequence[str]) -> None:
    """The commands one after the other, trainings cut short."""
    for command in commands:
        more = QUICK if command.startswith("train") else ()
        assert not invoke([*shlex.split(command), *more]), command


@pytest.mark.slow
def test_the_commands_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mice(tmp_path, 20)
    (tmp_path / "mouse.yaml").unlink()
    monkeypatch.chdir(tmp_path)
    run([INIT])
    written, shown = own_data.read("mouse.yaml"), tmp_path / "shown.yaml"
    shown.write_text(FILE)
    read = own_data.read(shown)
    assert written["skeleton"]["joints"] == read["skeleton"]["joints"]
    assert (written["root"], written["source"]) == (read["root"], read["source"])
    (tmp_path / "mouse.yaml").write_text(FILE)
    assert COMMANDS[0].startswith("data check")
    run(COMMANDS)
    said = capsys.readouterr().out
    assert "mouse train: 16 people on 16 images, 192 labelled joints" in said
    assert "Not run: H2, H3, R1, I2, I3, I_star" in said
    for folder in ("single", "integral/table2"):
        result = json.loads(Path(f"runs/mouse/{folder}/I1/seed0/result.json").read_text())
        assert {"PCK@0.1", "PCK@0.2", "PCK@0.1/Ears", "error", "median_error", "error/tail_tip"} <= result[
            "metrics"
        ].keys()
        assert (result["protocol"]["split"], result["protocol"]["train_people"]) == ("val", 16)
    assert len(list(Path("poses").rglob("*.jpg"))) == 20
    assert "mouse" in "".join(page.read_text() for page in Path("report").rglob("*.html"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("annotations", "images", "left", "right"),
    [
        ("mouse.json", "pictures", "{}.L", "{}.R"),
        ("mouse.csv", "pictures", "left_{}", "right_{}"),
        ("mouse.slp", "pictures", "{}Left", "{}Right"),
        ("yolo/data.yaml", "yolo/images", "L{}", "R{}"),
    ],
)
def test_every_form_and_way_to_name_sides_goes_all_the_way(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    annotations: str,
    images: str,
    left: str,
    right: str,
) -> None:
    def named(joint: str) -> str:
        word = joint[2:].capitalize() if left.startswith("L{") else joint[2:]
        return (left if joint[0] == "L" else right).format(word) if joint in SIDES else joint

    content = mice(tmp_path, 15)
    (tmp_path / "mouse.yaml").unlink()
    content["categories"][0]["keypoints"] = [named(joint) for joint in JOINTS]
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    as_csv(tmp_path, content)
    as_slp(tmp_path, content)
    as_yolo(tmp_path, content, 12, named=True)
    monkeypatch.chdir(tmp_path)
    checkpoint = "runs/mine/integral/table2/I1/seed0"
    run(
        [
            f"data init {images} {annotations} out=mine.yaml",
            "data check data=mine.yaml people=1",
            "train -m +experiments/integral/table2=H1,I1 data=mine.yaml",
            "table integral/table2 runs=runs",
            "report runs=runs out=report",
            f"score data=mine.yaml predictions={checkpoint}/predictions.npz",
            f"predict checkpoint={checkpoint} source={images} out=poses",
        ]
    )
    said = capsys.readouterr().out
    assert "Not run: H2, H3, R1, I2, I3, I_star" in said
    for row in ("H1", "I1"):
        assert Path(f"runs/mine/integral/table2/{row}/seed0/last.ckpt").exists()
        assert re.search(rf"\b{row}\b", said)
    assert "mine" in "".join(page.read_text() for page in Path("report").rglob("*.html"))
    result = json.loads(Path(checkpoint, "result.json").read_text())
    assert {"error", f"error/{named('L_ear')}"} <= result["metrics"].keys()
    assert result["protocol"]["people"] == 3
    pairs = {
        tuple(sorted(pair)) for pair in zip(map(named, SIDES[::2]), map(named, SIDES[1::2]), strict=True)
    }
    joints = skeleton({"name": "mine", **own_data.read("mine.yaml")["skeleton"]})
    assert {tuple(sorted(joints.joints[k] for k in pair)) for pair in joints.flip_pairs} == pairs
    _, *pictures = Path("poses/predictions.jsonl").read_text().splitlines()
    assert len(pictures) == 15
