"""posereg pack: a run becomes a model, and says its digest."""

import pytest

from posereg import config as configs
from posereg.cli import pack
from posereg.cli.program import invoke
from posereg.models import cards
from posereg.train import train
from tiny import overrides


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The folder of a model that was packed by the command."""
    folder = tmp_path_factory.mktemp("pack")
    given = overrides("mpii", folder, "method=R1", "input_scale=0.25")
    config = configs.compose(given)
    train(config, given)
    assert invoke(["pack", f"checkpoint={config.run_dir}", "name=tiny", f"out={folder / 'models'}"]) == 0
    return folder / "models"


def test_the_command_says_the_digest(packed, capsys):
    card = cards.read_card(packed / "tiny")
    pack.run(str(packed / "tiny"), "again", packed.parent / "again", None, "", "")
    printed = capsys.readouterr().out
    again = cards.read_card(packed.parent / "again" / "again")
    assert again.sha256 in printed
    assert again.sha256 == card.sha256  # the same tensors and config make the same file
