"""Timing of engines."""

import time

import numpy as np

from posereg.export import latency as timing
from posereg.export.latency import Latency, latency, table


def test_the_median_call_of_each_batch(monkeypatch) -> None:
    monkeypatch.setattr(timing, "_SECONDS", 0.01)
    seen = []

    def run(image):
        seen.append(len(image))
        time.sleep(0.002 * len(image))
        return {}

    found = latency("slow", run, np.zeros((1, 4, 4, 3), np.uint8))
    assert set(seen) == {1, 8}
    assert found.milliseconds[1] >= 2
    assert found.milliseconds[8] >= 16


def test_an_engine_that_fails_says_why_and_the_table_goes_on() -> None:
    def run(image):
        raise RuntimeError("no compiler\nfound")

    failed = latency("broken", run, np.zeros((1, 4, 4, 3), np.uint8))
    text = table([Latency("torch", {1: 1.25, 8: 1234.5}), failed]).splitlines()
    assert text[0].split()[-4:] == ["ms", "batch", "8,", "ms"]
    assert text[1].split() == ["torch", "1.2", "1234.5"]
    assert "RuntimeError: no compiler found" in text[2]
    columns = [line.index(end) + len(end) for line, end in zip(text, ("1, ms", "1.2"), strict=False)]
    assert columns[0] == columns[1]
