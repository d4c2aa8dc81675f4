"""results/ stays small, holds trimmed runs only, and a trimmed run gives the numbers that the whole one gave."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.claims import made

from posereg import config
from posereg.claims import evidence
from posereg.records.predictions import Predictions
from posereg.reporting import collect, table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
MOST_BYTES = 20_000_000

_spec = importlib.util.spec_from_file_location("trim_results", ROOT / "scripts" / "trim_results.py")
assert _spec is not None
assert _spec.loader is not None
trim_results = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(trim_results)


def test_results_stay_below_20_megabytes() -> None:
    assert sum(file.stat().st_size for file in RESULTS.rglob("*") if file.is_file()) < MOST_BYTES


def test_every_result_is_trimmed_and_lies_where_its_name_says(tmp_path: Path) -> None:
    runs = sorted(path.parent for path in RESULTS.rglob("result.json"))
    assert runs
    for run in runs:
        data = run.parents[1].name.split("_", 2)[2]
        assert trim_results.target(run, RESULTS, data) == run
        copy = tmp_path / run.relative_to(RESULTS)
        trim_results.trim(run, copy)
        left = {file.name: file.read_bytes() for file in run.iterdir()}
        if left != {file.name: file.read_bytes() for file in copy.iterdir()}:
            # zip headers hold a time: the arrays decide.
            assert left.keys() == {file.name for file in copy.iterdir()}, f"{run}: scripts/trim_results.py"
            for name in left:
                _assert_same(run / name, copy / name)
        shutil.rmtree(copy)


def _assert_same(kept: Path, again: Path) -> None:
    if kept.suffix != ".npz":
        assert kept.read_text() == again.read_text(), f"{kept}: scripts/trim_results.py has something to trim"
        return
    one, two = trim_results.read(kept), trim_results.read(again)
    assert one.keys() == two.keys(), kept
    for name, array in one.items():
        assert array.dtype == two[name].dtype, (kept, name)
        np.testing.assert_array_equal(array, two[name], err_msg=f"{kept}: {name}")


@given(
    st.lists(st.floats(0, 5) | st.integers(0, 5000).map(lambda k: k / 1000), min_size=1),
    st.integers(0, 1000).map(lambda k: k / 1000) | st.integers(10, 40).map(lambda k: k / 10),
)
def test_rounding_up_leaves_every_comparison_with_a_threshold_as_it_was(
    distance: list[float], threshold: float
) -> None:
    whole = np.array(distance)
    kept = trim_results.distances_up(whole)
    np.testing.assert_array_equal(kept <= threshold, whole <= threshold)
    np.testing.assert_array_equal(trim_results.distances_up(kept), kept)


def test_uncounted_and_missing_joints_stay_so() -> None:
    kept = trim_results.distances_up(np.array([np.nan, np.inf, 0.0]))
    np.testing.assert_array_equal(kept, [np.nan, np.inf, 0.0])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two rows of Table 2, 150 people on 50 images; image ids in the predictions alone, and files nobody needs."""
    folder = tmp_path / "runs" / "mpii"
    for row, error in (("H1", 0.4), ("I1", 0.3)):
        place = made.run(folder, f"integral/table2/{row}", made.distances(error)).parent
        _predictions().save(place / "predictions.npz")
        (place / "last.ckpt").write_bytes(b"weights")
        result = trim_results.json.loads((place / "result.json").read_text())
        result["files"] = {"predictions": "predictions.npz", "checkpoint": "last.ckpt"}
        (place / "result.json").write_text(trim_results.json.dumps(result))
    return folder


def _predictions(people: int = 150) -> Predictions:
    return Predictions(
        ids=np.arange(people),
        image_ids=np.arange(people) // 3,
        keypoints=np.zeros((people, 8, 2), np.float32),
        keypoint_scores=np.ones((people, 8), np.float32),
        scores=np.ones(people, np.float32),
    )


def test_a_trimmed_table_says_what_the_whole_one_said(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert trim_results.main([str(runs), "--out", str(out)]) == 0
    experiments = config.experiments()
    whole = collect.collect("integral/table2", runs, experiments)
    kept = collect.collect("integral/table2", out / "integral_table2_mpii", experiments)
    assert table.as_csv(kept) == table.as_csv(whole)
    assert kept.deltas["I1", "AUC"].low is not None
    assert sorted(file.name for file in (out / "integral_table2_mpii/I1/seed0").iterdir()) == [
        "evaluation.npz",
        "metrics.csv",
        "result.json",
    ]


def test_claims_find_the_tables_of_one_data_set_together(runs: Path, tmp_path: Path) -> None:
    made.run(runs, "integral/table3/b_H1", made.distances(0.5))
    out = tmp_path / "results"
    assert trim_results.main([str(runs), "--out", str(out)]) == 0
    (campaign,) = evidence.campaigns([out])
    assert campaign.name == "mpii"
    assert sorted(campaign.rows) == ["integral/table2/H1", "integral/table2/I1", "integral/table3/b_H1"]


def test_a_folder_without_runs_and_two_runs_of_one_place_are_refused(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert trim_results.main([str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 1
    shutil.copytree(runs, tmp_path / "runs" / "again")
    assert trim_results.main([str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 1
    assert "two runs would share" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
