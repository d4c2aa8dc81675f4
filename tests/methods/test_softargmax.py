"""The soft-argmax method: decoding in closed form, flip, fewer joints than the network, rows that only evaluate."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posereg import config as configs
from posereg.data.formats.lsp import pose_set
from posereg.errors import UserError
from posereg.losses.context import context_loss, labels
from posereg.methods.softargmax import SoftArgmaxPose
from posereg.networks.softargmax import SoftArgmaxNet
from posereg.records import predictions
from posereg.runs import folder as runs
from posereg.skeletons.skeleton import LSP, MPII
from posereg.train import train
from tiny import overrides

SIZE, CELLS, STRIDE = 64, 8, 8


class Fixed(nn.Module):
    """Says the same two blocks of maps about every image."""

    def __init__(self, maps):
        super().__init__()
        self.maps = nn.Parameter(maps)

    def forward(self, images):
        repeated = self.maps.expand(len(images), -1, -1, -1)
        return [torch.zeros_like(repeated), repeated]


def peaks(cells, height=30.0, context=0):
    """Maps (1, K (1 + context), 8, 8) with one sharp peak at each (x, y)."""
    maps = torch.zeros(1, len(cells) * (1 + context), CELLS, CELLS)
    for k, (x, y) in enumerate(cells):
        maps[0, k, y, x] = height
    return maps


def method(network, skeleton="mpii", **more):
    return SoftArgmaxPose(
        network=network, skeleton=skeleton, input_size=(SIZE, SIZE), mean=(0.5,) * 3, std=(0.5,) * 3,
        optimizer=lambda parameters: torch.optim.RMSprop(parameters, 1e-3, alpha=0.9, eps=1e-7), **more,
    )  # fmt: skip


def somewhere(count):
    return [((3 * k) % CELLS, (5 * k + 2) % CELLS) for k in range(count)]


def center(cells):
    """Input pixels of the centres of cells."""
    return torch.tensor(cells) * STRIDE + (STRIDE - 1) / 2


def batch(count, skeleton=MPII, seed=0):
    rng = torch.Generator().manual_seed(seed)
    joints = len(skeleton)
    return {
        "image": torch.randint(0, 256, (count, SIZE, SIZE, 3), generator=rng, dtype=torch.uint8),
        "keypoints": torch.rand(count, joints, 2, generator=rng) * (SIZE - 2) + 0.5,
        "visibility": torch.full((count, joints), 2, dtype=torch.uint8),
    }


@pytest.mark.parametrize("decode", ["softargmax", "argmax"])
def test_a_sharp_map_is_decoded_to_its_cells_centre(decode):
    cells = somewhere(16)
    module = method(Fixed(peaks(cells)), ramp="half_pixel", decode=decode)
    found, scores = module.predict(torch.zeros(3, 3, SIZE, SIZE))
    torch.testing.assert_close(found, center(cells).expand(3, -1, -1), atol=1e-3, rtol=0)
    torch.testing.assert_close(scores, torch.full((3, 16), 30.0).sigmoid())


def test_two_peaks_are_averaged_by_softargmax_and_decided_by_argmax():
    maps = torch.full((1, 16, CELLS, CELLS), -60.0)
    maps[..., 2, 1], maps[..., 6, 5] = 1.0, 0.0  # (x, y) = (1, 2) and (5, 6)
    share = torch.tensor(1.0).sigmoid()
    images = torch.zeros(1, 3, SIZE, SIZE)
    soft, scores = method(Fixed(maps), ramp="half_pixel").predict(images)
    expected = share * center([1, 2]) + (1 - share) * center([5, 6])
    torch.testing.assert_close(soft, expected.expand(1, 16, 2))
    hard, hard_scores = method(Fixed(maps), ramp="half_pixel", decode="argmax").predict(images)
    torch.testing.assert_close(hard, center([1, 2]).expand(1, 16, 2))
    torch.testing.assert_close(scores, share.expand(1, 16))
    torch.testing.assert_close(scores, hard_scores)


@pytest.mark.parametrize("ramp", ["linspace", "paper", "half_pixel"])
def test_flip_test_averages_the_mirrored_coordinates(ramp):
    """A network blind to its input says the same of the mirrored image, so the average is known."""
    network = Fixed(peaks(somewhere(16)) + torch.rand(1, 16, CELLS, CELLS))
    images = torch.zeros(1, 3, SIZE, SIZE)
    plain, scores = method(network, ramp=ramp).predict(images)
    flipped, flipped_scores = method(network, ramp=ramp, flip_test=True).predict(images)
    mirrored = plain[:, MPII.flip] * torch.tensor([-1.0, 1.0]) + torch.tensor([SIZE - 1.0, 0.0])
    torch.testing.assert_close(flipped, (plain + mirrored) / 2)
    torch.testing.assert_close(flipped_scores, (scores + scores[:, MPII.flip]) / 2)


def test_alpha_weighs_context_against_the_part_map():
    cells = somewhere(16)
    maps = peaks(cells, context=2)
    maps[0, 16:, 0, 0] = 30.0  # every context map says the first cell
    found, _ = method(Fixed(maps), alpha=0.8, ramp="half_pixel").predict(torch.zeros(1, 3, SIZE, SIZE))
    torch.testing.assert_close(found[0], 0.8 * center(cells) + 0.2 * center([0, 0]), atol=1e-3, rtol=0)
    hard, _ = method(Fixed(maps), decode="argmax", ramp="half_pixel").predict(torch.zeros(1, 3, SIZE, SIZE))
    torch.testing.assert_close(hard[0], center(cells))


@pytest.mark.parametrize("context", [0, 2])
def test_joints_the_data_lack_get_no_gradient(context):
    network = Fixed(torch.randn(1, 16 * (1 + context), CELLS, CELLS))
    module = method(network, skeleton="lsp", network_skeleton="mpii")
    people = batch(3, LSP)
    found = module.losses(module.images(people), people)
    found["loss"].backward()
    moved = network.maps.grad[0].abs().sum((1, 2)) > 0
    lacking = {MPII.joints.index("pelvis"), MPII.joints.index("thorax")}
    assert {k for k in range(16) if not moved[k]} == lacking
    if context:
        assert {k for k in range(16) if not moved[16:].view(16, 2)[k].any()} == lacking
        assert all(moved[16:].view(16, 2)[k].all() for k in range(16) if k not in lacking)


def test_the_loss_on_fewer_joints_is_that_of_a_network_of_these_joints():
    maps = torch.randn(1, 48, CELLS, CELLS)
    people = batch(3, LSP)
    module = method(Fixed(maps), skeleton="lsp", network_skeleton="mpii")
    found = module.losses(module.images(people), people)
    own = [MPII.joints.index(name) for name in LSP.joints]
    chosen = maps[:, own + [16 + 2 * k + i for k in own for i in range(2)]].expand(3, -1, -1, -1)
    target, present = labels(people["keypoints"], people["visibility"], (SIZE, SIZE))
    expected = context_loss([torch.zeros_like(chosen), chosen], target, present)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_predictions_are_the_datas_joints_by_name():
    cells = somewhere(16)
    module = method(Fixed(peaks(cells)), skeleton="lsp", network_skeleton="mpii", ramp="half_pixel")
    xy = np.random.default_rng(0).uniform(5, 50, (1, 14, 2))
    here = Path(".")
    poses = pose_set("lsp", here, "all", here, xy, np.full((1, 14), 2), {"all": (1, 1)}, 4, "joints")
    people = {"to_image": torch.tensor([[[2.0, 0, 5], [0, 2.0, 7]]]), "index": torch.tensor([0])}
    with torch.no_grad():
        found = module.predictions(people, *module.predict(torch.zeros(1, 3, SIZE, SIZE)), poses=poses)
    expected = 2 * center([cells[MPII.joints.index(name)] for name in LSP.joints]) + torch.tensor([5, 7])
    np.testing.assert_allclose(found.keypoints[0], expected, atol=1e-2)


def test_a_joint_outside_the_crop_only_counts_as_absent():
    network = Fixed(torch.randn(1, 16, CELLS, CELLS))
    module = method(network)
    people = batch(1)
    people["keypoints"][0, 3] = torch.tensor([SIZE + 4.0, 10.0])
    found = module.losses(module.images(people), people)
    (gradient,) = torch.autograd.grad(found["pose"], network.maps, retain_graph=True)
    assert gradient[0, 3].abs().sum() == 0
    assert all(gradient[0, k].abs().sum() > 0 for k in range(16) if k != 3)
    (gradient,) = torch.autograd.grad(found["presence"], network.maps)
    # More probability costs an absent joint, less costs the others.
    signs = gradient[0].flatten(1).sum(1).sign()
    assert signs[3] == 1
    assert (signs[[k for k in range(16) if k != 3]] == -1).all()


def test_it_learns_four_people_by_heart():
    torch.manual_seed(0)
    module = method(SoftArgmaxNet(16, context=2, blocks=1, width=32, momentum=0.1))
    people = batch(4)
    optimizer = module.optimizer_factory(module.parameters())
    first = last = 0.0
    for _ in range(60):
        loss = module.losses(module.images(people), people)
        optimizer.zero_grad()
        loss["loss"].backward()
        optimizer.step()
        last = float(loss["pose"].detach())
        first = first or last
    assert last < 0.3 * first


def test_alpha_is_a_share():
    with pytest.raises(UserError, match=r"method\.alpha"):
        method(Fixed(peaks(somewhere(16))), alpha=1.2)


SMALL = ("++method.network.blocks=1", "++method.network.width=32", "input_scale=0.25", "augment=none")


def row(name, folder, *more):
    given = overrides("mpii", folder, f"+experiments/softargmax/{name}", *SMALL, *more)
    return train(configs.compose(given), given)


def checkpoint(folder):
    return torch.load(folder / runs.CHECKPOINT, weights_only=True)


def test_rows_that_only_evaluate(tmp_path):
    """argmax decodes softargmax's network; Table 4 averages crops of a network that is there."""
    # The paper's schedule looks at every second epoch where validation does.
    more = ("schedule=softargmax", "trainer.validate_every=2")
    trained = row("table1=softargmax", tmp_path, *more)
    argmax = row("table1=argmax", tmp_path, *more)
    folder = tmp_path / "synthetic/softargmax/table1"
    assert argmax["trained_as"] == "softargmax/table1/softargmax seed 0"
    assert argmax["training"]["seconds"] == 0 < trained["training"]["seconds"]
    mine, theirs = (checkpoint(folder / name / "seed0")["state_dict"] for name in ("argmax", "softargmax"))
    assert all(torch.equal(mine[name], tensor) for name, tensor in theirs.items())
    hard, soft = (
        predictions.load(folder / name / "seed0/predictions.npz") for name in ("argmax", "softargmax")
    )
    assert np.array_equal(hard.ids, soft.ids)
    assert not np.allclose(hard.keypoints, soft.keypoints)
    np.testing.assert_allclose(hard.keypoint_scores, soft.keypoint_scores, rtol=1e-5)
    assert row("table1=argmax", tmp_path, *more) == argmax  # done already
    assert (folder / "softargmax/seed0" / trained["files"]["figure_parts"]).exists()

    weights = folder / "softargmax/seed0/last.ckpt"
    crops = row("table4=context_08", tmp_path, "method=softargmax", f"init_weights={weights}")
    assert crops["protocol"]["scales"] == [1.0, 0.9, 1.1]
    assert crops["protocol"]["flip_test"] is True
    assert trained["protocol"]["scales"] == [1.0]
    assert (
        tmp_path / "synthetic/softargmax/table4/context_08/seed0" / crops["files"]["predictions"]
    ).exists()


def test_evaluating_nothing_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"evaluate_only.*init_weights=FILE or method\.pretrain"):
        row("table1=softargmax", tmp_path, "evaluate_only=true")


@pytest.mark.parametrize(
    ("name", "monitor", "rate", "epochs"),
    [("table1=context_08", "val/PCKh@0.5", 1e-3, 120), ("table2=context_08", "train/loss", 2e-5, 70)],
)
def test_rows_take_the_papers_recipe(name, monitor, rate, epochs):
    plain = configs.plain(configs.compose([f"+experiments/softargmax/{name}"]))
    configs.validate(plain)
    schedule, optimizer = plain["method"]["schedule"], plain["method"]["optimizer"]
    assert (schedule["factor"], schedule["monitor"]) == (0.4, monitor)
    assert (optimizer["lr"], optimizer["alpha"], optimizer["eps"]) == (rate, 0.9, 1e-7)
    assert (plain["trainer"]["epochs"], plain["batch_size"]) == (epochs, 16)
