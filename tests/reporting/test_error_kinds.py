"""The stacked bars are as high as the shares they show."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

from posereg import config as configs
from posereg.data.samples.scenes import crowd
from posereg.evaluation.keypoint_errors import evaluate
from posereg.figures.canvas import save
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions, load
from posereg.reporting import collect, report
from posereg.reporting import error_kinds as error_bars_module
from posereg.reporting.collect import Table
from posereg.reporting.error_kinds import STACK, error_bars
from posereg.runs import results
from tiny import data_set

# Shares in the range of ART's Figure 4.
BASE = {"jitter": 13.2, "inversion": 3.6, "swap": 1.4, "miss": 6.8, "good": 75.0}
BETTER = {"jitter": 12.0, "inversion": 3.1, "swap": float("nan"), "miss": 5.9, "good": 79.0}


def test_bars_stack_to_the_total_of_errors() -> None:
    figure = error_bars({"regression": {"b": BASE, "c1": BETTER}, "final": {"b": BASE}})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["regression", "final"]
    bars = [container.patches for container in figure.axes[0].containers]
    assert [bar[0].get_height() for bar in bars] == pytest.approx([BASE[kind] for kind in STACK])
    for lower, upper in itertools.pairwise(bars):
        for below, above in zip(lower, upper, strict=True):
            assert above.get_y() == pytest.approx(below.get_y() + below.get_height())
    top = bars[-1]
    assert [bar.get_y() + bar.get_height() for bar in top] == pytest.approx([25.0, 21.0])


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_it_is_written_whole(tmp_path: Path, ending: str) -> None:
    save(error_bars({"final": {"b": BASE}}), tmp_path / f"bars.{ending}")
    content = (tmp_path / f"bars.{ending}").read_bytes()
    assert content.startswith(b"\x89PNG") if ending == "png" else b"</svg>" in content


def crowds(folder: Path) -> tuple[PoseSet, Table]:
    """A COCO table of two rows of bottom-up poses: the true ones moved a little, or half of them far away."""
    data = configs.compose(["data=synthetic_coco", f"data.root={data_set('coco')}"])["data"]
    plain = OmegaConf.to_container(data, resolve=True)
    poses = configs.instantiate(plain).read("val2017")
    people = (poses.visibility > 0).any(axis=1) & ~crowd(poses)
    true = poses.people(people)
    for row, lost in (("good", 0.0), ("bad", 0.5)):
        random = np.random.default_rng(0)
        keypoints = true.keypoints + random.normal(size=true.keypoints.shape) * 0.5
        keypoints[random.random(keypoints.shape[:2]) < lost] += 400
        ones = np.ones(keypoints.shape[:2], np.float32)
        nobody = np.full(len(true), -1)
        images = true.image_ids[true.person_image]
        found = Predictions(nobody, images, keypoints.astype(np.float32), ones, ones[:, 0], {})
        place = folder / "synthetic_coco/art/table4" / row / "seed0"
        place.mkdir(parents=True)
        found.save(place / "predictions.npz")
        evaluation = configs.instantiate(plain).evaluate(poses, found)
        cv2.imwrite(str(place / "taps.png"), np.full((20, 2000, 3), 120, np.uint8))
        results.write(
            place / "result.json",
            {
                "schema": 1, "table": "art/table4", "row": row, "seed": 0, "metrics": evaluation.metrics,
                "curve": {}, "protocol": evaluation.protocol, "paper": {}, "config_hash": "0",
                "config": {"data": plain, "compare_to": None, "seed": 0, "row": row, "table": "art/table4"},
                "git_revision": "abc", "versions": results.versions(), "training": {}, "complexity": {},
                "files": {"predictions": "predictions.npz", "predictions_regression": "predictions.npz",
                          "taps_figure": "taps.png"},
            },
        )  # fmt: skip
    return true, collect.selection([folder], "Crowds")


def test_a_report_of_bottom_up_runs_shows_errors_people_and_the_runs_own_pictures(tmp_path: Path) -> None:
    true, table = crowds(tmp_path / "runs")
    found = error_bars_module.figure(table, data_set("coco"))
    assert [axes.get_title(loc="left") for axes in found.axes] == ["regression", "final"]
    kinds = list(STACK)
    missed = found.axes[1].containers[kinds.index("miss")].patches
    names = [label.get_text() for label in found.axes[1].get_xticklabels()]
    heights = dict(zip(names, (bar.get_height() for bar in missed), strict=True))
    for row in ("good", "bad"):
        runs = table.row(row).runs
        whole = evaluate(true, load(runs[0].folder / "predictions.npz")).metrics
        assert heights[row] == pytest.approx(whole["miss"])
    assert heights["good"] < 5 < 30 < heights["bad"]
    page = report.write(table, tmp_path / "report", pictures=3, root=data_set("coco")).read_text()
    assert "Where the errors are" in page
    assert "Example people" in page
    assert page.count('alt="bad: taps"') == 1
    assert (tmp_path / "report/errors.png").stat().st_size > 1000


def test_no_bars_without_the_annotations(tmp_path: Path) -> None:
    _, table = crowds(tmp_path / "runs")
    assert error_bars_module.figure(table, tmp_path / "gone") is None


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/hostname", "no.png", 3, None])
def test_only_pictures_of_the_runs_own_folder_are_shown(tmp_path: Path, name: object) -> None:
    _, table = crowds(tmp_path / "runs")
    cv2.imwrite(str(tmp_path / "runs/synthetic_coco/art/table4/secret.png"), np.zeros((9, 9, 3), np.uint8))
    table.row("bad").runs[0].result["files"]["taps_figure"] = name
    page = report.write(table, tmp_path / "report", pictures=0).read_text()
    assert page.count('alt="bad: taps"') == 0
    assert page.count('alt="good: taps"') == 1
