"""The sides of the codecs' benchmark come to the same, and each makes a row."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(("part", "sides"), [("targets", 3), ("dark", 3), ("suppression", 2)])
def test_sides_agree(
    part: str, sides: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import bench_codecs

    getattr(bench_codecs, part)(1)  # stops where one side differs
    rows = capsys.readouterr().out.splitlines()
    assert [row.count(" | ") for row in rows] == [4] * sides
