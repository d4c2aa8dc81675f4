"""Which runs a claim is judged by: campaigns by folder and data set, stand-ins, and rows that may be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claims import made
from claims.made import distances
from posereg.claims.definition import Contrast, Term
from posereg.claims.evidence import Campaign, campaigns, check, data_name, resolve
from posereg.errors import UserError

ROW = "integral/table2/H1"


def contrast(*rows: tuple[str, ...]) -> Contrast:
    """The first row less the second."""
    return Contrast(tuple(Term(sign, names, "all") for sign, names in zip((1, -1), rows, strict=True)), {})


def only(folder: Path) -> Campaign:
    (campaign,) = campaigns([folder])
    return campaign


def test_a_campaign_is_a_folder_of_tables_and_its_seeds_are_in_order(tmp_path: Path) -> None:
    for seed in (10, 2, 0):
        made.run(tmp_path / "lspet", ROW, distances(0.1, 20), seed, data="lspet")
    campaign = only(tmp_path)
    assert (campaign.name, campaign.data) == ("lspet", "lspet")
    assert [run.result["seed"] for run in campaign.rows[ROW]] == [0, 2, 10]


def test_kept_results_and_runs_of_one_campaign_are_one(tmp_path: Path) -> None:
    """results/ names folders `<table>_<campaign>`; runs/ nests the table below the campaign."""
    ran = made.run(tmp_path / "runs/lspet", ROW, distances(0.1, 20))
    kept = tmp_path / "results/integral_table2_lspet/I1/seed0"
    kept.mkdir(parents=True)
    (kept / "result.json").write_text(json.dumps({**json.loads(ran.read_text()), "row": "I1"}))
    (campaign,) = campaigns([tmp_path / "runs", tmp_path / "results"])
    assert campaign.name == "lspet"
    assert set(campaign.rows) == {ROW, "integral/table2/I1"}


def test_two_data_sets_in_one_folder_are_two_campaigns(tmp_path: Path) -> None:
    made.run(tmp_path, ROW, distances(0.1, 20), data="mpii")
    made.run(tmp_path, "integral/table2/I1", distances(0.1, 20), data="synthetic_lsp")
    assert {each.data: each.real for each in campaigns([tmp_path])} == {"mpii": True, "synthetic_lsp": False}


def test_runs_of_no_table_are_no_evidence(tmp_path: Path) -> None:
    path = made.run(tmp_path, ROW, distances(0.1, 20))
    path.write_text(json.dumps({**json.loads(path.read_text()), "table": ""}))
    assert campaigns([tmp_path]) == []


def test_the_configured_name_of_a_data_set_counts() -> None:
    evaluated: Any = {"protocol": {"dataset": "mpii"}, "config": {}}
    assert data_name(evaluated) == "mpii"
    assert data_name({**evaluated, "config": {"data": {"name": "synthetic"}}}) == "synthetic"
    bare: Any = {}
    assert data_name(bare) == "unknown"


def test_the_first_choice_is_taken_before_stand_ins_and_missing_rows_are_named(tmp_path: Path) -> None:
    made.run(tmp_path, "a/b/I1", distances(0.1, 20))
    made.run(tmp_path, "a/b/R18", distances(0.1, 20))
    rows = only(tmp_path).rows
    assert resolve(contrast(("a/b/I1", "a/b/R18"), ("a/b/none", "a/b/R18")), rows) == (
        ["a/b/I1", "a/b/R18"],
        [],
    )
    assert resolve(contrast(("a/b/none",), ("a/b/none", "a/b/gone")), rows) == (["", ""], ["a/b/none"])


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"input_size": [256, 256], "backbone": {"name": "resnet50"}}, True),
        ({"input_size": [128, 128], "backbone": {"name": "resnet50"}}, False),
        ({"input_size": [256, 256], "backbone": {"name": "resnet18"}}, False),
    ],
)
def test_a_stand_in_ran_with_the_settings_of_its_row(
    tmp_path: Path, settings: dict[str, Any], fits: bool
) -> None:
    place = tmp_path / "experiments/a/b"
    place.mkdir(parents=True)
    (place / "d_H1.yaml").write_text(
        "defaults: [{override /backbone: resnet50}]\nrow: d_H1\ninput_size: [256, 256]\nmethod: {pretrain: x}\n"
        "paper: {AUC: 50}\n"
    )
    made.run(tmp_path / "runs", "a/b/H1", distances(0.1, 20), config=settings)
    wanted = contrast(("a/b/d_H1", "a/b/H1"), ("a/b/H1",))
    taken, missing = resolve(wanted, only(tmp_path / "runs").rows, tmp_path / "experiments")
    assert taken == ["a/b/H1" if fits else "", "a/b/H1"]
    assert missing == ([] if fits else ["a/b/d_H1"])


def test_rows_trained_on_other_people_are_not_compared_unless_that_is_the_claim(tmp_path: Path) -> None:
    made.run(tmp_path, "a/b/H1", distances(0.1, 20))
    made.run(tmp_path, "a/b/I1", distances(0.1, 20), protocol={"train_people": 9})
    rows = only(tmp_path).rows
    with pytest.raises(
        UserError, match=r"campaign: the compared rows were trained differently: train_people"
    ):
        check("campaign", rows, ())
    check("campaign", rows, ("train_people",))


def test_a_seed_must_not_count_twice(tmp_path: Path) -> None:
    made.run(tmp_path, "a/b/H1", distances(0.1, 20), 0)
    copy = made.run(tmp_path, "a/b/H1", distances(0.1, 20), 1)
    copy.write_text(json.dumps({**json.loads(copy.read_text()), "seed": 0}))
    with pytest.raises(UserError, match=r"a/b/H1 has two runs of one seed.*seed1"):
        check("campaign", only(tmp_path).rows, ())
