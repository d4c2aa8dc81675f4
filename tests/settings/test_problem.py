"""A problem on one line."""

from posereg.settings.problem import Problem


def test_with_and_without_a_value():
    assert str(Problem("seed", "must be whole", None)) == "seed=null: must be whole"
    assert str(Problem("seed", "is missing")) == "seed: is missing"
