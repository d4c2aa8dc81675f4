"""What holds for every command: help, keys, values, config folders, and what is imported before it runs."""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from posereg import cli
from posereg.cli import commands
from posereg.cli.main import main
from posereg.cli.spec import BOOLEAN, Command
from tiny import data_set

NAMES = list(commands.MODULES)
SPECIFICATIONS = [commands.specification(name) for name in NAMES]
WITH_OPTIONS = [command for command in SPECIFICATIONS if command.options]
WITH_CONFIG = [command for command in SPECIFICATIONS if command.config]
BOOLEANS = [(c, o.name) for c in SPECIFICATIONS for o in c.options if o.kind is BOOLEAN]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Command) else str(value)


def words(command: Command, *more: str, without: str = "") -> list[str]:
    """A command line with a value for everything that is required."""
    values = {"kind": "mpii", "runs": ".", "split": "val"}
    given = [one.kind.choices[0] if one.kind.choices else "x" for one in command.positional]
    given += [
        f"{o.name}={values.get(o.name, 'x')}" for o in command.options if o.required and o.name != without
    ]
    given += ["data=synthetic"] if command.config == "data" and without != "data" else []
    return [*command.name.split(), *given, *more]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What commands are run with, instead of running them."""
    calls: list[dict[str, object]] = []

    def runner(name: str) -> object:
        return lambda **values: calls.append(values) or 0

    monkeypatch.setattr(commands, "runner", runner)
    return calls


def test_every_module_with_a_command_is_listed_under_the_name_it_declares() -> None:
    declared = set()
    for module in pkgutil.iter_modules(cli.__path__):
        found = __import__(f"posereg.cli.{module.name}", fromlist=["x"])
        if isinstance(getattr(found, "COMMAND", None), Command):
            declared.add((found.COMMAND.name, module.name))
    assert declared == set(commands.MODULES.items())


@pytest.mark.parametrize("command", SPECIFICATIONS, ids=name_of)
def test_run_takes_what_the_specification_declares(command: Command) -> None:
    taken = inspect.signature(commands.runner(command.name)).parameters
    names = {one.parameter for one in (*command.options, *command.positional)}
    names |= {"overrides"} if command.config else set()
    names |= {flag.names[-1].lstrip("-").replace("-", "_") for flag in command.flags}
    assert set(taken) == names


@pytest.mark.parametrize("command", SPECIFICATIONS, ids=name_of)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_anywhere(command: Command, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([*command.name.split(), flag], words(command, flag), words(command, flag, "nonsense")):
        assert main(arguments) == 0
        page = capsys.readouterr().out
        assert page.startswith(f"posereg {command.name}: {command.help}\n\nusage: posereg {command.name}")
        assert all(f"{option.name}={option.kind.name}" in page for option in command.options)
        assert max(map(len, page.splitlines())) <= 100 or command.examples
    assert main(["help", *command.name.split()]) == 0
    assert capsys.readouterr().out == page


@pytest.mark.parametrize("command", WITH_OPTIONS, ids=name_of)
def test_unknown_key_names_the_nearest(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    name = max((option.name for option in command.options), key=len)
    assert main(words(command, f"{name}s=1")) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"error: posereg {command.name}: unknown key '{name}s', did you mean '{name}'? (usage: "
    )
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", WITH_CONFIG, ids=name_of)
def test_unknown_config_key_names_the_nearest(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(command, "dataa=mpii", without="data")) == 2
    assert "unknown key 'dataa', did you mean 'data'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", WITH_OPTIONS, ids=name_of)
def test_a_key_given_twice_is_refused(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    option = command.options[0]
    value = f"{option.name}={option.kind.choices[0] if option.kind.choices else '.'}"
    line = words(command, value, without=option.name)
    assert main([*line, value]) == 2
    assert f"posereg {command.name}: {option.name} is given twice" in capsys.readouterr().err


@pytest.mark.parametrize("command", WITH_CONFIG, ids=name_of)
def test_a_config_key_given_twice_is_refused(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(command, "data=mpii", "data=lsp", without="data")) == 2
    assert "data is given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        *((c, f"{o.name}=") for c in SPECIFICATIONS for o in c.options if o.required),
        *((c, one.name.upper()) for c in SPECIFICATIONS for one in c.positional if one.required),
        *((c, "data=") for c in WITH_CONFIG if c.config == "data" and c.data_required),
    ],
    ids=name_of,
)
def test_what_is_missing_is_named(command: Command, missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = words(command, without=missing.rstrip("="))
    if missing.isupper():
        others = [
            f"{one.name}=x" for one in command.positional if one.required and one.name.upper() != missing
        ]
        line = [*command.name.split(), *others]
    assert main(line) == 2
    assert f"posereg {command.name}: {missing} is missing (usage: " in capsys.readouterr().err


@pytest.mark.parametrize(("command", "key"), BOOLEANS, ids=name_of)
def test_booleans_in_all_spellings(
    command: Command, key: str, called: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    spelled = {True: ("true", "True", "YES", "1"), False: ("false", "FALSE", "no", "0")}
    for value, texts in spelled.items():
        for text in texts:
            assert main(words(command, f"{key}={text}")) == 0
            assert called.pop()[key] is value
    for text in ("maybe", "", "2", "tru"):
        assert main(words(command, f"{key}={text}")) == 2
        assert f"{key}={text}: neither true nor false" in capsys.readouterr().err
    assert not called


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["predict", "checkpoint=a", "source=b", "out=c", "batch_size=0"],
            "batch_size=0: not a whole number of at",
        ),
        (
            ["predict", "checkpoint=a", "source=b", "out=c", "batch_size=2.5"],
            "batch_size=2.5: not a whole number",
        ),
        (["detect", "source=a", "out=b", "min_score=nan"], "min_score=nan: not a number from 0 to 1"),
        (["detect", "source=a", "out=b", "min_score=1.5"], "min_score=1.5: not a number from 0 to 1"),
        (
            ["submit", "data=mpii", "checkpoint=a", "out=b", "crop_scales=1,x"],
            "crop_scales=1,x: x: not a number",
        ),
        (["data", "make", "kind=mpi", "out=a"], "kind=mpi: no such choice, did you mean 'mpii'?"),
        (["report", "runs=.,nowhere", "out=a"], "runs=.,nowhere: nowhere: no such folder"),
        (["predict", "checkpoint=", "source=b", "out=c"], "checkpoint=: no value"),
        (["completion", "tcsh"], "tcsh: no such choice"),
        (["score", "data=mpii", "predictions"], "'predictions' is not key=value"),
        (["train", "--multirum"], "No such option"),
        (["train", "--cfg=jobs"], "'jobs' is not one of"),
        (["train", "--config-dir"], "requires an argument"),
        (["config", "--config-dir=nowhere"], "'nowhere' does not exist"),
    ],
)
def test_wrong_values(
    arguments: list[str], reason: str, called: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert "(usage: posereg" in error
    assert not called


def test_config_arguments_reach_the_command_as_they_are(called: list[dict[str, object]]) -> None:
    given = ["data=mpii", "data.root=a=b, c", "~augment", "+experiments/integral/table2=I1", "++method.x=1",
             "loader@other=topdown", "hydra.launcher.slots=2", "hydra.launcher.slots=3"]  # fmt: skip
    assert main(["train", "-m", *given]) == 0
    assert called[0]["overrides"] == given
    assert called[0]["multirun"] is True


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of the user's configs: their data set, in MPII's layout."""
    folder = tmp_path / "my configs"
    (folder / "data").mkdir(parents=True)
    (folder / "data/mine.yaml").write_text(
        f"defaults: [synthetic, _self_]\nname: mine\nroot: {data_set('mpii')}\n", encoding="utf-8"
    )
    return folder


