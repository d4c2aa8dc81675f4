"""Configs composed from shared groups: the very config that Hydra composes, and the same complaints."""

import pytest

from posereg import config as configs
from posereg.errors import UserError

ROW = "+experiments/integral/table2="
COMMANDS = [
    [f"{ROW}I1", "data=synthetic", "recipe=demo", "seed=3"],
    [f"{ROW}I1", "data=synthetic", "recipe=demo", "seed=4", "method.optimizer.lr=0.5", "tags=[a,b]"],
    [f"{ROW}H3", "data=mpii", "seed=4", "~paper", "row='a b'", "++loader.workers=0"],
    [f"{ROW}H3", "data=mpii", "+method.new={a: 1}", "backbone.name=resnet18"],
    ["method=R1", "schedule=cosine", "trainer.epochs=5", "data.root=/x", "data={root: /y}"],
    ["trainer=demo", "method=H1"],
    ["method=H1", "hydra.job.chdir=true", "run_dir=${runs}/here"],
]


def test_composes_what_hydra_composes():
    alone = [configs.plain(configs.compose(command)) for command in COMMANDS]
    with configs.composing_many():
        together = [configs.plain(configs.compose(command)) for command in [*COMMANDS, *COMMANDS]]
    assert [repr(config) for config in together] == [repr(config) for config in [*alone, *alone]]


@pytest.mark.parametrize(
    "wrong",
    ["sede=1", "data=mpi", "seed=[", "+seed=1", "~nothing", "seed=1,2", "+experiments/integral/table2=I9"],
)
def test_refuses_what_hydra_refuses_in_its_words(wrong):
    with pytest.raises(UserError) as alone:
        configs.compose([f"{ROW}I1", wrong] if "table2" not in wrong else [wrong])
    with configs.composing_many():
        configs.compose([f"{ROW}I1", "seed=2"])
        with pytest.raises(UserError) as together:
            configs.compose([f"{ROW}I1", wrong] if "table2" not in wrong else [wrong])
    assert str(together.value) == str(alone.value)


def test_what_asks_hydra_for_its_own_settings_is_left_to_hydra():
    from posereg.settings.composing import Composer

    with configs.hydra_session() as hydra:
        load = hydra.config_loader.load_configuration
        compose = Composer(
            lambda groups: load("train", groups, run_mode=1), hydra.config_loader.repository.group_exists
        )
        assert compose(["row=${hydra:job.num}"]) is None
        assert compose(["hydra.searchpath=[file:///nowhere]"]) is None
        assert compose(["row=a"])["row"] == "a"
