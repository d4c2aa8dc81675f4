"""Whether a run has finished learning: the rise of a quarter on curves whose slope is known, and what it needs yet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from posereg.errors import UserError
from posereg.reporting.collect import Run
from posereg.reporting.learning import Learning, learning, of_run, record, trains
from posereg.runs import metrics_csv, results
from reporting import made


def saturating(quarters: float, factor: float, first: float = 16.0, total: int = 1000) -> Learning:
    """A curve that gains `first` in its first quarter and `factor` of the quarter before in every other."""
    steps = np.linspace(0, total * quarters / 4, 65)
    gained = first * (1 - factor ** (steps / total * 4)) / (1 - factor)
    found = learning("AUC", steps.tolist(), gained.tolist())
    assert found is not None
    return found


def test_the_rise_of_a_straight_line_is_its_slope() -> None:
    steps = list(range(0, 1001, 50))
    found = learning("AUC", steps, [20 + 0.004 * step for step in steps])
    assert found is not None
    assert (found.rise, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))
    assert (found.steps, found.finished) == (1000, False)
    assert found.needed is None  # it does not slow down, so nobody can say


def test_a_flat_end_has_finished_however_steep_the_start_was() -> None:
    found = learning("AUC", [0, 250, 500, 750, 1000], [0.0, 30.0, 50.0, 50.2, 50.4])
    assert found is not None
    assert found.rise == pytest.approx(0.2)
    assert found.finished
    assert found.needed == 0


def test_the_extrapolation_is_where_such_a_curve_does_finish() -> None:
    early = saturating(quarters=4, factor=0.55)
    assert not early.finished
    assert early.needed
    longer = 4 * (early.steps + early.needed) / early.steps
    quarter = early.steps / 4
    # The quarter after the extrapolated steps gains less than the limit, one of them earlier it gains more.
    gain = lambda at: 16 * 0.55 ** (at / quarter)  # noqa: E731
    assert gain(longer * quarter - quarter) <= early.limit < gain(longer * quarter - 2 * quarter)


def test_two_validations_are_enough_and_the_last_comes_twice() -> None:
    found = learning("AUC", [400, 799, 800], [30.0, 33.0, 34.0])
    assert found is not None
    assert found.rise == pytest.approx(2.0)
    assert found.low is None
    assert learning("AUC", [799, 800], [33.0, 34.0]) is None
    assert learning("AUC", [800], [34.0]) is None
    assert learning("AUC", [], []) is None


def test_the_interval_of_a_slope_is_that_of_the_textbook() -> None:
    from scipy.stats import linregress, t

    rng = np.random.default_rng(0)
    steps = np.arange(760, 1001, 40.0)
    values = 30 + 0.002 * steps + rng.normal(0, 0.2, len(steps))
    found = learning("AUC", steps.tolist(), values.tolist())
    line = linregress(steps, values)
    half = t.ppf(0.975, len(steps) - 2) * line.stderr * 250
    assert found is not None
    assert (found.rise, found.low, found.high) == pytest.approx(
        (line.slope * 250, line.slope * 250 - half, line.slope * 250 + half)
    )


@pytest.mark.parametrize(("end", "finished"), [(100.0, False), (103.5, True)])
def test_millimetres_learn_downwards_and_by_their_share(tmp_path: Path, end: float, finished: bool) -> None:
    (tmp_path / "metrics.csv").write_text(f"epoch,step,val/MPJPE\n1,74,104\n2,99,{end}\n")
    found = of_run(Run(tmp_path / "result.json", {"metrics": {"MPJPE": end}}))
    assert found is not None
    assert found.rise == pytest.approx(104 - end)
    assert found.finished is finished


def test_the_validation_at_three_quarters_counts(tmp_path: Path) -> None:
    """metrics.csv counts steps from 0: of 12 epochs of 203 steps the ninth ends with step 1826, at just 3/4."""
    auc = [40.0] * 9 + [42.0] * 3
    rows = [{"epoch": k, "step": 203 * (k + 1) - 1, "val/AUC": value} for k, value in enumerate(auc)]
    metrics_csv.write(tmp_path / "metrics.csv", rows)
    found = of_run(Run(tmp_path / "result.json", {"metrics": {"AUC": 42.0}}))
    assert found is not None
    slope = np.polyfit([9, 10, 11, 12], auc[8:], 1)[0]
    assert (found.rise, found.steps) == (pytest.approx(3 * slope), 2436)


def test_the_wanted_metric_comes_before_the_first(tmp_path: Path) -> None:
    path = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    (path.parent / "metrics.csv").write_text("epoch,step,val/PCKh@0.5,val/AUC\n1,50,50,20\n2,100,60,20\n")
    run = Run(path, results.read(path))
    for wanted, metric, finished in (
        ("AUC", "AUC", True),
        ("", "PCKh@0.5", False),
        ("PCP", "PCKh@0.5", False),
    ):
        found = of_run(run, wanted)
        assert found is not None
        assert (found.metric, found.finished) == (metric, finished)
    (path.parent / "metrics.csv").unlink()
    assert of_run(Run(path, run.result)) is None


def test_what_only_evaluated_did_not_train(tmp_path: Path) -> None:
    path = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    result = json.loads(path.read_text())
    for steps, expected in ((0, False), (10, True)):
        result["training"] = {"steps": steps}
        assert trains(Run(path, result)) is expected


def test_result_json_tells_what_the_curves_told(tmp_path: Path) -> None:
    """Kept figures are those of metrics.csv, outlive it, and hold losses downwards."""
    path = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    result = json.loads(path.read_text())
    rows = metrics_csv.read(path.parent / "metrics.csv")
    kept = record(rows, result["metrics"])
    assert set(kept) == {"train/loss", "val/loss", "val/PCKh@0.5"}
    from_curve = of_run(Run(path, result))
    assert from_curve is not None
    assert kept["val/PCKh@0.5"]["finished"] is from_curve.finished
    assert kept["train/loss"]["rise"] > 0  # it fell, which is better
    result["learning"] = json.loads(json.dumps(kept))
    (path.parent / "metrics.csv").unlink()
    assert of_run(Run(path, result)) == from_curve
    assert of_run(Run(path, result), "AUC") == from_curve  # has no curve, as before


def test_a_damaged_verdict_is_named_with_its_file(tmp_path: Path) -> None:
    broken = Run(tmp_path / "result.json", {"metrics": {"AUC": 1.0}, "learning": {"val/AUC": {"rise": 1.0}}})
    with pytest.raises(UserError, match=r"result\.json: .*learning"):
        of_run(broken)
