"""posereg export, from a checkpoint to a file that numpy and onnxruntime use without posereg."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from export.models import build, save
from posereg.build import load_method
from posereg.cli import export
from posereg.cli.program import invoke
from posereg.data.synthetic.scene import Setting, render
from posereg.predict.predictor import people_of, predict

EXAMPLE = Path(__file__).parents[2] / "docs/examples/onnx_pose.py"
# Runs the example where importing posereg or torch fails.
ALONE = "import sys, runpy; sys.modules.update(posereg=None, torch=None); sys.argv = sys.argv[1:]; "
ALONE += "runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    checkpoint = save(build("I1"), "I1", folder / "last.ckpt")
    out = folder / "pose.onnx"
    assert invoke(["export", f"checkpoint={checkpoint}", f"out={out}", "latency=false"]) == 0
    return checkpoint, out


def test_what_is_printed(exported, tmp_path, capsys):
    checkpoint, _ = exported
    given = [f"checkpoint={checkpoint}", f"out={tmp_path / 'pose.pt2'}", "format=torch_export"]
    assert invoke(["export", *given, "latency=false", "flip_test=false"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert f"{tmp_path / 'pose.pt2'}, {tmp_path / 'pose.json'}: " in first
    assert second.startswith("112 keypoints differ by at most")
    assert json.loads((tmp_path / "pose.json").read_text())["flip_test"] is False
    assert export.COMMAND.name == "export"


def test_the_example_needs_neither_posereg_nor_torch(exported, tmp_path):
    checkpoint, model = exported
    image = render(5, 0, Setting(size=(120, 150), people=(1, 1))).image
    np.save(tmp_path / "picture.npy", image)
    cv2.imwrite(str(tmp_path / "picture.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    box = (20.0, 30.0, 70.0, 100.0)
    command = [sys.executable, "-c", ALONE, EXAMPLE, model, tmp_path / "picture.npy", *map(str, box)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    rows = [line.split() for line in run.stdout.splitlines()]

    module = load_method(checkpoint)
    x, y, width, height = box
    boxes = {"picture.png": [[x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5]]}
    found = predict(module, people_of([tmp_path / "picture.png"], boxes, module.skeleton, 1.0), device="cpu")
    assert [row[0] for row in rows] == list(module.skeleton.joints)
    # The two warps round differently, by up to one grey level.
    theirs = np.array([[float(value) for value in row[1:3]] for row in rows])
    assert np.abs(theirs - found.keypoints[0]).max() < 0.5
    assert np.ptp(found.keypoints[0], axis=0).min() > 3
