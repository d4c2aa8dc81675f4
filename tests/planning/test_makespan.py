"""Runs dealt out to devices: worked out by hand."""

import pytest

from posereg.planning.makespan import makespan
from posereg.planning.sweep import Planned


def run(hours, *needs, state=""):
    return Planned({"hours": hours}, True, list(needs), state)


def hours(planned):
    return planned.config["hours"]


def test_runs_share_the_devices():
    runs = [run(3), run(2), run(2)]
    assert makespan(runs, hours, 1) == 7
    assert makespan(runs, hours, 2) == 4
    assert makespan(runs, hours, 9) == 3
    assert makespan([], hours, 2) == 0


def test_a_run_waits_for_what_it_starts_from():
    first = run(5)
    assert makespan([first, run(2, first)], hours, 8) == 7


def test_what_others_wait_for_starts_first():
    first = run(5)
    # In the order of the rows the second one would begin at 4 and its follower at 9.
    assert makespan([run(4), first, run(5, first)], hours, 1) == 14
    assert makespan([run(4), run(4), first, run(5, first)], hours, 2) == 10


def test_what_is_done_takes_no_time_and_holds_nobody_up():
    first = run(5, state="done")
    assert makespan([first, run(2, first)], hours, 1) == 2


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_chains_end_one_after_the_other(slots):
    chain = [run(1)]
    for _ in range(4):
        chain.append(run(1, chain[-1]))
    assert makespan(chain[::-1], hours, slots) == 5
