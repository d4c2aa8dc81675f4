"""Verdicts on results whose truth is known, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from claims import made
from claims.made import distances
from posereg.claims import definition, evidence
from posereg.claims.judge import CONFIRMED, OPEN, REFUTED, Judged, judge, together

PAIR = {"label": "pair", "better": "I1", "worse": "H1", "paper": {"PCKh@0.1": 12.1}}


def claim(folder: Path, *comparisons: dict[str, Any], **fields: Any) -> definition.Claim:
    content = {
        "paper": "A paper", "where": "Table 2", "text": "One is better.", "table": "integral/table2",
        "data": ["mpii", "synthetic"], "metric": ["PCKh@0.1"], "seeds": 3,
        "comparisons": list(comparisons) or [PAIR], **fields,
    }  # fmt: skip
    path = folder / "claim.yaml"
    path.write_text(yaml.safe_dump(content))
    return definition.read(path)


def judged(
    folder: Path, *comparisons: dict[str, Any], experiments: Path | None = None, **fields: Any
) -> Judged:
    return judge(
        claim(folder, *comparisons, **fields), evidence.campaigns([folder / "runs"]), experiments, 600
    )


def rows(folder: Path, table: str = "integral/table2", seeds: int = 1, **errors: float) -> list[Path]:
    return [
        made.run(folder / "runs" / "mpii", f"{table}/{row}", distances(error, seed=seed), seed)
        for row, error in errors.items()
        for seed in range(seeds)
    ]


def edit(path: Path, part: str = "protocol", **values: Any) -> None:
    result = json.loads(path.read_text())
    result[part].update(values)
    path.write_text(json.dumps(result))


@pytest.mark.parametrize(
    ("better", "worse", "expected"), [(0.1, 0.2, CONFIRMED), (0.2, 0.1, REFUTED), (0.15, 0.1501, OPEN)]
)
def test_the_verdict_follows_the_interval(tmp_path: Path, better: float, worse: float, expected: str) -> None:
    paths = rows(tmp_path, I1=better, H1=worse)
    found = judged(tmp_path)
    (line,) = found.judgements
    ours = [100 * (distances(error) <= 0.1).mean() for error in (better, worse)]
    assert found.verdict == line.verdict == expected
    assert line.effect == pytest.approx(ours[0] - ours[1])
    assert line.low is not None
    assert line.high is not None
    assert line.low < line.effect < line.high
    assert set(line.files) == set(paths)
    assert (line.images, line.seeds, line.steps, line.over) == (150, 1, (1000, 1000), "images")
    assert (line.low > 0, line.high < 0) == (expected == CONFIRMED, expected == REFUTED)
    assert ("includes zero" in line.reason) == (expected == OPEN)


def test_a_metric_that_is_a_difference_is_held_against_zero(tmp_path: Path) -> None:
    """The cascade's confidence at occluded parts, below that at visible ones: over seeds, as no people have it."""
    metric = "occluded/detection/below_visible"
    for seed, value in enumerate((20.0, 22.0, 21.0)):
        made.run(tmp_path / "runs/mpii", "cascade/table5/Res", distances(0.1), seed, metrics={metric: value})
    alone = {"label": "lower", "better": "Res", "metric": metric}
    (line,) = judged(tmp_path, alone, table="cascade/table5").judgements
    assert (line.verdict, line.over, line.compared) == (CONFIRMED, "seeds", "Res")
    assert line.effect == pytest.approx(21)
    edit(tmp_path / "runs/mpii/cascade/table5/Res/seed0/result.json", "metrics", **{metric: -60.0})
    assert judged(tmp_path, alone, table="cascade/table5").verdict == OPEN


def test_no_runs_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    found = judged(tmp_path)
    assert (found.verdict, found.note) == (OPEN, "not run")
    assert found.judgements[0].paper == 12.1
    rows(tmp_path, I1=0.1)
    found = judged(tmp_path)
    assert found.verdict == OPEN
    assert found.judgements[0].effect is None


