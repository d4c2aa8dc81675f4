"""An evaluated network keeps what its own run says of how it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posereg import config as configs
from posereg.errors import UserError
from posereg.methods.integral import IntegralPose
from posereg.predict import final
from posereg.reporting import lineage
from posereg.runs import metrics_csv, results
from posereg.train import train
from tiny import overrides


def test_an_evaluation_says_how_its_network_was_trained(tmp_path: Path) -> None:
    def run(*more: str) -> results.Result:
        return train(configs.compose(overrides("mpii", tmp_path, "method=H1", "trainer.epochs=2", *more)))

    trained = run()
    weights = f"init_weights={tmp_path}/synthetic/single/H1/seed0/last.ckpt"
    evaluated = run(weights, "evaluate_only=true", "row=again", "batch_size=1")
    assert known(evaluated) == pytest.approx(known(trained), rel=1e-6)
    assert evaluated["learning"] == trained["learning"]
    assert evaluated["trained_as"] == "single/H1 seed 0"
    for name in lineage.AMOUNT:
        assert evaluated["training"][name] == trained["training"][name] > 0
    for name in lineage.TRAINED:
        assert evaluated["protocol"].get(name) == trained["protocol"].get(name)
    assert evaluated["training"]["seconds"] == 0  # its own time


def known(result: results.Result) -> dict[str, float]:
    return {name: value for name, value in result["metrics"].items() if value is not None}


def ended(rise: float) -> dict[str, Any]:
    return {"metric": "AUC", "rise": rise, "limit": 0.5, "steps": 40, "finished": rise <= 0.5}


def written(folder: Path, **more: Any) -> Path:
    folder.mkdir()
    results.write(folder / "result.json", {"row": folder.name, "seed": 1, "metrics": {}, **more})  # type: ignore[typeddict-item]
    return folder


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_ensemble_has_finished_when_all_its_members_have(order: tuple[int, int], tmp_path: Path) -> None:
    members = [
        written(tmp_path / "A", table="x/y", learning={"val/AUC": ended(0.1), "val/loss": ended(0.0)}),
        written(tmp_path / "B", trained_as="x/y/C seed 7", learning={"val/AUC": ended(2.0)}),
    ]
    result: results.Result = {"training": {}, "protocol": {}}
    lineage.inherit(result, lineage.sources_of([members[k] for k in order]))
    assert result["learning"] == {"val/AUC": ended(2.0)}
    assert sorted(result["trained_as"].split(", ")) == ["x/y/A seed 1", "x/y/C seed 7"]


def test_a_run_that_keeps_no_verdict_on_its_curves_has_the_curves(tmp_path: Path) -> None:
    folder = written(tmp_path / "A")
    results.write(folder / "result.json", {"row": "A", "seed": 0, "metrics": {"AUC": 9.0}})  # type: ignore[typeddict-item]
    curve = [{"step": 100.0 * k - 1, "val/AUC": float(k)} for k in range(1, 9)]
    metrics_csv.write(folder / "metrics.csv", curve)
    result: results.Result = {"training": {}, "protocol": {}}
    lineage.inherit(result, lineage.sources_of([folder]))
    assert result["learning"]["val/AUC"]["rise"] == pytest.approx(2.0)  # a point every 100 of 800 steps
    assert not result["learning"]["val/AUC"]["finished"]


def test_a_damaged_neighbour_is_told_before_anything_is_evaluated(tmp_path: Path) -> None:
    given = ["method=H1", "trainer.epochs=1"]
    train(configs.compose(overrides("mpii", tmp_path, *given)))
    folder = tmp_path / "synthetic/single/H1/seed0"
    (folder / "result.json").write_text("{")
    more = [f"init_weights={folder}/last.ckpt", "evaluate_only=true", "row=again"]
    with pytest.raises(UserError, match=r"result\.json"):
        train(configs.compose(overrides("mpii", tmp_path, *given, *more)))
    assert not (tmp_path / "synthetic/single/again/seed0/predictions.npz").exists()


def test_weights_from_elsewhere_say_nothing(tmp_path: Path) -> None:
    known = written(tmp_path / "A", learning={"val/AUC": ended(0.1)})
    for folders in ([], [tmp_path], [known, tmp_path]):
        result: results.Result = {"training": {"steps": 0}, "protocol": {"epochs": 3}}
        lineage.inherit(result, lineage.sources_of(folders))
        assert result == {"training": {"steps": 0}, "protocol": {"epochs": 3}}


def test_a_run_counts_the_training_that_its_weights_have_seen(tmp_path: Path) -> None:
    def run(row: str, *more: str) -> results.Result:
        return train(
            configs.compose(overrides("mpii", tmp_path, "method=H1", "trainer.epochs=2", f"row={row}", *more))
        )

    def weights(row: str) -> str:
        return f"init_weights={tmp_path}/synthetic/single/{row}/seed0/last.ckpt"

    first = run("first")
    second = run("second", weights("first"))
    third = run("third", weights("second"), "trainer.epochs=1")
    evaluated = run("evaluated", weights("third"), "evaluate_only=true")
    steps, images = first["training"]["steps"], first["training"]["images"]
    assert steps > 0
    assert "started_from" not in first
    assert second["started_from"] == {"row": "single/first seed 0", "steps": steps, "images": images}
    assert third["started_from"] == {"row": "single/second seed 0", "steps": 2 * steps, "images": 2 * images}
    assert lineage.trained(third) == lineage.trained(evaluated) == (2.5 * steps, 2.5 * images)


@pytest.mark.parametrize(("owner", "place"), [(IntegralPose, "predict"), (final, "final_result")])
def test_a_run_that_goes_on_still_knows_them(
    owner: Any, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off in its first validation or in its evaluation; by then the first run may be gone."""

    def run(row: str, *more: str) -> results.Result:
        given = overrides("mpii", tmp_path, "method=I1", "method.pretrain=null", f"row={row}", *more)
        return train(configs.compose([*given, "trainer.epochs=2", "trainer.checkpoint_minutes=0.0000001"]))

    first = run("first")
    weights = tmp_path / "synthetic/single/first/seed0/last.ckpt"
    with monkeypatch.context() as cut:
        cut.setattr(owner, place, crash)
        with pytest.raises(CrashError):
            run("second", f"init_weights={weights}")
    (weights.parent / "result.json").unlink()
    second = run("second", f"init_weights={weights}")
    assert second["started_from"]["steps"] == first["training"]["steps"] > 0


def test_training_that_was_not_counted_is_none() -> None:
    assert lineage.trained({"training": {"steps": None, "images": None}}) == (0, 0)  # type: ignore[typeddict-item]
    assert lineage.trained({}) == (0, 0)


def test_a_training_asks_nothing_of_the_curves_before_it(tmp_path: Path) -> None:
    """Only an evaluation takes them over."""
    source = written(tmp_path / "A", table="x/y", training={"steps": 40, "images": 320})
    (source / "metrics.csv").write_bytes(b"\xff\x00")
    assert lineage.before(source) == {"row": "x/y/A seed 1", "steps": 40, "images": 320}
    with pytest.raises(UserError, match=r"metrics\.csv"):
        lineage.sources_of([source])


@pytest.mark.parametrize("content", [None, {}])
def test_where_nothing_is_known_of_the_weights_nothing_is_said(
    content: dict[str, Any] | None, tmp_path: Path
) -> None:
    folder = tmp_path / "A"
    if content is not None:
        written(folder, **content)
    assert lineage.before(folder) is None


class CrashError(BaseException):
    """Nothing in between takes it for an error to tidy up after."""


def crash(*_: Any, **__: Any) -> None:
    raise CrashError
