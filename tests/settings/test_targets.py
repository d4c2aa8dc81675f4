"""A class that nobody has registered is checked by its own signature."""

import collections.abc as abc
from typing import TYPE_CHECKING, Any, Literal

import pytest

from posereg.settings.ranges import Count, Share
from posereg.settings.targets import arguments, locate, target_problems

if TYPE_CHECKING:
    from posereg.records.evaluation import Evaluation


class Base:
    def __init__(self, depth: Count, name: str = "") -> None: ...


class Own(Base):
    def __init__(self, kind: Literal["a", "b"] = "a", part: "Base | None" = None, **base: object) -> None: ...


def law(steps, drop: Share = 0.1, *, last: int) -> None: ...


def metric(score: "abc.Callable[[int], Evaluation]", other: "Evaluation | None" = None) -> None: ...


HERE = __name__


def told(node, path="method.x"):
    return [str(problem) for problem in target_problems(node, path)]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "made", type(sys)("made"))
    for name in ("Base", "Own", "law", "metric"):
        setattr(sys.modules["made"], name, globals()[name])


def test_an_annotation_is_read_though_one_of_its_names_is_there_for_types_only():
    found, _ = arguments(metric)
    assert found["score"].annotation == abc.Callable[[int], Any]
    assert found["other"].annotation in (Any, Any | None)
    node = {"_target_": "made.metric", "score": "x", "other": 3}
    assert told(node) == ["method.x.score=x: must be a config node with _target_"]


def test_arguments_reach_the_base_class():
    assert list(arguments(Own)[0]) == ["kind", "part", "depth", "name"]
    assert arguments(Own)[1] is False


def test_keys_types_and_what_is_required():
    assert told({"_target_": "made.Own", "depth": 2}) == []
    assert told({"_target_": "made.Own", "dept": 2}) == [
        "method.x.dept: no such key, did you mean 'depth'?",
        "method.x.depth: is required by made.Own",
    ]
    assert told({"_target_": "made.Own", "depth": 0, "kind": "B"}) == [
        "method.x.depth=0: must be a whole number at least 1; the nearest is 1",
        "method.x.kind=B: must be a or b, did you mean 'b'?",
    ]


def test_a_node_must_build_what_is_wanted():
    inside = {"_target_": "made.Own", "depth": 1}
    assert told({**inside, "part": {"_target_": "made.Base", "depth": 1}}) == []
    (line,) = told({**inside, "part": {"_target_": "collections.OrderedDict"}})
    assert "must be a config node with _target_ of a Base" in line


def test_a_partial_node_leaves_its_first_arguments_to_the_run():
    node = {"_target_": "made.law", "_partial_": True, "last": 1}
    assert told(node) == []
    assert told({**node, "steps": 3}) == ["method.x.steps: the run gives this itself; it cannot be set"]
    assert told({**node, "drop": 2}) == [
        "method.x.drop=2: must be a number from 0 to 1; the nearest is 1",
    ]


@pytest.mark.parametrize(
    "target", [5, None, "", "..", "os.nothing", "no_such_module.x", "os.sep", "a b.c", "é" * 300]
)
def test_targets_that_are_none(target):
    found, why = locate(target)
    assert found is None
    assert why
