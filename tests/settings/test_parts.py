"""Joints, trunks and files of whole configs, as people give them."""

from pathlib import Path

import pytest

from posereg import config as configs
from posereg.errors import UserError
from posereg.settings.parts import part_problems

ART = ["method=art", "loader=bottomup", "data=synthetic_coco", "augment=art", "backbone=hrnet_w18"]
REFUSED = [
    (["backbone.weights=nope.pth"], "backbone.weights=nope.pth: no such file"),
    (["backbone.pretrained=false", f"backbone.weights={__file__}"], "backbone.pretrained=false: contradicts"),
    (["method=cascade_vgg", "method.network.detector.weights=x"], "method.network.detector.weights=x: no such"),
    (["data.root=''"], "data.root='': must be a folder"),
    (["method.network.joints=5"], "method.network.joints=5: must be 16, the joints of mpii"),
    (["method.skeleton=lsp"], "method.skeleton=lsp: the data have the joints of mpii"),
    (["method=cascade_res", "method.network_skeleton=lsp"], "lacks pelvis, thorax of mpii, the data's"),
    (["method.heatmap_weight=0", "method.joint_weight=0"], "with no heat-map loss either nothing is learned"),
    (["schedule.at=[0.8,0.3]"], "schedule.at=[0.8, 0.3]: must be fractions from 0 to 1, in rising order"),
    (["backbone=hrnet_w32"], "backbone=hrnet_w32: gives one joined map, but method.network needs a pyramid"),
    (["+backbone.nope=3"], "timm refuses it: ResNet.__init__() got an unexpected keyword argument 'nope'"),
    (["width=0.5"], "backbone.width=0.5: published weights need width 1; give backbone.pretrained=false"),
    (["method=cascade_res", "method.network.detector.det_up=32"], "det_up=32: must divide the stride, 16"),
    (["method=cascade_res", "trainer=cascade_reduced", "epochs=3"], "trainer.epochs=0: must be a whole number"),
    (["method=cascade_res", "+method.phases.joint.losses.nope=1"], "method.phases.joint.losses={detector: 1.0"),
    (["method=cascade_res", "method.phases.detection.freeze=[detector]"], "these losses train is frozen"),
    ([*ART, "method.scales=[2.0]"], "method.scales=[2.0]: must be factors on the size, 1 among them"),
    ([*ART, "+method.grouping.absorb=-1"], "method.grouping={absorb: -1}: absorb must be a number at least 0"),
    ([*ART, "+method.grouping.absorbs=1"], "no such key 'absorbs', did you mean 'absorb'?"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "words"), REFUSED, ids=[given[-1] for given, _ in REFUSED])
def test_parts_that_do_not_fit_are_refused(overrides, words):
    with pytest.raises(UserError) as error:
        configs.validate(configs.plain(configs.compose(overrides)))
    assert words in str(error.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["+backbone.drop_rate=0.1"],
        ["method=R1"],
        [*ART, "method.grouping={}", "method.scales=[0.5,1.0]"],
        ["method=cascade_res", "data=lsp", "method.network_skeleton=mpii"],
        ["width=0.5", "backbone.pretrained=false"],
    ],
)
def test_what_fits_is_taken(overrides):
    plain = configs.plain(configs.compose(overrides))
    assert list(part_problems(plain)) == []


def test_files_that_are_there_are_taken(tmp_path: Path):
    (tmp_path / "w.pth").touch()
    configs.validate(
        configs.plain(configs.compose([f"init_weights={tmp_path / 'w.pth'}", f"backbone.weights={tmp_path / 'w.pth'}"]))
    )  # fmt: skip


def test_all_that_is_wrong_comes_in_one_message():
    given = [
        "seed=-1",
        "backbone.weights=nope",
        "method.network.joints=5",
        "batch_size=7",
        "trainer.accumulate=2",
    ]
    with pytest.raises(UserError) as error:
        configs.validate(configs.plain(configs.compose(given)))
    assert [line.split("=")[0] for line in str(error.value).removeprefix("config: ").split("\n        ")] == [
        "seed", "batch_size", "backbone.weights", "method.network.joints",
    ]  # fmt: skip
