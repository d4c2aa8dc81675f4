"""`posereg config`: prints what a run would use, and trains nothing."""

import pytest
import yaml

from posereg import config as configs
from posereg.cli import config
from posereg.cli.main import main
from posereg.runs.folder import config_hash

I1 = "+experiments/integral/table2=I1"


def test_the_printed_yaml_is_the_runs_config(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.run([I1, "data=mpii", "seed=7"]) == 0
    first, _, text = capsys.readouterr().out.partition("\n")
    printed = yaml.safe_load(text)
    assert printed == configs.plain(configs.compose([I1, "data=mpii", "seed=7"]))
    assert (printed["row"], printed["seed"], printed["data"]["name"]) == ("I1", 7, "mpii")
    assert first == f"# config hash {config_hash(printed)}"


def test_a_config_that_no_run_could_use_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "method=I1", "seed=-1"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "seed=-1" in printed.err
