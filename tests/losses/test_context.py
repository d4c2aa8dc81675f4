import math

import pytest
import torch

from posereg.losses.context import context_loss, elastic_net, labels, presence_loss


def test_elastic_net_by_hand() -> None:
    predicted = torch.tensor([[[0.3, 0.6], [0.5, 0.5], [9.0, 9.0]], [[0.1, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    target = torch.tensor([[[0.1, 0.5], [0.5, 0.5], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    present = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    first, second = 0.2 + 0.1 + 0.04 + 0.01, 0.1 + 0.01
    assert elastic_net(predicted, target, present).item() == pytest.approx((first + second) / 3)
    assert elastic_net(predicted, target, present, "sum").item() == pytest.approx((first + second) / 2)


def test_elastic_net_of_nobody_is_zero() -> None:
    nobody = torch.zeros(2, 3)
    assert elastic_net(torch.rand(2, 3, 2), torch.rand(2, 3, 2), nobody).item() == 0


def test_presence_loss_is_equation_8() -> None:
    probability, present = torch.tensor([[0.9, 0.2]]), torch.tensor([[1.0, 0.0]])
    expected = -(math.log(0.9) + math.log(0.8)) / 2
    assert presence_loss(torch.logit(probability), present).item() == pytest.approx(expected, rel=1e-5)


def test_labels_are_strictly_inside_and_ignore_occlusion() -> None:
    keypoints = torch.tensor([[[0.0, 10.0], [128.0, 64.0], [256.0, 10.0], [10.0, 300.0], [64.0, 64.0]]])
    visibility = torch.tensor([[2, 1, 2, 2, 0]])
    target, present = labels(keypoints, visibility, (256, 256))
    assert present.tolist() == [[0, 1, 0, 0, 0]]
    torch.testing.assert_close(target[0, 1], torch.tensor([0.5, 0.25]))


def test_every_block_counts_once() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(2, 12, 8, 8) for _ in range(3)]
    target, present = torch.rand(2, 4, 2), torch.ones(2, 4)
    together = context_loss(maps, target, present)
    alone = [context_loss([m], target, present) for m in maps]
    for name in ("loss", "pose", "presence"):
        torch.testing.assert_close(together[name], torch.stack([a[name] for a in alone]).sum())
    torch.testing.assert_close(together["loss"], together["pose"] + 0.01 * together["presence"])


def test_descends_to_the_target() -> None:
    """Maps alone, trained by the loss, end at the labels, and tell present from absent."""
    torch.manual_seed(0)
    maps = (0.1 * torch.randn(1, 9, 16, 16)).requires_grad_()
    target = torch.tensor([[[0.25, 0.7], [0.9, 0.1], [0.5, 0.5]]])
    present = torch.tensor([[1.0, 1.0, 0.0]])
    optimizer = torch.optim.Adam([maps], lr=0.1)
    first = context_loss([maps], target, present)
    for _ in range(120):
        optimizer.zero_grad()
        losses = context_loss([maps], target, present, presence_weight=1.0)
        losses["loss"].backward()
        optimizer.step()
    assert losses["pose"] < 0.05 * first["pose"]
    # Slower: only the maximum of a map is moved at a time.
    assert losses["presence"] < 0.5 * first["presence"]
