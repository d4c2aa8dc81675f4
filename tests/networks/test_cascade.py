import pytest
import torch
from torch import nn

from posereg.networks.cascade import Cascade


class _Spy(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = x
        return x[:, :-3]


@pytest.mark.parametrize(("stack", "guide"), [("probabilities", torch.sigmoid), ("maps", torch.clone)])
def test_what_is_stacked_on_the_image(stack: str, guide: object) -> None:
    spy = _Spy()
    images = torch.randn(1, 3, 8, 8)
    maps = Cascade(nn.Conv2d(3, 5, 1), spy, stack=stack)(images)  # type: ignore[arg-type]
    torch.testing.assert_close(spy.seen, torch.cat([guide(maps["detection"]), images], dim=1))  # type: ignore[operator]


def test_joint_training_reaches_the_detector() -> None:
    network = Cascade(nn.Conv2d(3, 2, 1), nn.Conv2d(5, 2, 1))
    maps = network(torch.randn(2, 3, 8, 8))
    assert maps["regression"] is not None
    maps["regression"].sum().backward()
    assert network.detector.weight.grad.abs().sum() > 0  # type: ignore[union-attr, operator]
