"""Durations as text, and the time left from the pace so far."""

import pytest

from posereg.terminal.duration import Pace, elapsed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"), (3599.6, "1h00m"), (7620, "2h07m")],
)
def test_durations(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


def test_the_time_left_follows_the_pace_since_the_first_look() -> None:
    pace = Pace()
    assert pace.left(0.5, now=100.0) is None  # a run that goes on starts in the middle
    assert pace.left(0.5, now=110.0) is None
    assert pace.left(0.6, now=120.0) == pytest.approx(80.0)
    assert pace.left(1.0, now=200.0) == 0.0