def test_results_of_a_data_set_the_claim_is_not_about_are_left_out(tmp_path: Path) -> None:
    rows(tmp_path, I1=0.1, H1=0.2)
    assert judged(tmp_path, data=["mpi", "lsp"]).note == "not run"
    assert judged(tmp_path, data="mpii").verdict == CONFIRMED


def test_seeds_widen_the_interval_and_fewer_than_wanted_are_preliminary(tmp_path: Path) -> None:
    for seed, error in enumerate((0.10, 0.12, 0.16)):
        made.run(tmp_path / "runs/mpii", "integral/table2/I1", distances(error), seed)
        made.run(tmp_path / "runs/mpii", "integral/table2/H1", distances(0.17), seed)
    several = judged(tmp_path)
    (line,) = several.judgements
    assert (line.seeds, line.over, several.preliminary) == (3, "images and seeds", False)
    for row in ("I1", "H1"):
        for seed in (1, 2):
            (tmp_path / f"runs/mpii/integral/table2/{row}/seed{seed}/result.json").unlink()
    single = judged(tmp_path)
    alone = single.judgements[0]
    assert single.verdict == CONFIRMED
    assert single.preliminary
    assert line.high - line.low > 2 * (alone.high - alone.low)  # type: ignore[operator]


def test_difference_of_differences(tmp_path: Path) -> None:
    errors = {"b_I1": 0.16, "b_H1": 0.24, "d_I1": 0.12, "d_H1": 0.14}
    rows(tmp_path, "integral/table3", **errors)
    lost = {
        "label": "loses less",
        "better": "b_I1",
        "worse": "b_H1",
        "beyond": {"better": "d_I1", "worse": "d_H1"},
    }
    found = judged(tmp_path, lost, table="integral/table3")
    ours = {row: 100 * (distances(error) <= 0.1).mean() for row, error in errors.items()}
    expected = (ours["d_H1"] - ours["b_H1"]) - (ours["d_I1"] - ours["b_I1"])
    assert found.judgements[0].effect == pytest.approx(expected)
    assert found.verdict == CONFIRMED
    assert found.judgements[0].compared == "(b_I1 − b_H1) − (d_I1 − d_H1)"
    turned = {**lost, "better": "b_H1", "worse": "b_I1", "beyond": {"better": "d_H1", "worse": "d_I1"}}
    assert judged(tmp_path, turned, table="integral/table3").verdict == REFUTED


def test_gain_on_occluded_joints(tmp_path: Path) -> None:
    visibility = np.tile([1, 1, 2, 2, 2, 2, 2, 2], (150, 1))
    for row, error in (("det", 0.10), ("reg", 0.10)):
        distance = distances(error)
        distance[:, :2] *= 1.0 if row == "det" else 3.0
        made.run(tmp_path / "runs/mpii", f"integral/table2/{row}", distance,
                 arrays={"distance": distance, "visibility": visibility})  # fmt: skip
    pair = {"better": "det", "worse": "reg"}
    occluded = {"label": "x", **pair, "joints": "occluded", "beyond": {**pair, "joints": "visible"}}
    assert judged(tmp_path, occluded).verdict == CONFIRMED
    visible = {"label": "x", **pair, "joints": "visible", "beyond": {**pair, "joints": "occluded"}}
    assert judged(tmp_path, visible).verdict == REFUTED
    rows(tmp_path, det=0.1, reg=0.2)
    found = judged(tmp_path, occluded)
    assert found.verdict == OPEN
    assert "does not say which joints are occluded" in found.judgements[0].reason


