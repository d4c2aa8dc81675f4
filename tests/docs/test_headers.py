"""The head of every recipe, trainer and table says command, needs, time and score, and its command is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from posereg import config as configs

ROOT = Path(__file__).parents[2]
SETTINGS = sorted(path for group in ("recipe", "trainer") for path in (ROOT / "conf" / group).glob("*.yaml"))
TABLES = sorted((ROOT / "experiments").glob("*/*/table.toml"))
WORDS = ("Command", "Needs", "Time", "Score")


def head(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    word = ""
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        match = re.match(r"# (Command|Needs|Time|Score): (.+)", line)
        word = match[1] if match else word if line.startswith("#   ") else ""
        if word:
            found[word] = f"{found.get(word, '')} {match[2] if match else line[4:]}".strip()
    return found


@pytest.mark.parametrize("path", [*SETTINGS, *TABLES], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_head_says_what_a_user_asks_first(path: Path) -> None:
    assert tuple(head(path)) == WORDS
    for folder in re.findall(r"results/\w+", head(path)["Score"]):
        assert (ROOT / folder).is_dir(), folder
    for page in re.findall(r"docs/[\w/]+\.md", head(path)["Needs"]):
        assert (ROOT / page).is_file(), page


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_its_command_composes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    command, *overrides = shlex.split(head(path)["Command"])[1:]
    assert command == "train"
    for row in rows(overrides)[:2]:
        plain = configs.plain(configs.compose(row))
        configs.validate(plain)
        # What is the default, or what its rows take by themselves, is not written.
        own = ("default", "paper", "softargmax", "softargmax_lsp")
        group = path.parent.name
        wanted = [f"{group}={path.stem}"] if path.stem not in own else []
        assert [given for given in row if given.startswith(f"{group}=")] == wanted


def rows(overrides: list[str]) -> list[list[str]]:
    """The single runs of a sweep, of the first seed; two of them stand for all."""
    swept = [o for o in overrides if o.startswith("+experiments")]
    rest = [re.sub(r"^(seed=\d).*", r"\1", o) for o in overrides if o not in (*swept, "-m")]
    if not swept:
        return [rest]
    group, _, names = swept[0].removeprefix("+").partition("=")
    folder = ROOT / group
    chosen = sorted(p.stem for p in folder.glob("*.yaml")) if names == "glob(*)" else names.split(",")
    return [[f"+{group}={name}", *rest] for name in chosen]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_a_tables_command_is_its_make_target(path: Path) -> None:
    target = head(path)["Command"].split()[1]
    assert head(path)["Command"].startswith("make ")
    assert f"call table,{target},{'/'.join(path.parts[-3:-1])})" in (ROOT / "Makefile").read_text()
