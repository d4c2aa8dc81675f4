"""The part-heat-map cascade: what is learnt when, from which targets, and what is measured."""

import csv
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import yaml
from torch import nn

from posereg import config as configs
from posereg.build import build_method
from posereg.codecs.disc import disc_maps
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import Grid
from posereg.data.formats import mpii
from posereg.figures import cascade as cascade_figure
from posereg.methods.cascade import CascadePose
from posereg.networks.cascade import Cascade
from posereg.skeletons.skeleton import LSP, MPII
from posereg.train import train
from posereg.training.phases import Phase, apply_phase, parts_of
from shared import shared
from tiny import data_set, overrides

SIZE = 64
GRID = Grid(SIZE, SIZE, 1.0)
PHASES = {
    "detection": Phase(1, {"detector": 1.0}, freeze=["regressor"]),
    "joint": Phase(1, {"detector": 2.0, "regressor": 3.0}),
}


class Fixed(nn.Module):
    """A network that always says the same."""

    def __init__(self, maps):
        super().__init__()
        self.maps = nn.Parameter(maps)

    def forward(self, x):
        return self.maps.expand(len(x), -1, -1, -1) + 0


def method(first=None, second=None, **settings):
    joints = len(MPII)
    first = torch.zeros(1, joints, SIZE, SIZE) if first is None else first
    second = torch.zeros(1, joints, SIZE, SIZE) if second is None else second
    given = {"phases": PHASES, "skeleton": "mpii", **settings}
    return CascadePose(
        network=Cascade(Fixed(first), Fixed(second)),
        input_size=(SIZE, SIZE),
        optimizer=torch.optim.SGD,
        **given,
    )


def batch(count=2, joints=16, body=100.0, seed=0):
    """People whose standing height is `body` input pixels."""
    rng = np.random.default_rng(seed)
    return {
        "keypoints": torch.tensor(rng.uniform(8, 56, (count, joints, 2)).astype(np.float32)),
        "visibility": torch.tensor(rng.integers(0, 3, (count, joints)).astype(np.uint8)),
        # The standard box is 1.25 bodies; here the input is the image.
        "box": torch.tensor([[0.0, 0.0, 1.25 * body, 1.25 * body]]).expand(count, 4),
        "to_image": torch.tensor([[[1.0, 0, 0], [0, 1.0, 0]]]).expand(count, 2, 3),
    }


IMAGES = torch.zeros(2, 3, SIZE, SIZE)


def test_each_phase_computes_its_own_losses():
    cascade, people = method(), batch()
    cascade.phase = "detection"
    assert cascade.losses(IMAGES, people).keys() == {"loss", "detector"}
    cascade.losses(IMAGES, people)["loss"].backward()
    assert cascade.network.regressor.maps.grad is None
    cascade.phase = "joint"
    found = cascade.losses(IMAGES, people)
    assert found["loss"].item() == pytest.approx(2 * found["detector"].item() + 3 * found["regressor"].item())


@pytest.mark.parametrize("body", [100.0, 200.0])
def test_targets_grow_with_the_body(body):
    # 10 px and 5 px for a body of 200 px: the maps that are exactly these have no loss, others have.
    people = batch(count=1, body=body)
    people["visibility"][:] = 2
    disc = disc_maps(people["keypoints"], GRID, 10 * body / 200).float()
    gaussian, _ = gaussian_maps(
        people["keypoints"], torch.ones(1, 16), GRID, 5 * body / 200, rounded=False, truncate=None
    )
    right = method(200 * (disc - 0.5), gaussian).losses(IMAGES[:1], people)
    assert right["detector"].item() < 1e-6
    assert right["regressor"].item() < 1e-9
    people["box"] = people["box"] * 1.2
    wrong = method(200 * (disc - 0.5), gaussian).losses(IMAGES[:1], people)
    assert min(wrong["detector"].item(), wrong["regressor"].item()) > 1e-5


def test_detection_learns_visible_parts_and_regression_all():
    people = batch(count=1)
    people["visibility"][0, :3] = torch.tensor([0, 1, 2])
    cascade = method(torch.full((1, 16, SIZE, SIZE), -3.0))
    cascade.losses(IMAGES[:1], people)["loss"].backward()
    x, y = people["keypoints"][0].round().long().T
    detector, regressor = cascade.network.detector.maps.grad[0], cascade.network.regressor.maps.grad[0]
    pushes = [(-detector[k, y[k], x[k]].item(), -regressor[k, y[k], x[k]].item()) for k in range(3)]
    assert pushes[0] == (0, 0)  # not annotated: masked
    assert (
        pushes[1][0] < 0 < pushes[1][1]
    )  # occluded: an empty map for the detector, a Gaussian for the regressor
    assert min(pushes[2]) > 0


def test_sum_over_pixels_is_an_option():
    people = batch()
    mean, total = (method(reduction=r).losses(IMAGES, people)["loss"].item() for r in ("mean", "paper"))
    assert total == pytest.approx(SIZE * SIZE * mean, rel=1e-5)


