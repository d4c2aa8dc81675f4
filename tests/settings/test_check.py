"""The whole config: what is refused before anything is built, in which words; and that all that ships passes."""

import sys

import pytest

from posereg import config as configs
from posereg.errors import UserError
from posereg.settings.check import problems
from posereg.settings.cross import cross_problems
from posereg.settings.logger import LOGGERS
from posereg.settings.run import GROUPS, Run

REFUSED = [
    ("method.joint_kind=l3", "method.joint_kind=l3: must be l1, l2"),
    ("batch_size=-1", "batch_size=-1: must be a whole number from 1 to 65,536; the nearest is 1"),
    ("batch_size=2.5", "batch_size=2.5: must be a whole number from 1"),
    ("input_size=[0,0]", "input_size=[0, 0]: must be a list of 2: a whole number from 32 to 8,192 each"),
    (
        "input_size=[256,200]",
        "input_size=[256, 200]: 200 is no multiple of 32, as the network needs; near: 192",
    ),
    ("convention=foo", "convention=foo: must be center or corner"),
    ("flip_test=2", "flip_test=2: must be true or false"),
    ("overwrite=maybe", "overwrite=maybe: must be true or false"),
    ("trainer.epochs=-1", "trainer.epochs=-1: must be a whole number from 1 to 100,000; the nearest is 1"),
    ("epochs=0", "epochs=0: must be a whole number from 1"),
    ("row='../../x'", "row=../../x: must be a folder's name"),
    ("table=a/../b", "table=a/../b: must be folder names"),
    ("data.name=../x", "data.name=../x: must be a folder's name"),
    ("seed=x", "seed=x: must be a whole number from 0 to 4,294,967,295"),
    ("seed=99999999999", "the nearest is 4294967295"),
    (
        "loader.workers=-1",
        "loader.workers=-1: must be a whole number from 0 to 1,024 or auto; the nearest is 0",
    ),
    ("trainer.precision=fp16", "trainer.precision=fp16: must be 32-true, bf16-mixed"),
    ("+trainer.run_callbacks=[a]", "trainer.run_callbacks: the run gives this itself; it cannot be set"),
    ("method.optimizer.lr=nan", "method.optimizer.lr=nan: must be a number above 0"),
    ("method.optimizer.lr=inf", "method.optimizer.lr=inf: must be a number above 0"),
    ("method.optimizer.lr=-1", "method.optimizer.lr=-1: must be a number above 0"),
    ("data.evaluate=x", "data.evaluate=x: must be a config node"),
    ("data.reader=x", "data.reader=x: must be a config node"),
    ("method.network=5", "method.network=5: must be a config node with _target_ of a Module"),
    ("method.network.backbone=${augment}", "method.network.backbone"),
    ("~method.network", "method.network: is required by posereg.methods.integral.IntegralPose"),
    ("trainer._target_=5", "trainer._target_=5: must be a dotted name"),
    ("trainer._partial_=false", "trainer._partial_=false: must stay"),
    ("schedule.at=[2]", "schedule.at=[2]: must be fractions from 0 to 1, in rising order (item 1 is 2)"),
    ("augment.flip=1.5", "augment.flip=1.5: must be a number from 0 to 1; the nearest is 1"),
    ("crop_scales=[]", "crop_scales=[]: must be a list"),
    ("width=0", "width=0: must be a number from"),
    ("input_scale=0.01", "input_scale=0.01: leaves less than one cell"),
    ("logger.name=cvs", "logger.name=cvs: no such logger, did you mean 'csv'?"),
    ("method.pretrain='../x'", "method.pretrain=../x: must be folder names"),
    ("backbone.name=resnet5O", "backbone.name=resnet5O: must be one of"),
    (
        "data.skeleton=mpi",
        "data.skeleton=mpi: must be coco, crowdpose, h36m, h80k, lsp or mpii, did you mean 'mpii'?",
    ),
    ("loader=bottomup", "loader: gives scenes, but this method looks at people"),
    ("data=h36m", "data=h36m: has 3D joints, but this method predicts 2D ones"),
]


def plain(*overrides):
    return configs.plain(configs.compose(overrides))


@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_by_its_key(override, message):
    with pytest.raises(UserError) as refused:
        configs.validate(plain(override))
    assert message in str(refused.value)


def test_a_batch_is_not_rounded_to_its_devices():
    with pytest.raises(
        UserError, match=r"batch_size=3: is shared by 2 devices x 1 .* multiple of 2; near: 4"
    ):
        configs.validate(plain("batch_size=3", "trainer.devices=2"))


def test_a_missing_gpu_is_told_before_training(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(UserError, match=r"trainer\.accelerator=gpu: this machine has no GPU"):
        configs.validate(plain("trainer.accelerator=gpu"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    configs.validate(plain("trainer.accelerator=gpu", "trainer.devices=2"))
    with pytest.raises(UserError, match=r"trainer\.devices=4: 2 GPUs are visible"):
        configs.validate(plain("trainer.accelerator=gpu", "trainer.devices=4"))


def test_all_problems_come_in_one_message_each_once():
    with pytest.raises(UserError) as refused:
        configs.validate(plain("seed=-1", "flip_test=5", "method.beta=0", "loader.workers=x"))
    lines = str(refused.value).splitlines()
    assert [line.split("=")[0].split()[-1] for line in lines] == [
        "seed", "flip_test", "method.beta", "loader.workers",
    ]  # fmt: skip


def test_the_run_model_has_the_keys_of_train_yaml():
    assert set(Run.__annotations__) | set(GROUPS) >= configs.top_level_keys() - {"experiments", "recipe"}
    assert LOGGERS


def test_a_second_look_imports_nothing():
    """The first one imports what the run needs anyway; scripts/bench_commands.py measures the time."""
    config = plain("+experiments/integral/table2=I1")
    assert problems(config) == []
    assert list(cross_problems(config)) == []
    before = set(sys.modules)
    problems(config)
    assert set(sys.modules) == before
