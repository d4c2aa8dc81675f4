"""result.json: written, read again and found; what readers rely on is checked."""

import json
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from posereg.errors import UserError
from posereg.runs import results

GOOD: dict[str, Any] = {"table": "a/b", "row": "H1", "seed": 0, "metrics": {"AUC": 50.5, "AP": None}}


def put(path: Path, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**GOOD, **changes}
    path.write_text(json.dumps({name: value for name, value in content.items() if value != "absent"}))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    result: results.Result = {"row": "H1", "seed": 3, "metrics": {"AUC": 1.25}, "files": {"log": "log.txt"}}
    results.write(tmp_path / "result.json", result)
    assert results.read(tmp_path / "result.json") == result


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"row": "absent"}, "'row' is missing"),
        ({"metrics": "absent"}, "'metrics' is missing"),
        ({"seed": "0"}, "'seed' is '0'"),
        ({"seed": True}, "'seed' is True"),
        ({"protocol": []}, r"'protocol' is \[\]"),
        ({"metrics": {"AUC": "high"}}, "'metrics.AUC' is 'high', not a number"),
        ({"paper": {"AUC": False}}, "'paper.AUC' is False, not a number"),
        ({"training": {"steps": "many"}}, "'training.steps' is 'many', not a number"),
        ({"started_from": {"row": "H1 seed 0", "images": 8}}, "'started_from.steps' is None"),
        ({"started_from": {"row": 1, "steps": 2, "images": 8}}, "'started_from.row' is 1"),
        ({"started_from": {"row": "H1", "steps": 2, "images": True}}, "'started_from.images' is True"),
    ],
)
def test_a_field_that_readers_rely_on_is_named(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    path = put(tmp_path / "result.json", **changes)
    with pytest.raises(UserError, match=rf"result\.json: not the result\.json of a run \({reason}"):
        results.read(path)


def test_all_results_below_a_folder_by_path_and_damaged_ones_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = put(tmp_path / "z/seed0/result.json", row="I1")
    first = put(tmp_path / "a/seed0/result.json")
    put(tmp_path / "m/result.json", table="c/d")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/result.json").write_text("{")
    assert [path for path, _ in results.find(tmp_path, "a/b")] == [first, last]
    error = capsys.readouterr().err
    assert error.startswith("left out: ")
    assert str(tmp_path / "bad/result.json") in error
    assert len(results.find(tmp_path)) == 3
    assert results.find(tmp_path / "nowhere") == []


def test_versions_are_the_installed_ones() -> None:
    installed = results.versions()
    assert installed["torch"] == metadata.version("torch")
    assert set(installed) <= set(results.PACKAGES)


def test_the_revision_says_whether_anything_was_changed(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert results.git_revision(tmp_path) is None
    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "first")
    git("tag", "v1")  # a tag is no revision
    revision = results.git_revision(tmp_path)
    assert revision is not None
    assert git("rev-parse", "HEAD").startswith(revision)
    (tmp_path / "a").write_text("2")
    assert results.git_revision(tmp_path) == f"{revision}-dirty"