def test_joints_that_lsp_lacks_get_no_gradient_and_no_prediction():
    cascade = method(skeleton="lsp", network_skeleton="mpii")
    people = batch(joints=len(LSP))
    people["visibility"][:] = 2
    cascade.losses(IMAGES, people)["loss"].backward()
    lacking = [MPII.joints.index(name) for name in ("pelvis", "thorax")]
    for network in (cascade.network.detector, cascade.network.regressor):
        moved = network.maps.grad[0].abs().sum((1, 2))
        assert (moved[lacking] == 0).all()
        assert (np.delete(moved.numpy(), lacking) > 0).all()
    # Joint k of the network's answer at (k, 0) comes back under its name.
    keypoints = torch.stack([torch.arange(16.0), torch.zeros(16)], -1).expand(2, -1, -1)
    rows = {"ids": np.arange(2), "image_ids": np.arange(2), "person_image": np.arange(2)}
    poses = type("Poses", (), rows)()
    people["index"] = torch.arange(2)
    found = cascade.predictions(people, keypoints, torch.ones(2, 16), poses=poses)
    assert found.keypoints.shape == (2, 14, 2)
    assert [MPII.joints[int(x)] for x in found.keypoints[0, :, 0]] == list(LSP.joints)


def test_flip_test_sees_a_mirrored_image_mirrored():
    torch.manual_seed(0)
    network = Cascade(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(19, 16, 3, padding=1))
    cascade = CascadePose(
        network=network, input_size=(SIZE, SIZE), optimizer=torch.optim.SGD, skeleton="mpii", flip_test=True
    )
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        keypoints, scores = cascade.predict(images)
        mirrored, others = cascade.predict(images.flip(-1))
    torch.testing.assert_close(cascade.unflip_keypoints(mirrored), keypoints)
    torch.testing.assert_close(others[:, cascade.flip_order], scores)


def test_confidence_of_visible_and_occluded_joints():
    people = batch(count=1)
    people["visibility"][0] = torch.tensor([2] * 6 + [1] * 6 + [0] * 4)
    first, second = torch.full((1, 16, SIZE, SIZE), -20.0), torch.zeros(1, 16, SIZE, SIZE)
    for k, (x, y) in enumerate(people["keypoints"][0].round().long().tolist()):
        # Sure of the visible joints at their place; of the occluded ones less so, with a peak elsewhere.
        first[0, k, y, x] = torch.logit(torch.tensor(0.9 if k < 6 else 0.1))
        first[0, k, 0, 0] = torch.logit(torch.tensor(0.01 if k < 6 else 0.3))
        second[0, k, y, x] = 1.0 if k < 6 else 0.5
    cascade = method(first, second)
    with torch.no_grad():
        cascade._measure(cascade._forward(IMAGES[:1]), people)
    cascade.all_gather = lambda sums: sums
    cascade._summarise()
    found = cascade.measured()
    expected = {
        "peak/detection/visible": 90, "peak/detection/occluded": 30, "at_joint/detection/visible": 90,
        "at_joint/detection/occluded": 10, "peak/regression/visible": 100, "peak/regression/occluded": 50,
        "at_joint/regression/visible": 100, "at_joint/regression/occluded": 50,
        "background/detection/visible": 91 / SIZE**2, "background/detection/occluded": 40 / SIZE**2,
        "background/regression/visible": 100 / SIZE**2, "background/regression/occluded": 50 / SIZE**2,
        "occluded/detection/below_visible": 80, "occluded/detection/above_background": 10 - 40 / SIZE**2,
        "occluded/regression/below_visible": 50, "occluded/regression/above_background": 50 - 50 / SIZE**2,
    }  # fmt: skip
    assert found == pytest.approx(expected, abs=1e-3)


def test_figure_of_people_with_occluded_joints(tmp_path):
    poses = mpii.read(data_set("mpii"), "valid")
    cascade = method()

    def drawn(people, folder):
        return cascade.draw(SimpleNamespace(val_split="valid", poses=lambda split: people), folder)

    assert drawn(poses, tmp_path) == {"cascade_figure": "cascade.png"}
    rows = cascade_figure.most_hidden(poses.visibility)
    tiles = max(min(3, int((poses.visibility[row] == flag).sum())) for row in rows for flag in (1, 2))
    picture = cv2.imread(str(tmp_path / "cascade.png"))
    # Up to three visible and three occluded joints, enlarged to 160 px or more.
    assert picture.shape[1] in range((tiles + 1) * (3 * SIZE + 4), 6 * (3 * SIZE + 4) + 1)
    nobody = poses.people(np.flatnonzero((poses.visibility != 1).all(axis=1)))
    assert drawn(nobody, tmp_path / "nobody") == {}


@pytest.mark.parametrize("table", ["table5", "table6", "table7"])
def test_rows_hold_the_published_numbers(table):
    with open(shared(f"reference/tables/001_{table}.csv"), newline="") as file:
        published = {
            tuple(sorted(float(v) for k, v in row.items() if k != "method")) for row in csv.DictReader(file)
        }
    folder = configs.root() / "experiments/cascade" / table
    rows = [yaml.safe_load(path.read_text())["paper"] for path in folder.glob("*.yaml")]
    found = {tuple(sorted(row.values())) for row in rows}
    if (folder / "quoted.csv").exists():
        with open(folder / "quoted.csv", newline="") as file:
            found |= {
                tuple(sorted(float(v) for k, v in row.items() if k != "method"))
                for row in csv.DictReader(file)
            }
    assert found == published


