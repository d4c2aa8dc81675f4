"""The report's readings: as `posereg readings` wrote them, a damaged file is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from posereg.errors import UserError
from posereg.reporting import html, readings
from posereg.reporting.collect import Table, collect
from reporting import made


def table(tmp_path: Path, **files: str | None) -> Table:
    truth = made.poses(tmp_path / "data", 10)
    for row, text in files.items():
        path = made.run(tmp_path, row, 0, 4.0, truth)
        if text is not None:
            (path.parent / "readings.csv").write_text(text)
    return collect("integral/table2", tmp_path)


def test_rows_without_readings_are_left_out_and_columns_are_joined(tmp_path: Path) -> None:
    results = table(
        tmp_path, H1="read by,AUC,pull\nargmax,40.00,+2.1\n", I1="read by,AUC\nargmax,38.00\n", R1=None
    )
    assert readings.block(results) == (
        ["read by", "AUC", "pull"],
        [("H1", ["argmax", "40.00", "+2.1"]), ("I1", ["argmax", "38.00", "–"])],
    )
    page = html.page(results, tmp_path, {})
    assert "The same maps, read in other ways" in page
    assert '<td class="ours">+2.1</td>' in page


def test_without_readings_there_is_no_section(tmp_path: Path) -> None:
    results = table(tmp_path, H1=None)
    assert readings.block(results) is None
    assert "read in other ways" not in html.page(results, tmp_path, {})


@pytest.mark.parametrize(
    "text", ["", "step,loss\n1,2\n", "read by,AUC\nargmax\n", "read by,AUC\n\x00\xff,1\n,,\n"]
)
def test_a_damaged_file_is_named_and_the_page_is_made(tmp_path: Path, text: str) -> None:
    results = table(tmp_path, H1=text)
    with pytest.raises(UserError, match=r"readings\.csv"):
        readings.block(results)
    assert "are not shown" in html.page(results, tmp_path, {})