def test_config_dir_is_searched_by_every_command_that_composes(
    mine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from posereg import config as configs

    seen: list[tuple[str, str]] = []

    def runner(name: str) -> object:
        def run(overrides: list[str], **values: object) -> int:
            seen.append((name, configs.compose(overrides)["data"]["name"]))
            return 0

        return run

    monkeypatch.setattr(commands, "runner", runner)
    monkeypatch.chdir(tmp_path)
    for command in WITH_CONFIG:
        line = words(command, "data=mine", without="data")
        assert main([*line, "--config-dir", "my configs"]) == 0, capsys.readouterr().err
        assert main([*line, f"--config-dir={mine}"]) == 0
    assert seen == [(command.name, "mine") for command in WITH_CONFIG for _ in range(2)]
    assert "POSEREG_CONFIG_DIR" not in os.environ


def test_a_positional_argument_may_be_given_by_its_name(
    called: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["integral/table2", "pictures=2"], ["pictures=2", "table=integral/table2"]):
        assert main(["table", *arguments]) == 0
        assert called.pop()["table"] == "integral/table2"
    assert main(["table", "integral/table2", "table=integral/table3"]) == 2
    assert "table is given twice" in capsys.readouterr().err
    assert main(["table", "table=integral/table2", "integral/table3"]) == 2
    assert "'integral/table3' is not key=value" in capsys.readouterr().err


def test_without_config_dir_the_users_data_set_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "data=mine"]) == 2
    assert "data=mine: there is no such choice" in capsys.readouterr().err


