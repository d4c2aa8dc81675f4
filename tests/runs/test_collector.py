"""How often Python looks for cycles while much is read."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable

from posereg.runs import collector


def collections(make: Callable[[], object]) -> int:
    seen: list[str] = []

    def note(phase: str, _: object) -> None:
        seen.append(phase)

    gc.callbacks.append(note)
    try:
        made = make()
    finally:
        gc.callbacks.remove(note)
    assert made
    return seen.count("start")


def test_objects_that_stay_are_looked_through_seldom_until_the_usual_is_back() -> None:
    def thousands() -> object:
        return [[number] for number in range(50_000)]

    collector.seldom()
    seldom = collections(thousands)
    collector.usual()
    assert seldom <= 1
    assert collections(thousands) > 20


def test_a_process_that_only_reads_ends_without_looking_once_more() -> None:
    cycle = """
import os
from posereg.runs import collector
class Cycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        os.write(1, b"found")
collector.{}()
Cycle()
"""

    def printed(how: str) -> str:
        command = [sys.executable, "-c", cycle.format(how)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert printed("usual") == printed("seldom") == "found"
    assert printed("until_the_end") == ""


def test_imports_stay_and_what_a_second_run_leaves_does_not() -> None:
    code = """
import gc
from posereg.runs import collector
collector.imported()
first = gc.get_freeze_count()
kept = [[] for _ in range(1000)]
collector.imported()
print(first > 1000, gc.get_freeze_count() <= first)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
