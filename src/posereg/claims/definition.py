"""A claim as data: claims/catalogue/<id>.yaml, or a folder of your own.

    paper: Integral Human Pose Regression
    where: Table 2
    text: Integral regression beats its own heat map at a tight threshold, whichever the loss.
    table: integral/table2            # of rows named without one
    data: [mpii, lspet]               # lspet stands for lspet_3000 too
    metric: [PCKh@0.1, PCK@0.05]      # the first that all compared runs report
    seeds: 3                          # wanted
    varies: [input_size]              # protocol keys in which the compared rows differ on purpose
    comparisons:
      - label: one-hot loss
        better: I2
        worse: H2
        paper: {PCKh@0.1: 12.1}       # the published gain

A row may name stand-ins (`d_H1 or integral/table2/H1`): the first that was run is taken. Without `worse` the metric
itself, which is a difference already, must be above zero. A comparison may add `beyond: {better, worse}`: the gain
must exceed that other gain (a difference of differences); `joints: occluded` or `visible`: only those count; `margin`:
how far the better row may stay behind and still be near; `equivalent`: how far the two rows may lie apart, in either
direction, and still be as good as each other; and `otherwise`: nearest pairs, tried in turn when the first was not run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posereg.errors import UserError, nearest
from posereg.files import read_yaml

KEYS = ("paper", "where", "text", "table", "data", "metric", "seeds", "varies", "comparisons")
COMPARISON_KEYS = (
    "label",
    "better",
    "worse",
    "beyond",
    "joints",
    "metric",
    "margin",
    "equivalent",
    "paper",
    "otherwise",
)
PAIR_KEYS = ("better", "worse", "joints")
CONTRAST_KEYS = (*PAIR_KEYS, "beyond", "paper")
# The claims of the five papers and of methods since then (modern_*), shipped with the package.
CATALOGUE = Path(__file__).parent / "catalogue"
JOINTS = ("all", "visible", "occluded")

Choice = tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """One signed figure of a contrast: the row (`integral/table2/H1`, stand-ins after it) and the joints it counts."""

    sign: int
    rows: Choice
    joints: str = "all"


@dataclass(frozen=True)
class Contrast:
    """A signed sum of figures that the claim says is positive: better - worse, less `beyond`'s where given."""

    terms: tuple[Term, ...]
    paper: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """`contrasts` in order of preference: the claim's own pair first, then the nearest ones.

    `margin` is how far the better row may stay behind, or, where the rows are claimed to be `equivalent`, how far they
    may lie apart.
    """

    label: str
    metrics: tuple[str, ...]
    margin: float
    contrasts: tuple[Contrast, ...]
    equivalent: bool = False


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper that results can confirm or refute.

    Attributes:
        id: the name of its file. where: the table or section of the paper. data: data sets that it is about.
        seeds: how many it takes before the verdict is not preliminary. varies: protocol keys in which the compared
            rows differ on purpose. comparisons: all of them must hold.
    """

    id: str
    paper: str
    where: str
    text: str
    data: tuple[str, ...]
    seeds: int
    varies: tuple[str, ...]
    comparisons: tuple[Comparison, ...]

    def may_be_judged_on(self, data: str) -> bool:
        """Whether results on a data set (`lspet`, or a part of it such as `lspet_3000`) speak to the claim."""
        return any(data == name or data.startswith(f"{name}_") for name in self.data)


def read_all(folder: Path | str) -> list[Claim]:
    """Every claim of a folder, by paper (in the order of the file names) and its tables.

    Raises:
        UserError: no claims there, or a file that is not one.
    """
    paths = sorted(Path(folder).glob("*.yaml"))
    if not paths:
        raise UserError(f"{folder}: no claims (*.yaml) in it")
    claims = [read(path) for path in paths]
    papers = list(dict.fromkeys(claim.paper for claim in claims))
    return sorted(claims, key=lambda claim: (papers.index(claim.paper), claim.where))


def read(path: Path) -> Claim:
    """The claim of one file; its id is the file's name.

    Raises:
        UserError: broken YAML, or a missing, unknown or wrong field; names file and field.
    """
    content = read_yaml(path, "a claim")
    required = ("paper", "where", "text", "data", "metric", "comparisons")
    _check(content, KEYS, required, str(path))
    table = str(content.get("table", ""))
    listed = content["comparisons"]
    if not isinstance(listed, list) or not listed:
        raise UserError(f"{path}: comparisons must be a list of at least one")
    metrics = _names(content["metric"])
    comparisons = [
        _comparison(each, table, metrics, f"{path}, comparison {k}") for k, each in enumerate(listed, 1)
    ]
    return Claim(
        id=path.stem,
        paper=str(content["paper"]),
        where=str(content["where"]),
        text=" ".join(str(content["text"]).split()),
        data=_names(content["data"]),
        seeds=_number(content.get("seeds", 1), f"{path}: seeds", int),
        varies=_names(content.get("varies", ())),
        comparisons=tuple(comparisons),
    )


def _comparison(content: Any, table: str, metrics: tuple[str, ...], where: str) -> Comparison:
    _check(content, COMPARISON_KEYS, ("label", "better"), where)
    first = {key: content[key] for key in CONTRAST_KEYS if key in content}
    others = content.get("otherwise") or []
    if not isinstance(others, list):
        raise UserError(f"{where}: otherwise must be a list of pairs")
    for other in others:
        _check(other, CONTRAST_KEYS, ("better", "worse"), f"{where}, otherwise")
    equivalent = "equivalent" in content
    if equivalent and "margin" in content:
        raise UserError(f"{where}: margin and equivalent exclude each other; keep one")
    name = "equivalent" if equivalent else "margin"
    margin = _number(content.get(name, 0.0), f"{where}: {name}", float)
    if margin < 0 or (equivalent and margin == 0):
        raise UserError(f"{where}: {name} is {margin:g}; give the allowed distance, above zero")
    return Comparison(
        label=str(content["label"]),
        metrics=_names(content["metric"]) if "metric" in content else metrics,
        margin=margin,
        equivalent=equivalent,
        contrasts=tuple(_contrast(each, table, where) for each in (first, *others)),
    )


def _contrast(content: Mapping[str, Any], table: str, where: str) -> Contrast:
    if "worse" not in content:
        _check(content, ("label", "better", "metric", "paper"), ("better",), f"{where} without worse")
    terms = _pair(content, table, 1, where)
    if "beyond" in content:
        _check(content["beyond"], PAIR_KEYS, ("better", "worse"), f"{where}, beyond")
        terms += _pair(content["beyond"], table, -1, where)
    paper = content.get("paper") or {}
    if not isinstance(paper, Mapping):
        raise UserError(f"{where}: paper must give the size by metric, e.g. {{AUC: 5.4}}")
    return Contrast(terms, {str(k): _number(v, f"{where}: paper {k}", float) for k, v in paper.items()})


def _pair(content: Mapping[str, Any], table: str, sign: int, where: str) -> tuple[Term, ...]:
    joints = str(content.get("joints", "all"))
    if joints not in JOINTS:
        raise UserError(f"{where}: joints is '{joints}'{nearest(joints, JOINTS)}")
    better = Term(sign, _rows(content["better"], table, where), joints)
    if "worse" not in content:
        return (better,)
    return better, Term(-sign, _rows(content["worse"], table, where), joints)


def _rows(text: Any, table: str, where: str) -> Choice:
    rows = tuple(row if "/" in row else f"{table}/{row}" for row in re.split(r"\s+or\s+", str(text).strip()))
    if wrong := [row for row in rows if row.startswith("/") or not row.strip()]:
        raise UserError(
            f"{where}: row '{wrong[0].strip('/')}' names no table, and the claim gives none under table"
        )
    return rows


def _check(content: Any, keys: tuple[str, ...], required: tuple[str, ...], where: str) -> None:
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected fields {', '.join(keys)}")
    for key in content:
        if key not in keys:
            raise UserError(f"{where}: unknown field '{key}'{nearest(str(key), keys)}")
    if missing := [key for key in required if key not in content]:
        raise UserError(f"{where}: {missing[0]} is missing")


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(each) for each in value)


def _number(value: Any, where: str, kind: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where} is '{value}', not a number") from error
