"""Table 8's rows on real COCO images, very short: what a run says, `posereg score` says, and pycocotools says."""

import json
from dataclasses import replace

import numpy as np
import pytest

from posereg import config as configs
from posereg.cli.program import invoke
from posereg.data.formats import coco
from posereg.evaluation.oks import METRICS
from posereg.records import predictions
from posereg.reporting.significance import interval
from posereg.runs import folder as runs
from posereg.train import train
from scored import pycocotools_figures, score_coco
from shared import shared

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """H1, I1 from it, and H1 again on a detector's boxes: name -> (folder, result)."""
    root, out = shared("data/coco"), tmp_path_factory.mktemp("coco")
    common = [
        f"data.root={root}", f"runs={out}", "trainer=demo", "width=1", "backbone.name=resnet18",
        "backbone.pretrained=true", f"backbone.weights={shared('weights/resnet18_imagenet_fp16.safetensors')}",
        "trainer.epochs=8", "trainer.validate_every=8", "batch_size=16", "method.optimizer.lr=0.001",
    ]  # fmt: skip
    weights = out / "coco/integral/table8/H1/seed0/last.ckpt"
    more = ["row=boxes", "evaluate_only=true", f"init_weights={weights}", f"data.boxes={jittered(root, out)}"]
    found = {}
    for name, row, extra in (("H1", "H1", []), ("I1", "I1", []), ("boxes", "H1", more)):
        given = [f"+experiments/integral/table8={row}", *common, *extra]
        config = configs.compose(given)
        found[name] = (runs.run_dir(configs.plain(config)), train(config, given))
    return root, found


def jittered(root, out):
    """A detector that finds everybody twice, a little off, and is mistaken once an image."""
    poses = coco.read(root, "val2017")
    rng = np.random.default_rng(0)
    entries = []
    for row in np.repeat(np.arange(len(poses)), 2):
        x, y, width, height = poses.extras["bbox"][row] * rng.uniform(0.97, 1.03, 4)
        image = int(poses.image_ids[poses.person_image[row]])
        entries.append({"image_id": image, "category_id": 1, "bbox": [x, y, width, height]})
    entries += [{"image_id": int(k), "category_id": 1, "bbox": [5, 5, 40, 80]} for k in poses.image_ids]
    for entry in entries:
        entry |= {"bbox": [round(float(v), 2) for v in entry["bbox"]], "score": round(float(rng.random()), 3)}
    (out / "boxes.json").write_text(json.dumps(entries))
    return out / "boxes.json"


@pytest.mark.parametrize("name", ["H1", "I1", "boxes"])
def test_run_score_and_pycocotools_agree(trained, name, tmp_path):
    root, found = trained
    folder, result = found[name]
    scored, official = score_coco(root, folder / "predictions.npz", tmp_path)
    print(name, {k: round(float(v), 3) for k, v in official.items()})
    for metric in METRICS:
        assert scored[metric] == pytest.approx(official[metric], abs=1e-9)
        assert result["metrics"][metric] == pytest.approx(official[metric], abs=1e-9)


def test_they_agree_on_good_poses_too(trained, tmp_path):
    """So few steps find next to nobody: the same poses, moved nine tenths of the way to the truth."""
    root, found = trained
    truth = coco.read(root, "val2017")
    raw = predictions.load(found["I1"][0] / "predictions.npz")
    order = {number: row for row, number in enumerate(truth.ids.tolist())}
    wanted = truth.keypoints[[order[number] for number in raw.ids.tolist()]]
    replace(raw, keypoints=(0.9 * wanted + 0.1 * raw.keypoints)).save(tmp_path / "better.npz")
    scored, official = score_coco(root, tmp_path / "better.npz", tmp_path)
    assert official["AP"] > 20
    for metric in METRICS:
        assert scored[metric] == pytest.approx(official[metric], abs=1e-9)


def test_the_submission_holds_the_same_poses(trained, tmp_path):
    root, found = trained
    folder, result = found["I1"]
    invoke(["submit", 
            "data=coco", f"data.root={root}", "split=val2017", f"checkpoint={folder / 'last.ckpt'}", f"out={tmp_path}",
            "device=cpu", "batch_size=16",
        ]
    )  # fmt: skip
    (file,) = tmp_path.iterdir()
    official = pycocotools_figures(root / "annotations/person_keypoints_val2017.json", file)
    assert official["AR"] == pytest.approx(result["metrics"]["AR"], abs=1e-6)
    assert len(json.loads(file.read_text())) == result["protocol"]["detections"]


def test_a_tables_delta_of_ap_has_an_interval(trained):
    _, found = trained
    paths = [folder / "result.json" for folder, _ in (found["H1"], found["I1"])]
    low, high = interval(paths[:1], paths[1:], "AR50")
    assert low <= found["I1"][1]["metrics"]["AR50"] - found["H1"][1]["metrics"]["AR50"] <= high
    assert interval(paths[:1], paths[:1], "AR50") == (0, 0)


def test_the_protocol_says_what_was_done(trained):
    _, found = trained
    _, h1 = found["H1"]
    _, boxes = found["boxes"]
    assert h1["protocol"]["box_source"] == "annotated"
    assert h1["protocol"]["flip_test"] is True
    assert h1["protocol"]["score_rule"] == "map maximum"
    assert found["I1"][1]["protocol"]["score_rule"] == "softmax mass within one cell"
    assert h1["protocol"]["nms"] == boxes["protocol"]["nms"] == "oks 0.9"
    assert boxes["protocol"]["box_source"] == "boxes.json"
    assert len(boxes["protocol"]["box_file_hash"]) == 16
    assert boxes["protocol"]["annotation_hash"] == h1["protocol"]["annotation_hash"]
    saved = predictions.load(found["boxes"][0] / "predictions.npz")
    assert (saved.ids == -1).all()
    assert saved.meta["pose_score"] == boxes["protocol"]["pose_score"]
    entries = json.loads((found["boxes"][0].parents[4] / "boxes.json").read_text())
    assert boxes["protocol"]["people"] < len(saved) < len(entries)  # twins are suppressed
