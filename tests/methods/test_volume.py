"""The 3D integral method: labels, weights, loss, metric scale, flip, and where bone lengths are kept."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn

from data.made import people
from posereg.errors import UserError
from posereg.evaluation import mpjpe
from posereg.geometry.bones import length_sum
from posereg.methods.volume import VolumePose
from posereg.predict.predictor import predict
from posereg.skeletons.skeleton import H80K

SIZE, BINS = (64, 96), 16


class Fixed(nn.Module):
    """A network that says where given joints are: one large logit at each joint's bin (x, y, z)."""

    def __init__(self, bins: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(*bins.shape[:2], BINS, SIZE[1] // 4, SIZE[0] // 4))
        with torch.no_grad():
            for b in range(bins.shape[0]):
                for k in range(bins.shape[1]):
                    x, y, z = bins[b, k].tolist()
                    self.logits[b, k, z, y, x] = 200.0

    def forward(self, images: Tensor) -> Tensor:
        return self.logits[: len(images)]


class Slope(nn.Module):
    """Maps that follow the picture's brightness, for the flip test."""

    def forward(self, images: Tensor) -> Tensor:
        pooled = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 4)[:, :, None]
        joint = torch.linspace(1, 3, 18)[None, :, None, None, None]
        return 20 * pooled * joint + torch.linspace(0, 1, BINS)[None, None, :, None, None]


def _method(network: nn.Module, **more: Any) -> VolumePose:
    def adam(parameters: Iterable[Any]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=0.1)

    factory: Callable[..., Any] = adam
    return VolumePose(network=network, skeleton="h80k", input_size=SIZE, optimizer=factory, **more)


def _bins(count: int, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    sides = (SIZE[0] // 4, SIZE[1] // 4, BINS)
    return torch.stack([torch.randint(0, side, (count, 18), generator=g) for side in sides], dim=-1)


def _batch(bins: Tensor, visibility: int = 2) -> dict[str, Tensor]:
    """Labels exactly where `Fixed` says: bin centres in input pixels."""
    count = len(bins)
    return {
        "image": torch.zeros(count, SIZE[1], SIZE[0], 3, dtype=torch.uint8),
        "keypoints": bins[..., :2] * 4.0 + 1.5,
        "z": (bins[..., 2] + 0.5) / BINS * SIZE[0] - SIZE[0] / 2,
        "visibility": torch.full((count, 18), visibility, dtype=torch.uint8),
        "index": torch.arange(count),
        "to_image": torch.eye(2, 3).repeat(count, 1, 1),
    }


def test_no_loss_where_the_network_is_right() -> None:
    bins = _bins(3)
    method = _method(Fixed(bins))
    batch = _batch(bins)
    assert method.losses(method.images(batch), batch)["loss"].item() == pytest.approx(0, abs=1e-4)


def test_loss_is_the_sum_of_known_distances_over_the_batch_size() -> None:
    bins = _bins(4)
    method = _method(Fixed(bins))
    batch = _batch(bins)
    rng = torch.Generator().manual_seed(1)
    batch["keypoints"] = batch["keypoints"] + 10 * torch.randn(4, 18, 2, generator=rng)
    batch["z"] = batch["z"] + 10 * torch.randn(4, 18, generator=rng)
    batch["visibility"][0, 5] = 0
    batch["visibility"][1] = 1  # occluded joints are labelled
    batch["z"][2] = float("nan")
    right = _batch(bins)
    by_hand = 0.0
    for b in range(4):
        for k in range(18):
            if batch["visibility"][b, k] == 0:
                continue
            dx, dy = (batch["keypoints"][b, k] - right["keypoints"][b, k]).abs().tolist()
            dz = float((batch["z"][b, k] - right["z"][b, k]).abs())
            by_hand += dx / SIZE[0] + dy / SIZE[1] + (0 if np.isnan(dz) else dz / SIZE[0])
    losses = method.losses(method.images(batch), batch)
    assert losses["loss"].item() == pytest.approx(by_hand / 4, rel=1e-4)
    assert losses["xy"] + losses["z"] == pytest.approx(losses["loss"].item(), rel=1e-5)


def test_unknown_depth_has_no_gradient_along_the_depth() -> None:
    bins = _bins(1)
    method = _method(Fixed(bins))
    with torch.no_grad():
        method.network.logits.normal_(generator=torch.Generator().manual_seed(0))  # type: ignore[union-attr,operator]
    batch = _batch(bins)
    batch["z"][:] = float("nan")
    method.losses(method.images(batch), batch)["loss"].backward()
    grad = method.network.logits.grad  # type: ignore[union-attr]
    assert isinstance(grad, Tensor)
    assert torch.isfinite(grad).all()
    assert grad.abs().sum() > 0
    # Moving probability along the depth alone changes nothing: the gradient is p * (something of x, y).
    p = method.network.logits.detach().flatten(2).softmax(-1).view_as(grad)  # type: ignore[union-attr,operator]
    per_bin = grad / p
    assert_allclose(per_bin.numpy(), per_bin[:, :, :1].expand_as(per_bin).numpy(), atol=1e-4)


def test_one_step_lowers_the_loss() -> None:
    torch.manual_seed(0)
    method = _method(Fixed(_bins(2)))
    with torch.no_grad():
        method.network.logits.zero_()  # type: ignore[union-attr,operator]
    batch = _batch(_bins(2))
    optimizer = torch.optim.Adam(method.parameters(), lr=0.1)
    losses = []
    for _ in range(2):
        loss = method.losses(method.images(batch), batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]


def _frames(root: Path, count: int = 3) -> Any:
    """People with 3D poses, whose boxes fill their images."""
    poses = people(root, count, skeleton=H80K)
    xyz = 300 * np.random.default_rng(0).standard_normal((count, 18, 3))
    return replace(poses, extras={"xyz": (xyz - xyz[:, :1]).astype(np.float32)})


@pytest.mark.parametrize("convention", ["center", "corner"])
def test_predictions_are_root_relative_millimetres(tmp_path: Path, convention: Any) -> None:
    poses = _frames(tmp_path)
    bins = _bins(3, seed=4)
    method = _method(Fixed(bins), bone_lengths={"train+val": 4500.0}, convention=convention).eval()
    found = predict(method, poses, device="cpu")
    assert_allclose(found.keypoints[:, 0], 0, atol=1e-4)
    assert_allclose(length_sum(found.keypoints, H80K.parents), 4500, rtol=1e-5)
    # Bins are 4 input pixels wide in every direction here.
    shape = (bins - bins[:, :1]).numpy().astype(float)
    expected = shape * (4500 / length_sum(shape, H80K.parents))[:, None, None]
    assert_allclose(found.keypoints, expected, atol=1e-2)
    assert found.ids.tolist() == poses.ids.tolist()


def test_a_frames_own_bones_give_its_exact_size(tmp_path: Path) -> None:
    """Exact joints in the picture and exact relative depth: the metric pose to 1e-4 relative."""
    poses = _frames(tmp_path)
    bins = _bins(3, seed=4)
    shape = (bins - bins[:, :1]).numpy().astype(np.float32)
    poses = replace(poses, extras={"xyz": shape * np.array([20, 35.5, 3])[:, None, None].astype(np.float32)})
    method = _method(Fixed(bins), bone_source="frame").eval()
    found = predict(method, poses, device="cpu")
    assert_allclose(found.keypoints, poses.extras["xyz"], rtol=1e-4, atol=1e-2)
    assert mpjpe.evaluate(poses, found).metrics["MPJPE"] < 1e-2


def test_flip_test_makes_a_mirrored_picture_a_mirrored_pose() -> None:
    method = _method(Slope(), flip_test=True).eval()
    images = torch.rand(2, 3, SIZE[1], SIZE[0], generator=torch.Generator().manual_seed(0))
    points, scores = method.predict(images)
    mirrored, _ = method.predict(images.flip(-1))
    assert scores.shape == (2, 18)
    torch.testing.assert_close(method.unflip_keypoints(mirrored), points, rtol=1e-4, atol=1e-3)
    single = _method(Slope()).eval().predict(images)[0]
    assert (single - points).abs().max() > 0.01


def test_bone_lengths_travel_with_the_checkpoint() -> None:
    method = _method(Fixed(_bins(1)), bone_lengths={"train": 1.0, "val": 2.0, "train+val": 1.5})
    method.plain_config = {"method": {"bone_source": "val", "bone_lengths": None}, "row": "x"}
    checkpoint: dict[str, Any] = {}
    method.on_save_checkpoint(checkpoint)
    assert checkpoint["posereg_config"] == {
        "method": {"bone_source": "val", "bone_lengths": {"train": 1.0, "val": 2.0, "train+val": 1.5}},
        "row": "x",
    }
    assert method.plain_config["method"]["bone_lengths"] is None


def test_unknown_lengths_and_skeletons_are_refused(tmp_path: Path) -> None:
    poses = _frames(tmp_path)
    method = _method(Fixed(_bins(3)), bone_source="val", bone_lengths={"train": 4500.0}).eval()
    with pytest.raises(UserError, match=r"bone_source=val: this length is not known; known: train"):
        predict(method, poses, device="cpu")
    nowhere = replace(poses, extras={"xyz": np.full((3, 18, 3), np.nan, np.float32)})
    framewise = _method(Fixed(_bins(3)), bone_source="frame").eval()
    with pytest.raises(UserError, match="frames without a 3D pose"):
        predict(framewise, nowhere, device="cpu")
    with pytest.raises(UserError, match="'lsp' has no tree of bones"):
        VolumePose(network=nn.Identity(), skeleton="lsp", input_size=SIZE, optimizer=torch.optim.Adam)  # type: ignore[arg-type]