@pytest.mark.slow
def test_config_dir_reaches_sweep_children_and_the_rows_they_start_from(mine: Path, tmp_path: Path) -> None:
    """I1 starts from H1, so the sweep's child starts a child of its own; neither runs where the sweep began."""
    tiny = ["trainer=demo", "trainer.epochs=1", "trainer.limit_train_batches=1", "batch_size=4", "width=0.125",
            "input_scale=0.25", "backbone=resnet18", "backbone.pretrained=false"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "posereg.cli.main", "train", "-m", "--config-dir=my configs", "data=mine",
         "method=I1", "runs=out", "hydra.launcher.slots=1", *tiny],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    logs = "\n".join(path.read_text() for path in tmp_path.glob("out/**/log.txt"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    for row in ("I1", "H1"):
        (result,) = (tmp_path / "out/mine/single" / row).glob("*/result.json")
        assert json.loads(result.read_text())["protocol"]["dataset"] == "mine"


@pytest.mark.slow
def test_config_dir_reaches_the_ranks_of_a_distributed_run(mine: Path, tmp_path: Path) -> None:
    tiny = ["trainer=demo", "trainer.epochs=1", "trainer.limit_train_batches=1", "batch_size=4", "width=0.125",
            "input_scale=0.25", "backbone=resnet18", "backbone.pretrained=false", "trainer.devices=2"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "posereg.cli.main", "train", "--config-dir=my configs", "data=mine", "method=R1",
         "runs=out", *tiny],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MEMBER: 2/2" in done.stderr + done.stdout
    (result,) = tmp_path.glob("out/mine/single/R1/*/result.json")
    assert json.loads(result.read_text())["protocol"]["dataset"] == "mine"


@pytest.mark.parametrize("arguments", [[], ["version"], *([*name.split()] for name in NAMES)], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    line = arguments if arguments == ["version"] else [*arguments, "--help"]
    code = f"import sys; from posereg.cli.main import main; main({line}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    heavy = {
        "torch",
        "numpy",
        "hydra",
        "omegaconf",
        "rich",
        "scipy",
        "cv2",
        "matplotlib",
        "pytorch_lightning",
    }
    assert not heavy & imported


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["version"], ["--version"], ["-V"]):
        assert main(arguments) == 0
        assert capsys.readouterr().out == "posereg 0.1.0\n"
