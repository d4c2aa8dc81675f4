"""Hydra's complaints in one line with the nearest valid name."""

import pytest

from posereg.terminal.hydra_errors import one_line


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
