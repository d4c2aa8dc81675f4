"""What `posereg train` keeps of Hydra's own program."""

import pytest

from posereg.cli import train
from posereg.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cfg", "job", "method=H1"], "name: H1"),
        (["--cfg=job", "-p", "loader", "--resolve", "input_scale=0.5"], "# @package loader"),
        (["--info"], "Defaults Tree"),
        (["--info=searchpath"], "file://"),
        (["-i", "defaults", "data=mpii"], "data/mpii"),
        (["--hydra-help"], "hydra/launcher"),
    ],
)
def test_looking_at_the_config_trains_nothing(arguments, words, capsys):
    assert main(["train", *arguments]) == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data=mpi"], "data=mpi: there is no such choice, did you mean 'mpii'?"),
        (["trainer.epoch=3"], "unknown key 'trainer.epoch', did you mean 'epochs'?"),
        (["-m", "method=H1,I9"], "method=I9: there is no such choice"),
        (["-cn", "nothing"], "there is no config 'nothing'"),
        (["recipe=demo", "epochs=3"], "epochs=3: changes nothing, as this recipe sets trainer.epochs=12"),
        (["+sede=3"], "sede: no such key, did you mean 'seed'?"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_run_is_trained_once_and_its_figures_are_printed(tmp_path, monkeypatch, capsys):
    trained = []

    def fake(config, overrides):
        trained.append((config.method.name, config.seed, list(overrides)))
        return {"metrics": {"AUC": 12.345, "AUC/Head": 1.0, "AP": None}}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("posereg.train.train_on_devices", fake)
    given = ["method=R1", "seed=4", f"runs={tmp_path}"]
    assert train.run(given) == 0
    assert trained == [("R1", 4, given)]
    assert capsys.readouterr().out == "R1 seed 4: AUC 12.35\n"
