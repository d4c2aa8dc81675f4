"""Every method written to every format, run there, and equal to posereg."""

import json

import cv2
import numpy as np
import pytest

from export.models import METHODS, build, noise
from posereg.data.synthetic.scene import Setting, render
from posereg.errors import UserError
from posereg.export import engines, model
from posereg.export.graph import graph_of
from posereg.export.model import export
from posereg.export.parity import LIMIT, compare


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_onnx_and_openvino_agree_with_posereg(name, tmp_path):
    module = build(name)
    made = export(module, tmp_path / "model.onnx", timed=False)
    assert made.parity.pixels < LIMIT
    # Once more, on images of its own, in both engines.
    image = noise(3, seed=5).numpy()
    ours = [engines.eager(graph_of(module))(image)]
    for engine in (engines.onnxruntime, engines.openvino):
        maxima = module.score_rule.startswith("map maximum")
        found = compare(ours, [engine(tmp_path / "model.onnx")(image)], maxima)
        assert found.pixels < LIMIT, engine.__name__
        assert found.tied <= 3, engine.__name__
        for output, value in found.others.items():
            assert value < 1e-4 * max(1, abs(ours[0][output]).max()), (engine.__name__, output)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(8):
        cv2.imwrite(str(folder / f"{k}.png"), render(3, k, Setting(size=(80, 80), people=(1, 1))).image)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_openvino_files(precision, tmp_path, pictures):
    made = export(
        build("I1"), tmp_path / "model.xml", "openvino", precision, images=str(pictures), timed=False
    )
    assert [file.name for file in made.files] == ["model.xml", "model.bin", "model.json"]
    assert made.parity.pixels < {"fp32": LIMIT, "fp16": 1, "int8": 6}[precision]
    size = (tmp_path / "model.bin").stat().st_size / 4 / sum(p.numel() for p in build("I1").parameters())
    assert size == pytest.approx({"fp32": 1, "fp16": 0.5, "int8": 0.3}[precision], abs=0.12)


@pytest.mark.slow
def test_onnx_int8_is_small_and_near(tmp_path, pictures):
    made = export(build("I1"), tmp_path / "model.onnx", "onnx", "int8", images=str(pictures), timed=False)
    assert 1e-4 < made.parity.pixels < 6
    assert made.files[0].stat().st_size < 0.6 * 4 * sum(p.numel() for p in build("I1").parameters())


@pytest.mark.slow
def test_every_engine_is_timed(tmp_path):
    made = export(build("I1"), tmp_path / "model.onnx")
    timed = {row.engine: row for row in made.latencies}
    assert set(timed) == {"torch fp32", "torch.compile fp32", "onnxruntime fp32", "openvino fp32"}
    assert all(set(row.milliseconds) == {1, 8} for name, row in timed.items() if "compile" not in name)


def test_torch_export_in_float16_comes_with_its_card(tmp_path):
    made = export(build("I1"), tmp_path / "new/model.pt2", "torch_export", "fp16", "float32", timed=False)
    assert 0 < made.parity.pixels < 1
    said = json.loads((tmp_path / "new/model.json").read_text())
    assert (said["precision"], said["input"]["type"]) == ("fp16", "float32")
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["model.json", "model.pt2"]


def test_a_file_that_answers_otherwise_is_not_kept(tmp_path, monkeypatch):
    def wrong(path, names):
        run = engines.torch_export(path, names)
        return lambda image: {name: value + np.float32(0.02) for name, value in run(image).items()}

    monkeypatch.setattr(model, "_runner", lambda path, to, names: wrong(path, names))
    with pytest.raises(UserError, match="not written, as the exported model is not this one"):
        export(build("R1"), tmp_path / "model.pt2", "torch_export", timed=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("model.pt2", "onnx", "fp32"), r"format=onnx ends in \.onnx"),
        (("model.pt2", "torch_export", "int8"), "precision=int8 is for"),
        (("model.onnx", "onnx", "int8"), "needs images=DIR"),
    ],
)
def test_settings_that_do_not_go_together(given, message, tmp_path):
    name, to, precision = given
    with pytest.raises(UserError, match=message):
        export(build("R1"), tmp_path / name, to, precision)
