"""`posereg version`."""

from importlib import metadata

import pytest

from posereg.cli import version


def test_it_is_the_installed_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: {"posereg": "7.8.9"}[name])
    assert version.run() == 0
    assert capsys.readouterr().out == "posereg 7.8.9\n"
