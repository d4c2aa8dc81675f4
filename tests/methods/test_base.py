"""What all methods share: images on the device, labels, predictions in image pixels, everyone once, the optimiser."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from posereg.errors import UserError
from posereg.methods.base import PoseModule, joined, total_steps
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import LSP, MPII

SIZE = (64, 48)


def module(**options):
    options = {"skeleton": "mpii", "optimizer": torch.optim.SGD, "network": nn.Linear(2, 2), **options}
    return PoseModule(input_size=SIZE, **options)


def people(poses=3):
    """The columns that predictions take from a set: ids 10, 11, ... on images 100, 100, 101, ..."""
    return SimpleNamespace(
        ids=np.arange(poses) + 10,
        person_image=np.arange(poses) // 2,
        image_ids=np.arange(poses) + 100,
    )


def predicted(*ids):
    ids = np.array(ids)
    ones = np.ones((len(ids), 16), np.float32)
    keypoints = np.repeat(ids.astype(np.float32), 32).reshape(-1, 16, 2)
    return Predictions(ids, ids, keypoints, ones, ones[:, 0], {})


def test_images_are_normalised_with_colour_on_the_device():
    pose = module()
    given = {
        "image": torch.full((1, 4, 4, 3), 128, dtype=torch.uint8),
        "color_gain": torch.tensor([[1.0, 0.5, 4.0]]),
        "color_power": torch.tensor([[1.0, 1.0, 2.0]]),
    }
    value = 128 / 255
    colours = torch.tensor([value, value * 0.5, min(1.0, value**2 * 4)])
    expected = (colours - pose.mean.flatten()) / pose.std.flatten()
    torch.testing.assert_close(pose.images(given)[0, :, 0, 0], expected)
    assert pose.images(given).is_contiguous(memory_format=torch.channels_last)


def test_images_without_a_change_of_colour_are_bit_for_bit_those_with_one_by_nothing():
    """Every value a byte can have; raising to the power 1 is left out, not approximated."""
    pose = module()
    image = torch.arange(256, dtype=torch.uint8).repeat(3, 3).reshape(3, 16, 16, 3)
    ones = torch.ones(3, 3)
    kept = image.clone()
    plain = pose.images({"image": image, "color_gain": ones, "color_power": ones})
    values = image.permute(0, 3, 1, 2).float() / 255
    values = (values ** ones[:, :, None, None] * ones[:, :, None, None]).clamp(0, 1)
    assert torch.equal(plain, (values - pose.mean) / pose.std)
    assert torch.equal(plain, pose.images({"image": image}))
    assert torch.equal(image, kept)


def test_labels_outside_the_input_or_missing_count_in_no_loss():
    keypoints = torch.full((1, 16, 2), 20.0)
    keypoints[0, 1], keypoints[0, 2] = torch.tensor([70.0, 20.0]), torch.tensor([20.0, 50.0])
    visibility = torch.full((1, 16), 2, dtype=torch.uint8)
    visibility[0, 3], visibility[0, 4] = 0, 1
    _, weight = module().labels({"keypoints": keypoints, "visibility": visibility})
    assert torch.nonzero(weight[0] == 0).flatten().tolist() == [1, 2, 3]


def test_a_network_with_more_joints_than_the_data():
    pose = module(skeleton="lsp", network_skeleton="mpii")
    keypoints = torch.arange(14.0)[None, :, None].expand(1, 14, 2)
    labels, visibility = pose.joint_labels({"keypoints": keypoints, "visibility": torch.full((1, 14), 2)})
    for place, name in enumerate(MPII.joints):
        if name in LSP.joints:
            assert labels[0, place, 0] == LSP.joints.index(name)
            assert visibility[0, place] == 2
        else:
            assert visibility[0, place] == 0
    with pytest.raises(UserError, match="network_skeleton: lsp has no"):
        module(skeleton="mpii", network_skeleton="lsp")


def test_predictions_are_in_image_pixels_with_the_ids_of_their_rows():
    affine = torch.tensor([[[2.0, 0.0, 5.0], [0.0, 3.0, -1.0]]]).repeat(2, 1, 1)
    keypoints = torch.rand(2, 16, 2, generator=torch.Generator().manual_seed(0)) * 40
    scores = torch.rand(2, 16, generator=torch.Generator().manual_seed(1))
    batch = {"to_image": affine, "index": torch.tensor([2, 0])}
    found = module().predictions(batch, keypoints, scores, poses=people())
    np.testing.assert_allclose(found.keypoints[..., 0], 2 * keypoints[..., 0] + 5, rtol=1e-6)
    np.testing.assert_allclose(found.keypoints[..., 1], 3 * keypoints[..., 1] - 1, rtol=1e-5)
    assert found.ids.tolist() == [12, 10]
    assert found.image_ids.tolist() == [101, 100]
    np.testing.assert_allclose(found.scores, scores.mean(1), rtol=1e-6)


def test_predictions_come_in_the_order_of_the_samples():
    """Of several processes each has seen every so many-th sample. A method that finds people itself has any number
    of poses of a sample, all with the id -1."""
    parts = [(np.array([0, 2, 2]), predicted(5, -1, -1)), (np.array([1, 3]), predicted(9, 7))]
    assert joined(parts).ids.tolist() == [5, 9, -1, -1, 7]
    assert joined([]) is None


def test_a_repeated_batch_counts_for_nothing():
    pose = module()
    pose.keep({"index": torch.tensor([3])}, predicted(5))
    pose.keep({"index": torch.tensor([0]), "repeated": True}, predicted(9))
    assert joined(pose._predicted).ids.tolist() == [5]


def test_mirrored_maps_and_keypoints_come_back_to_the_image():
    pose = module()
    maps = torch.zeros(1, 16, 6, 8)
    left, right = MPII.joints.index("left_wrist"), MPII.joints.index("right_wrist")
    maps[0, right, 2, 1] = 1
    assert pose.unflip_maps(maps)[0, left, 2, 6] == 1
    keypoints = torch.zeros(1, 16, 2)
    keypoints[0, right] = torch.tensor([10.0, 7.0])
    back = pose.unflip_keypoints(keypoints)
    assert back[0, left].tolist() == [SIZE[0] - 1 - 10.0, 7.0]
    torch.testing.assert_close(pose.unflip_keypoints(back), keypoints)


@pytest.mark.parametrize(
    ("batches", "limit", "accumulate", "epochs", "steps"),
    [(10, 1.0, 1, 3, 30), (10, 1.0, 4, 2, 6), (10, 0.25, 1, 2, 4), (10, 3, 1, 2, 6), (1, 1.0, 8, 1, 1)],
)
def test_steps_of_a_training(batches, limit, accumulate, epochs, steps):
    """The last, smaller group of accumulated batches is a step of its own."""
    trainer = SimpleNamespace(
        datamodule=SimpleNamespace(train_dataloader=lambda: range(batches)),
        limit_train_batches=limit,
        accumulate_grad_batches=accumulate,
        max_epochs=epochs,
    )
    assert total_steps(trainer) == steps


def test_frozen_parameters_are_not_optimised_and_a_schedule_sees_all_steps():
    network = nn.Linear(2, 2)
    network.bias.requires_grad = False
    seen = []

    def schedule(optimizer, steps):
        seen.append(steps)
        return {"scheduler": torch.optim.lr_scheduler.ConstantLR(optimizer)}

    pose = module(network=network, optimizer=lambda p: torch.optim.SGD(p, lr=0.1), schedule=schedule)
    pose._trainer = SimpleNamespace(
        datamodule=SimpleNamespace(train_dataloader=lambda: range(10)),
        limit_train_batches=1.0, accumulate_grad_batches=1, max_epochs=3,
    )  # fmt: skip
    built = pose.configure_optimizers()
    assert [p.shape for p in built["optimizer"].param_groups[0]["params"]] == [network.weight.shape]
    assert seen == [30]


def test_a_method_without_maps_has_nothing_to_draw_and_says_which_it_is():
    with pytest.raises(UserError, match="R1 has no heat maps"):
        module(name="R1").seen(torch.zeros(1, 3, 4, 4))


def test_the_config_goes_into_the_checkpoint():
    pose, checkpoint = module(), {}
    pose.plain_config = {"row": "H1"}
    pose.on_save_checkpoint(checkpoint)
    assert checkpoint == {"posereg_config": {"row": "H1"}}
