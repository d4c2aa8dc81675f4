"""The sides of the evaluation's benchmark come to the same, and each makes a row."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_sides_agree(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import bench_evaluation

    # Each stops where one side differs.
    bench_evaluation.bench_coco(1, images=30, detections=5)
    bench_evaluation.bench_pckh(1, people=200)
    bench_evaluation.bench_mpjpe(1, people=100)
    bench_evaluation.bench_nms(1, images=20, detections=10)
    rows = capsys.readouterr().out.splitlines()
    assert {row.count(" | ") for row in rows} == {4}
    assert {row.split(" of ")[0].split(",")[0] for row in rows} == {
        "| COCO", "| PCKh", "| MPJPE and PA-MPJPE", "| OKS-NMS"
    }  # fmt: skip


def test_a_case_has_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import cases

    truth, entries = cases.coco_case(7, 5)
    assert (len(truth["images"]), len(entries)) == (7, 35)
    assert {person["image_id"] for person in truth["annotations"]} == set(range(1, 8))
    poses, scores, areas, images = cases.nms_case(4, 6)
    assert poses.shape == (24, 17, 2)
    assert len(scores) == len(areas) == len(images) == 24