def test_millimetres_count_downwards(tmp_path: Path) -> None:
    for row, error in (("base", 90.0), ("box", 60.0)):
        made.run(tmp_path / "runs/h80k", f"volume/table2/{row}", distances(0.1), data="h80k",
                 arrays={"error": np.random.default_rng(int(error)).gamma(9, error / 9, (150, 18))},
                 metrics={"MPJPE": error})  # fmt: skip
    pair = {"label": "boxes", "better": "box", "worse": "base", "paper": {"MPJPE": 29.4}}
    found = judged(tmp_path, pair, table="volume/table2", metric="MPJPE", data="h80k")
    assert found.verdict == CONFIRMED
    assert found.judgements[0].effect == pytest.approx(30, abs=3)
    assert found.judgements[0].size == "as published"


def test_near_means_within_the_margin(tmp_path: Path) -> None:
    rows(tmp_path, I1=0.1501, H1=0.15)
    assert judged(tmp_path).verdict == OPEN
    assert judged(tmp_path, {**PAIR, "margin": 12}).verdict == CONFIRMED
    rows(tmp_path, I1=0.3)
    found = judged(tmp_path, {**PAIR, "margin": 12})
    assert found.verdict == REFUTED
    assert found.judgements[0].size == "reversed"


def test_the_nearest_pair_that_was_run_stands_in(tmp_path: Path) -> None:
    pair = {**PAIR, "better": "R18_I1", "worse": "R101_H1",
            "otherwise": [{"better": "R18_I1", "worse": "R50_H1", "paper": {"PCKh@0.1": 8.5}}]}  # fmt: skip
    rows(tmp_path, R18_I1=0.1, R50_H1=0.15)
    line = judged(tmp_path, pair).judgements[0]
    assert (line.compared, line.paper, line.reason) == ("R18_I1 − R50_H1", 8.5, "nearest pair that was run")
    rows(tmp_path, R101_H1=0.12)
    line = judged(tmp_path, pair).judgements[0]
    assert (line.compared, line.paper, line.reason) == ("R18_I1 − R101_H1", 12.1, "")


def test_a_stand_in_needs_the_settings_of_the_row_it_stands_for(tmp_path: Path) -> None:
    place = tmp_path / "experiments/integral/table3"
    place.mkdir(parents=True)
    (place / "d_H1.yaml").write_text(
        "defaults: [{override /backbone: resnet50}]\nrow: d_H1\ninput_size: [256, 256]\nmethod: {pretrain: x}\n"
    )
    # Which ImageNet weights it starts from, timm's tag, does not make it another network.
    settings = {"backbone": {"name": "resnet50.tv_in1k"}, "input_size": [256, 256]}
    made.run(tmp_path / "runs/mpii", "integral/table2/I1", distances(0.1), config=settings)
    path = made.run(tmp_path / "runs/mpii", "integral/table2/H1", distances(0.2), config=settings)
    pair = {**PAIR, "worse": "integral/table3/d_H1 or H1"}
    assert judged(tmp_path, pair, experiments=tmp_path / "experiments").verdict == CONFIRMED
    edit(path, "config", backbone={"name": "resnet18"})
    found = judged(tmp_path, pair, experiments=tmp_path / "experiments")
    assert found.judgements[0].reason in ("not run", "not run: integral/table3/d_H1")
    assert judged(tmp_path, pair).verdict == CONFIRMED


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("flip_test", True),
        ("input_size", [128, 128]),
        ("images", 3),
        ("train_people", 9),
        ("effective_batch", 7),
    ],
)
def test_two_protocols_are_not_compared_unless_the_claim_is_about_it(
    tmp_path: Path, key: str, value: Any
) -> None:
    _, other = rows(tmp_path, I1=0.1, H1=0.2)
    edit(other, **{key: value})
    found = judged(tmp_path)
    assert found.verdict == OPEN
    assert "not comparable" in found.judgements[0].reason
    assert key in found.judgements[0].reason
    assert found.judgements[0].effect is None
    assert judged(tmp_path, varies=[key]).verdict == CONFIRMED


