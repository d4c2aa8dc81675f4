"""Which folders of runs a command reads."""

from pathlib import Path

import pytest

from posereg.cli.runs_folder import runs_or_default
from posereg.errors import UserError


def test_the_given_folders_or_runs_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert runs_or_default([Path("a"), Path("b")]) == [Path("a"), Path("b")]
    for nothing in (None, []):
        with pytest.raises(UserError, match=r"no such folder.*runs=DIR"):
            runs_or_default(nothing)
    Path("runs").mkdir()
    assert runs_or_default(None) == [Path("runs")]
