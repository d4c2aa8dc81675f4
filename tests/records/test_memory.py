"""Freed memory goes back to the system."""

import sys
from pathlib import Path

import numpy as np
import pytest

from posereg.records import memory


def resident():
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_freed_below_something_that_is_still_used_goes_back():
    pieces = [np.ones(8_000) for _ in range(1500)]  # 64 kB each: of the heap, not of the system
    last = pieces[-1]
    del pieces
    memory.give_back()
    before = resident()
    pieces = [np.ones(8_000) for _ in range(1500)]
    last = pieces[-1]
    used = resident() - before
    del pieces
    memory.give_back()
    assert used > 80e6
    assert resident() - before < used / 4
    assert last.sum() == 8_000


def test_another_c_library_is_left_alone(monkeypatch):
    def none(_):
        raise OSError

    monkeypatch.setattr(memory.ctypes, "CDLL", none)
    memory.give_back()