def test_one_seed_twice_is_refused(tmp_path: Path) -> None:
    rows(tmp_path, I1=0.1, H1=0.2)
    edit(made.run(tmp_path / "runs/mpii", "integral/table2/I1", distances(0.1), 1).parent / "result.json")
    path = tmp_path / "runs/mpii/integral/table2/I1/seed1/result.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 0'))
    assert "two runs of one seed" in judged(tmp_path).judgements[0].reason


def test_metrics_without_people_are_judged_over_seeds(tmp_path: Path) -> None:
    for row, values in (("I1", (66.0, 66.4, 66.1)), ("H1", (64.0, 64.3, 64.1))):
        for seed, value in enumerate(values):
            made.run(tmp_path / "runs/mpii", f"integral/table2/{row}", distances(0.1), seed,
                     arrays={}, metrics={"AP": value})  # fmt: skip
    found = judged(tmp_path, metric=["regression/AP", "AP"])
    assert (found.verdict, found.judgements[0].over) == (CONFIRMED, "seeds")
    for row in ("I1", "H1"):
        for seed in (1, 2):
            (tmp_path / f"runs/mpii/integral/table2/{row}/seed{seed}/result.json").unlink()
    found = judged(tmp_path, metric="AP")
    assert found.verdict == OPEN
    assert found.judgements[0].effect == pytest.approx(2.0)
    assert "two seeds of every row" in found.judgements[0].reason


def test_real_pictures_outrank_synthetic_ones_and_campaigns_may_disagree(tmp_path: Path) -> None:
    for row, error in (("I1", 0.2), ("H1", 0.1)):
        made.run(tmp_path / "runs/synthetic", f"integral/table2/{row}", distances(error), data="synthetic")
    found = judged(tmp_path)
    assert (found.verdict, found.note) == (REFUTED, "on synthetic pictures only")
    rows(tmp_path, I1=0.1, H1=0.2)
    found = judged(tmp_path)
    assert (found.verdict, found.note) == (CONFIRMED, "")
    assert [line.verdict for line in found.judgements] == [CONFIRMED, REFUTED]
    for row, error in (("I1", 0.2), ("H1", 0.1)):
        made.run(tmp_path / "runs/mpii_small", f"integral/table2/{row}", distances(error), data="mpii_small")
    found = judged(tmp_path)
    assert (found.verdict, found.note) == (OPEN, "the campaigns disagree")


def test_a_claim_of_several_comparisons() -> None:
    assert together([CONFIRMED, CONFIRMED]) == CONFIRMED
    assert together([CONFIRMED, OPEN]) == OPEN
    assert together([OPEN, REFUTED, CONFIRMED]) == REFUTED


def test_nothing_is_decided_while_a_row_still_learns(tmp_path: Path) -> None:
    made.run(tmp_path / "runs/mpii", "integral/table2/I1", distances(0.1))
    made.run(tmp_path / "runs/mpii", "integral/table2/H1", distances(0.2), before=8.0)
    found = judged(tmp_path)
    (line,) = found.judgements
    assert (found.verdict, line.verdict) == (OPEN, OPEN)
    assert line.low is not None
    assert line.low > 0  # it would have been confirmed
    assert "still learning: H1 (" in line.reason
    assert "+4.0 in its last quarter" in line.reason


def test_nothing_is_decided_without_a_validation_curve(tmp_path: Path) -> None:
    rows(tmp_path, I1=0.1, H1=0.2)
    (tmp_path / "runs/mpii/integral/table2/I1/seed0/metrics.csv").unlink()
    (line,) = judged(tmp_path).judgements
    assert (line.verdict, line.reason) == (OPEN, "no validation curve of I1")


