"""The shipped claims agree with the published rows, and mistakes in a claim name file and field."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from posereg.claims.definition import CATALOGUE, Claim, Contrast, read, read_all
from posereg.errors import UserError
from posereg.reporting.columns import higher_is_better

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CLAIMS = read_all(CATALOGUE)
CONTRASTS = [
    pytest.param(claim, contrast, id=f"{claim.id}-{comparison.label}-{k}".replace(" ", "_"))
    for claim in CLAIMS
    for comparison in claim.comparisons
    for k, contrast in enumerate(comparison.contrasts)
]


def published(row: str) -> dict[str, float] | None:
    """The `paper` of the row's file; None while its table is not there."""
    path = EXPERIMENTS / f"{row}.yaml"
    if not path.parent.is_dir():
        return None
    assert path.is_file(), f"there is no row {row}"
    return yaml.safe_load(path.read_text()).get("paper") or {}


def test_every_paper_is_claimed_upon() -> None:
    assert len({claim.paper for claim in CLAIMS if not claim.id.startswith("modern_")}) == 5
    assert len(CLAIMS) >= 20
    assert all(claim.seeds >= 2 for claim in CLAIMS)


@pytest.mark.parametrize(("claim", "contrast"), CONTRASTS)
def test_shipped_rows_exist_and_the_sizes_are_the_papers(claim: Claim, contrast: Contrast) -> None:
    rows = {row: published(row) for term in contrast.terms for row in term.rows}
    for metric, size in contrast.paper.items():
        values = [(rows[term.rows[0]] or {}).get(metric) for term in contrast.terms]
        if None in values:
            continue
        effect = sum(term.sign * value for term, value in zip(contrast.terms, values, strict=True))
        assert effect * (1 if higher_is_better(metric) else -1) == pytest.approx(size, abs=1e-6)


GOOD = """
paper: P
where: Table 1
text: A beats B.
table: p/t
data: mpii
metric: AUC
comparisons:
  - {label: x, better: A, worse: B or q/t/B}
"""


def test_rows_without_a_table_belong_to_the_claims(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(GOOD)
    claim = read(path)
    better, worse = claim.comparisons[0].contrasts[0].terms
    assert (claim.id, better.rows, worse.rows) == ("one", ("p/t/A",), ("p/t/B", "q/t/B"))
    assert (better.sign, worse.sign) == (1, -1)
    assert claim.may_be_judged_on("mpii_subset")
    assert not claim.may_be_judged_on("mpiii")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("where: Table 1", "wher: Table 1", "unknown field 'wher', did you mean 'where'"),
        ("where: Table 1\n", "", "where is missing"),
        ("better: A", "beter: A", "comparison 1: unknown field 'beter', did you mean 'better'"),
        ("better: A, ", "", "comparison 1: better is missing"),
        ("table: p/t\n", "", "row 'A' names no table"),
        ("label: x", "label: x, margin: far", "margin is 'far', not a number"),
        ("label: x", "label: x, margin: 1, equivalent: 1", "margin and equivalent exclude each other"),
        ("label: x", "label: x, equivalent: 0", "equivalent is 0; give the allowed distance"),
        ("label: x", "label: x, margin: -2", "margin is -2; give the allowed distance"),
        ("label: x", "label: x, joints: hidden", "joints is 'hidden'"),
        ("label: x", "label: x, paper: {AUC: big}", "paper AUC is 'big', not a number"),
        ("label: x", "label: x, paper: 3", "size by metric"),
        ("label: x", "label: x, otherwise: {better: A, worse: C}", "otherwise must be a list"),
        ("  - {label: x, better: A, worse: B or q/t/B}", "  []", "at least one"),
        ("data: mpii", "data: [mpii", "not valid YAML"),
    ],
)
def test_mistakes_name_file_and_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(UserError) as refused:
        read(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_metric_that_is_a_difference_needs_no_worse_row(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(GOOD.replace(", worse: B or q/t/B", ", metric: occluded/detection/below_visible"))
    (contrast,) = read(path).comparisons[0].contrasts
    assert [(term.sign, term.rows) for term in contrast.terms] == [(1, ("p/t/A",))]
    path.write_text(GOOD.replace(", worse: B or q/t/B", ", beyond: {better: A, worse: B}"))
    with pytest.raises(UserError, match="without worse: unknown field 'beyond'"):
        read(path)


def test_a_folder_without_claims_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no claims"):
        read_all(tmp_path)
