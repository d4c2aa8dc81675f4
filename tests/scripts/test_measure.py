"""How benchmarks say what they measured: units, spreads, exponents."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import measure

    return measure


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_exponents_are_the_power_that_costs_grow_by(measure: ModuleType, power: float) -> None:
    sizes = (10, 100, 3000)
    assert measure.exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(power)


def test_figures_have_three_digits_and_the_unit_that_fits(measure: ModuleType) -> None:
    said = [measure.spent(ms) for ms in (0.00085, 0.0032, 0.5, 41.04, 1234.0, 125_000.0)]
    assert said == ["850 ns", "3.20 µs", "500 µs", "41.0 ms", "1.23 s", "125 s"]
    assert measure.spread([2.0, 3.0, 4.0, 5.0, 6.0]) == "4.00 (3.00 to 5.00)"
    assert measure.spread([2.0, 4.0]) == "3.00 (2.00 to 4.00)"


def test_sides_take_turns_and_the_first_round_does_not_count(measure: ModuleType) -> None:
    order: list[str] = []
    taken = measure.take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b"] * 3
    assert {name: len(values) for name, values in taken.items()} == {"a": 2, "b": 2}


def test_ratios_are_taken_pair_by_pair(measure: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A machine twice as slow in one round slows both sides."""
    measure.rows("what", {"": [10.0, 20.0, 10.0], "usual": [30.0, 60.0, 30.0], "plain": [5.0, 10.0, 5.0]})
    assert capsys.readouterr().out.splitlines() == [
        "| what | 10.0 ms | usual | 30.0 ms | 3.00 (3.00 to 3.00) |",
        "| what | 10.0 ms | plain | 5.00 ms | 0.50 (0.50 to 0.50) |",
    ]


def test_a_script_says_what_its_sides_do(measure: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    measure.begin("Title.\n\n    python x.py\n\n- one\n- two\n", ("a", "b"))
    printed = capsys.readouterr().out
    assert printed.startswith(measure.machine())
    assert printed.endswith("\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n")
