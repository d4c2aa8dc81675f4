"""Which runs may share a column, and what a table says that they share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from posereg.errors import UserError
from posereg.reporting import protocol
from posereg.runs.results import Result

PROTOCOL = {"dataset": "mpii", "flip_test": False, "scales": [1.0], "train_people": 1500}


def run(row: str, seed: int = 0, config: dict[str, Any] | None = None, **changed: Any) -> tuple[Path, Result]:
    content: Any = {
        "row": row, "seed": seed, "table": "a/b", "metrics": {}, "config": config or {},
        "protocol": {**PROTOCOL, **changed},
    }  # fmt: skip
    return Path(f"{row}/seed{seed}/result.json"), content


def test_rows_may_train_differently_but_not_be_measured_differently() -> None:
    protocol.check("a/b", [run("H1"), run("I1", train_people=3000)])
    with pytest.raises(UserError, match=r"a/b: one column.*flip_test is false in H1.*true in I1"):
        protocol.check("a/b", [run("H1"), run("I1", flip_test=True)])
    protocol.check("a/b", [run("H1"), run("I1", flip_test=True)], varies=["flip_test"])


def test_a_setting_that_one_run_does_not_name_is_another_protocol() -> None:
    path, bare = run("I1")
    del bare["protocol"]["scales"]
    with pytest.raises(UserError, match=r"scales is \[1\.0\].*null in I1"):
        protocol.check("a/b", [run("H1"), (path, bare)])


def test_seeds_of_a_row_must_also_train_alike_whatever_the_table_varies() -> None:
    seeds = [run("H1", 0), run("H1", 1, train_people=3000)]
    with pytest.raises(UserError, match=r"a/b row H1: one row.*train_people is 1500.*3000"):
        protocol.check("a/b", seeds)
    with pytest.raises(UserError, match=r"row H1.*flip_test"):
        protocol.check("a/b", [run("H1", 0), run("H1", 1, flip_test=True)], varies=["flip_test"])


def test_seeds_and_places_may_differ_in_the_configuration_and_nothing_else() -> None:
    def config(seed: int, root: str, lr: float) -> dict[str, Any]:
        return {
            "seed": seed, "loader": {"seed": seed, "workers": seed}, "data": {"name": "x", "root": root},
            "init_weights": root, "optimizer": {"lr": lr},
        }  # fmt: skip

    protocol.check("a/b", [run("H1", 0, config(0, "/a", 0.1)), run("H1", 1, config(1, "/b", 0.1))])
    with pytest.raises(UserError, match=r"config optimizer\.lr is 0\.1 .*0\.2 in H1/seed2"):
        protocol.check(
            "a/b",
            [
                run("H1", 0, config(0, "/a", 0.1)),
                run("H1", 1, config(1, "/a", 0.1)),
                run("H1", 2, config(2, "/a", 0.2)),
            ],
        )


def test_a_seed_trained_before_a_module_was_renamed_is_the_same_configuration() -> None:
    former, today = "posereg.data.augment.Augment", "posereg.data.samples.augment.Augment"
    seeds = [
        run("H1", seed, {"augment": {"_target_": target}}) for seed, target in enumerate((former, today))
    ]
    protocol.check("a/b", seeds)
    other = run("H1", 2, {"augment": {"_target_": "posereg.data.samples.augment.Other"}})
    with pytest.raises(UserError, match=r"config augment\._target_ is"):
        protocol.check("a/b", [*seeds, other])


def test_the_summary_parts_what_is_shared_from_what_differs_by_row() -> None:
    shared, differing = protocol.summary([run("H1", score_rule="max"), run("I1", scales=[1.0, 1.2])])
    assert shared == {"dataset": "mpii", "flip_test": False, "train_people": 1500}
    assert differing == {
        "scales": {"H1": [1.0], "I1": [1.0, 1.2]},
        "score_rule": {"H1": "max", "I1": None},
    }


def test_only_what_differs_among_hundreds_of_seeds_is_flattened_and_the_one_that_differs_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {"method": {f"key{k}": k for k in range(60)}}
    seeds = [run("H1", seed, config) for seed in range(300)]
    flattened: list[Mapping[str, Any]] = []
    settings = protocol._settings
    monkeypatch.setattr(protocol, "_settings", lambda part: flattened.append(part) or settings(part))
    protocol.check("a/b", seeds)
    assert not any("method" in part for part in flattened)
    other = {"method": {**config["method"], "key59": 0}}
    with pytest.raises(UserError, match=r"method\.key59 is 59 in H1/seed0.* and 299 more; 0 in H1/seed300"):
        protocol.check("a/b", [*seeds, run("H1", 300, other)])
