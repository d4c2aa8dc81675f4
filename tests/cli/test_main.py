"""The command line: fast, lists what is there, and turns mistakes into one line."""

import subprocess
import sys
import time

import pytest

from posereg.cli import main as cli
from posereg.cli._hydra_errors import one_line


def posereg(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "posereg.cli.main", *arguments], capture_output=True, text=True, timeout=60
    )


def test_help_is_fast_and_imports_nothing_heavy() -> None:
    begin = time.monotonic()
    done = posereg("--help")
    assert time.monotonic() - begin < 1.5
    assert done.returncode == 0
    assert "train" in done.stdout
    assert "doctor" in done.stdout
    check = "import sys; from posereg.cli.main import main; main(['--help']); print('torch' in sys.modules)"
    imported = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert imported.stdout.splitlines()[-1] == "False"


def test_every_command_has_a_line_and_a_docstring() -> None:
    for name, line in cli.commands().items():
        assert 10 < len(line) < 100, name
        assert "\n" not in line
        assert cli.literals(name)[0], name
    assert "main" not in cli.commands()
    assert not any(name.startswith("_") for name in cli.commands())


def test_unknown_command_names_the_nearest() -> None:
    done = posereg("docter")
    assert done.returncode == 2
    assert done.stderr == "error: unknown command 'docter', did you mean 'doctor'?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["roof=x"], "error: posereg doctor: unknown key 'roof', did you mean 'root'?\n"),
        (["root=a", "root=b"], "error: posereg doctor: root is given twice\n"),
        (["here"], "error: posereg doctor: 'here' is not key=value; keys: root\n"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", *arguments]) == 2
    assert capsys.readouterr().err == message


def test_doctor_finds_data_by_its_official_files(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lsp_dataset").mkdir()
    (tmp_path / "lsp_dataset/joints.mat").touch()
    assert cli.main(["doctor", f"root={tmp_path}"]) == 0
    output = capsys.readouterr().out
    assert f"LSP / LSPET: {tmp_path / 'lsp_dataset'}" in output
    assert "MPII" not in output
    assert "torch 2." in output


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mpii.yaml").write_text("name: mpii\nroot: ???\n")
    (tmp_path / "data/lsp.yaml").write_text("name: lsp\n")
    (tmp_path / "config.yaml").write_text(
        "defaults:\n - data: mpii\n - _self_\nlr: 0.1\ntrainer: {epochs: 1}\nbad: ${nowhere}\n"
    )
    return tmp_path


def complaint(conf, *overrides: str) -> str | None:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            config = compose("config", overrides=list(overrides))
        OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except Exception as error:
        return one_line(error)
    raise AssertionError("composed")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=mpi"], "data=mpi: there is no such choice, did you mean 'mpii'?"),
        (["data=zzz"], "data=zzz: there is no such choice; valid: lsp, mpii"),
        (["trainer.epoch=3"], "unknown key 'trainer.epoch', did you mean 'epochs'?"),
        (["dat=lsp"], "unknown key 'dat', did you mean 'data'?"),
        (["lr"], "cannot read the argument 'lr': arguments are key=value, lists key=[a,b], text key='a b'"),
        (["bad=1"], "data.root is required: give data.root=..."),
        (["data.root=x"], "bad: Interpolation key 'nowhere' not found"),
    ],
)
def test_hydra_mistakes_in_one_line(conf, overrides: list[str], message: str) -> None:
    assert complaint(conf, *overrides) == message


def test_bugs_are_not_dressed_up_as_mistakes() -> None:
    assert one_line(KeyError("x")) is None
    assert one_line(OSError(28, "No space left on device", "a.npz")) == "no space left on the disk for a.npz"