def run(kind, folder, *more):
    given = overrides(kind, folder, *more)
    return train(configs.compose(given), given)


def test_from_mpii_to_lsp(tmp_path):
    # Detection, regression and joint training on MPII people, an epoch each, then Table 7's fine-tuning on LSP's.
    mpii_run = run(
        "mpii", tmp_path, "+experiments/cascade/table5=Res", "trainer.epochs=3", "trainer.validate_every=3"
    )
    assert {"peak/detection/visible", "peak/regression/occluded"} <= mpii_run["metrics"].keys()
    checkpoint = tmp_path / "synthetic/cascade/table5/Res/seed0/last.ckpt"
    assert (checkpoint.parent / mpii_run["files"]["cascade_figure"]).stat().st_size > 1000
    result = run(
        "lsp", tmp_path, "+experiments/cascade/table7=Res", f"init_weights={checkpoint}", "trainer.epochs=1",
        "data.reader.ranges={train: [1, 16], test: [17, 24]}", "data.reader.crop=120",
    )  # fmt: skip
    assert result["metrics"].keys() >= {"PCK@0.2", "PCK@0.2/Ankle", "PCP"}
    before, after = (
        torch.load(path, weights_only=True)["state_dict"]
        for path in (checkpoint, tmp_path / "synthetic_lsp/cascade/table7/Res/seed0/last.ckpt")
    )
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_the_detection_phase_calls_the_network_as_the_other_phases_do():
    """So that it is compiled, and its hooks run; the second network has no part in it."""
    cascade = method()
    calls = []
    cascade.network.register_forward_hook(lambda network, images, maps: calls.append(maps["regression"]))
    cascade._weights = lambda: {"detector": 1.0}
    cascade.predict(torch.zeros(1, 3, 64, 64))
    assert calls == [None] * (1 + cascade.flip_test)
    cascade._weights = lambda: {"detector": 1.0, "regressor": 1.0}
    cascade.predict(torch.zeros(1, 3, 64, 64))
    assert calls[-1] is not None


@pytest.mark.parametrize(
    ("first", "marks", "says"), [("parts", False, True), ("parts", True, False), ("confidence", False, False)]
)
def test_a_detector_of_visible_parts_says_where_visible_is_not_known(first, marks, says, capsys):
    cascade = method()
    cascade.first = first
    poses = SimpleNamespace(annotations="train.json", marks_occlusion=marks)
    data = SimpleNamespace(train_split="train", poses=lambda split: poses)
    cascade._trainer = SimpleNamespace(datamodule=data, is_global_zero=True)
    cascade.on_fit_start()
    assert ("train.json does not say which joints are occluded" in capsys.readouterr().out) is says


@pytest.mark.slow
@pytest.mark.parametrize("row", ["VGG", "VGG_regreg", "Res", "Res_detection", "Res_regression", "Res_regreg"])
def test_ten_steps_at_the_highest_rate_of_every_phase(row):
    """The published networks, on a smaller input: the loss is a mean over pixels, so its size is the same. Each phase
    goes on from the ten steps of the one before."""
    given = [
        f"+experiments/cascade/table5={row}", f"data.root={data_set('mpii')}", "input_size=[64,64]", "batch_size=2",
        "backbone.pretrained=false", "augment=none", "loader.workers=0",
    ]  # fmt: skip
    if row.startswith("VGG"):
        given.append("method.network.detector.fc_channels=512")  # 4096 take minutes on a CPU
    plain = configs.plain(configs.compose(given))
    torch.manual_seed(0)
    module = build_method(plain, weights=False)
    batches = configs.instantiate(plain["loader"]).train_dataloader()
    alone = row in ("Res_detection", "Res_regression")
    for phase in ("detection",) if alone else ("detection", "regression", "joint"):
        losses = ten_steps(module, phase, plain["method"]["optimizer"]["lr"], batches)
        assert len(losses) == 10
        assert np.isfinite(losses).all()
        if row.startswith("VGG"):
            assert losses[-1] < 1.2 * losses[0], (phase, losses)
        else:  # RMSprop's first step is ten times its rate; the loss comes back from it
            assert losses[-1] < max(losses), (phase, losses)
            assert phase == "joint" or losses[-1] < 1.3 * losses[0], (phase, losses)


def ten_steps(module, phase, rate, batches):
    apply_phase(module, phase)
    stage = module.phases[phase]
    optimizer = module.optimizer_factory(
        {"params": list(parameters), "lr": rate * max(stage.rate(part, at / 10) for at in range(10))}
        for part, parameters in parts_of(module.phases, module.network).items()
        if part not in stage.freeze
    )
    losses = []
    for _, batch in zip(range(10), batches, strict=False):
        loss = module.losses(module.images(batch), batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