def test_evaluated_networks_are_judged_by_the_curves_of_their_training(tmp_path: Path) -> None:
    """Where these are not known, nothing is decided: nobody can tell whether they had finished."""
    folders = [
        made.run(tmp_path / "runs/mpii", f"integral/table2/{row}", distances(error), steps=0).parent
        for row, error in (("I1", 0.1), ("H1", 0.2))
    ]
    end = {
        "metric": "PCKh@0.1",
        "rise": 0.1,
        "limit": 0.5,
        "steps": 100,
        "low": None,
        "high": None,
        "needed": 0,
    }
    for folder in folders:
        (folder / "metrics.csv").unlink()
    assert judged(tmp_path).verdict == OPEN
    for folder in folders:
        result = json.loads((folder / "result.json").read_text())
        kept = {"val/PCKh@0.1": end, "val/PCKh@0.5": end | {"metric": "PCKh@0.5"}}
        (folder / "result.json").write_text(json.dumps({**result, "learning": kept}))
    assert judged(tmp_path).verdict == CONFIRMED


@pytest.mark.parametrize(("other", "expected"), [(0.1501, CONFIRMED), (0.3, REFUTED), (0.08, REFUTED)])
def test_equivalence_is_refuted_in_either_direction(tmp_path: Path, other: float, expected: str) -> None:
    rows(tmp_path, I1=other, H1=0.15)
    (line,) = judged(tmp_path, {**PAIR, "equivalent": 6}).judgements
    assert line.verdict == expected
    assert line.p is not None
    assert (line.p < 0.05) == (expected == CONFIRMED)


def test_equivalence_needs_data(tmp_path: Path) -> None:
    """The same rows within a margin that the interval is too wide for."""
    rows(tmp_path, I1=0.1501, H1=0.15)
    (line,) = judged(tmp_path, {**PAIR, "equivalent": 0.5}).judgements
    assert line.verdict == OPEN
    assert "the interval includes ±0.5, effects from" in line.reason


def test_open_means_no_effect_or_not_enough_data(tmp_path: Path) -> None:
    rows(tmp_path, I1=0.15, H1=0.1501)
    (line,) = judged(tmp_path).judgements
    assert line.verdict == OPEN
    assert line.detectable is not None
    assert line.detectable < 12.1
    assert line.low is not None
    assert line.high is not None
    most = max(-line.low, line.high)
    assert f"no effect above {most:.1f}, the published one would have been seen" in line.reason
    small = judged(tmp_path, {**PAIR, "paper": {"PCKh@0.1": 0.4}}).judgements[0]
    assert f"not enough data, only effects from {line.detectable:.1f} up could be seen" in small.reason
    alone = judged(tmp_path, {key: PAIR[key] for key in ("label", "better", "worse")}).judgements[0]
    assert f"no effect above {most:.1f}, effects from {line.detectable:.1f} up" in alone.reason


def test_what_may_not_be_decided_has_no_p_value(tmp_path: Path) -> None:
    rows(tmp_path, I1=0.1, H1=0.2)
    assert (judged(tmp_path).judgements[0].p or 1.0) < 1e-6
    made.run(tmp_path / "runs/mpii", "integral/table2/H1", distances(0.2), before=8.0)
    assert judged(tmp_path).judgements[0].p is None


def test_an_effect_of_the_other_sign_is_called_reversed(tmp_path: Path) -> None:
    rows(tmp_path, I1=0.2, H1=0.1)
    assert judged(tmp_path).judgements[0].size == "reversed"


def test_a_flat_tight_threshold_is_no_finished_run(tmp_path: Path) -> None:
    """PCKh@0.1 hardly rises any more, PCKh@0.5, the run's first metric, still does."""
    paths = rows(tmp_path, I1=0.1, H1=0.2)
    curve = paths[1].parent / "metrics.csv"
    head, early, late = curve.read_text().splitlines()
    column = head.split(",").index("val/PCKh@0.5")
    cells = early.split(",")
    cells[column] = str(float(cells[column]) - 8)
    curve.write_text("\n".join([head, ",".join(cells), late]) + "\n")
    found = judged(tmp_path)
    assert found.verdict == OPEN
    assert "still learning: H1 (PCKh@0.5 +4.0 in its last quarter" in found.judgements[0].reason
