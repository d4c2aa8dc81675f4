"""A problem on one line."""

from posereg.settings.problem import Problem


def test_with_and_without_a_value():
    assert str(Problem("seed", "must be whole", None)) == "seed=null: must be whole"
    assert str(Problem("seed", "is missing")) == "seed: is missing"


def test_what_it_quotes_is_printable():
    assert str(Problem("a", "\udcff has\nno ü", "\udcff")) == r"a='\udcff': \udcff has\nno ü"
