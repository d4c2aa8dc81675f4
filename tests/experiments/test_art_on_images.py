"""Bottom-up rows on real COCO and CrowdPose images, very short: trained, scored, and scored again from their files."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from posereg import config as configs
from posereg.cli.program import invoke
from posereg.data.formats import coco
from posereg.evaluation.average_precision import from_arrays
from posereg.evaluation.oks import METRICS
from posereg.records import predictions
from posereg.runs import folder as runs
from posereg.train import train
from scored import score_coco
from shared import shared

pytestmark = pytest.mark.slow


def trained(*given):
    """Folder and result of a row of HRNet-W18-small at 256 pixels."""
    arguments = ["trainer=art_reduced", "method.optimizer.lr=0.001", "backbone=hrnet_w18_small", *given]
    arguments += ["backbone.pretrained=false", "trainer.validate_every=${trainer.epochs}"]
    config = configs.compose(arguments)
    return runs.run_dir(configs.plain(config)), train(config, arguments)


@pytest.fixture(scope="module")
def on_coco(tmp_path_factory):
    """Row `scoring` of Table 4, and before it the row `adaptive` that it needs."""
    root, out = shared("data/coco"), tmp_path_factory.mktemp("coco")
    common = [f"data.root={root}", f"runs={out}", "batch_size=4", "trainer.epochs=3"]
    common += ["method.scoring_epochs=2"]
    adaptive = trained("+experiments/art/table4=adaptive", *common)
    scoring = trained("+experiments/art/table4=scoring", *common)
    return root, {"adaptive": adaptive, "scoring": scoring}


def nearer(raw, truth):
    """Poses moved nine tenths of the way to people of their images, one after the other."""
    keypoints = raw.keypoints.copy()
    for image in np.unique(raw.image_ids):
        people = truth.keypoints[truth.image_ids[truth.person_image] == image]
        rows = np.flatnonzero(raw.image_ids == image)
        if len(people):
            keypoints[rows] = 0.1 * keypoints[rows] + 0.9 * people[np.arange(len(rows)) % len(people)]
    return replace(raw, keypoints=keypoints)


def test_intervals_have_something_to_draw_from(on_coco):
    _, found = on_coco
    folder, result = found["adaptive"]
    with np.load(folder / "evaluation.npz") as raw:
        kept = {name: raw[name] for name in raw.files}
    for prefix in ("", "regression/", "heatmap/"):
        assert from_arrays(kept, prefix).value("AP") == pytest.approx(
            result["metrics"][f"{prefix}AP"], abs=1e-9
        )


@pytest.mark.parametrize("name", ["predictions", "predictions_regression", "predictions_heatmap"])
def test_the_qualities_are_what_pycocotools_says(on_coco, name, tmp_path):
    root, found = on_coco
    folder, result = found["adaptive"]
    scored, official = score_coco(root, folder / f"{name}.npz", tmp_path)
    recorded = result["metrics"][f"{name.removeprefix('predictions_')}/AP".removeprefix("predictions/")]
    assert scored["AP"] == pytest.approx(official["AP"], abs=1e-9)
    assert recorded == pytest.approx(official["AP"], abs=1e-9)


def test_they_agree_on_good_poses_too(on_coco, tmp_path):
    """So few steps find next to nobody."""
    root, found = on_coco
    raw = predictions.load(found["scoring"][0] / "predictions.npz")
    nearer(raw, coco.read(root, "val2017")).save(tmp_path / "better.npz")
    scored, official = score_coco(root, tmp_path / "better.npz", tmp_path)
    print({k: round(float(v), 2) for k, v in official.items()})
    assert official["AP"] > 1
    for metric in METRICS:
        assert scored[metric] == pytest.approx(official[metric], abs=1e-9)


def test_every_picture_is_looked_at_and_learned_from(on_coco):
    root, found = on_coco
    names = json.loads((root / "annotations/person_keypoints_val2017.json").read_text())["images"]
    for folder, result in found.values():
        seen = set(predictions.load(folder / "predictions.npz").image_ids.tolist())
        assert seen <= {image["id"] for image in names}
        assert len(seen) > len(names) / 2
        assert result["protocol"]["box_source"] == "none (bottom-up)"
    people = coco.read(root, "train2017")
    protocol = found["adaptive"][1]["protocol"]
    # Images are counted, not people: a limit draws other images, with more or fewer people, for every seed.
    assert (protocol["train_images"], protocol["train_people"]) == (44, None)
    assert found["adaptive"][1]["training"]["steps"] == 3 * (len(set(people.person_image.tolist())) // 4)


def test_the_scoring_network_only_ranks(on_coco):
    """Same poses, other scores."""
    _, found = on_coco
    both = [predictions.load(found[row][0] / "predictions.npz") for row in ("adaptive", "scoring")]
    plain, learned = ({tuple(pose.ravel().tolist()) for pose in p.keypoints} for p in both)
    assert plain == learned
    assert found["scoring"][1]["protocol"]["score_rule"].startswith("predicted OKS")
    assert not np.array_equal(np.sort(both[0].scores), np.sort(both[1].scores))


def test_crowdpose(tmp_path):
    """Two pictures, learned by heart."""
    root = tmp_path / "crowdpose"
    (root / "images").mkdir(parents=True)
    for name in ("103319.jpg", "106848.jpg"):
        shutil.copy(shared(f"data/crowdpose/{name}"), root / "images")
    for split in ("test", "trainval"):
        shutil.copy(shared("data/crowdpose/test_crowdpose.json"), root / f"crowdpose_{split}.json")
    folder, result = trained(
        "+experiments/art/table5=W32", f"data.root={root}", f"runs={tmp_path / 'runs'}", "batch_size=2",
        "trainer.epochs=40", "augment.rotation=0", "augment.scale=[1,1]", "augment.translation=0",
        "method.scoring_epochs=2",
    )  # fmt: skip
    assert result["training"]["steps"] == 40
    assert {"AP", "AP_E", "AP_M", "AP_H"} <= result["metrics"].keys()
    found = predictions.load(folder / "predictions.npz")
    assert set(found.image_ids.tolist()) == {103319, 106848}
    out = tmp_path / "score.json"
    invoke(
        [
            "score",
            "data=crowdpose",
            f"data.root={root}",
            f"predictions={folder / 'predictions.npz'}",
            f"out={out}",
        ]
    )
    scored = json.loads(out.read_text())["metrics"]
    assert {k: scored[k] for k in result["metrics"] if k in scored} == pytest.approx(
        {k: v for k, v in result["metrics"].items() if k in scored}, nan_ok=True
    )
