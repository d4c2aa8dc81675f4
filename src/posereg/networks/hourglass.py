"""Hourglasses: the single modified one of the cascade paper (Table 4) and Newell's stack, the usual yardstick.

Both are built of the pre-activation bottleneck (BN, ReLU, convolution, three times) of Newell et al. 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from posereg.settings.ranges import Annotated, Count, Interval

Width = Annotated[int, Interval(ge=4, le=65536)]  # a quarter of it is the stem's
RegressionInit = Literal["working", "printed"]


class Bottleneck(nn.Module):
    """Pre-activation residual unit, 1x1 - 3x3 - 1x1 with half the channels inside; keeps the resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = outputs // 2
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, inner, 1),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, 3, padding=1),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, outputs, 1),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, inputs, H, W) to (B, outputs, H, W)."""
        return self.shortcut(x) + self.body(x)  # type: ignore[no-any-return]


def bottlenecks(inputs: int, outputs: int, count: int) -> nn.Sequential:
    """`count` bottlenecks in a row: the first goes from `inputs` to `outputs` channels, the others keep them."""
    return nn.Sequential(*(Bottleneck(inputs if k == 0 else outputs, outputs) for k in range(count)))


class Hourglass(nn.Module):
    """Features (B, C, H, W) to the same shape, H and W divisible by 2^order.

    Args:
        order: number of halvings.
        units: bottlenecks on every skip, way down and at the bottom.
        learned_up: 2x2 stride-2 deconvolution on the way up (cascade paper, D5); else nearest neighbour after
            `units` more bottlenecks (Newell).
    """

    def __init__(self, channels: int, order: int = 4, units: int = 3, learned_up: bool = True) -> None:
        super().__init__()
        self.skip = bottlenecks(channels, channels, units)
        self.down = bottlenecks(channels, channels, units)
        self.inner: nn.Module = (
            Hourglass(channels, order - 1, units, learned_up)
            if order > 1
            else bottlenecks(channels, channels, units)
        )
        self.up: nn.Module = (
            nn.ConvTranspose2d(channels, channels, 2, stride=2)
            if learned_up
            else nn.Sequential(bottlenecks(channels, channels, units), nn.Upsample(scale_factor=2))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, C, H, W) to the same shape."""
        low = self.up(self.inner(self.down(functional.max_pool2d(x, 2))))
        return self.skip(x) + low  # type: ignore[no-any-return]


class HourglassRegressor(nn.Module):
    """Modified hourglass of the cascade paper (section 3.2, Table 4): maps stacked on the image to confidence maps.

    Input (B, K + 3, H, W), output (B, K, H, W), H and W divisible by 4 * 2^order.

    Args:
        joints: K.
        channels: width of the hourglass (256); D1 has a quarter of it, D6 twice.
        order, units: as in `Hourglass`; smaller ones for reduced runs.
        init: "All layers were zero-initialized, except for the deconvolution layers" (`printed`) cannot
            train: with every convolution at zero no gradient passes any of them, only the last bias moves.
            `working` draws the convolutions He-normal and the scoring layer from N(0, 0.001), so that the
            maps start near zero as the paper's do. Deconvolutions are bilinear in both.
    """

    @staticmethod
    def input_multiple(settings: Mapping[str, Any]) -> int:
        """What the input's sides must be a multiple of, by the arguments in a config."""
        return int(4 * 2 ** settings.get("order", 4))

    def __init__(
        self,
        joints: Count = 16,
        channels: Width = 256,
        order: Annotated[int, Interval(ge=1, le=6)] = 4,
        units: Annotated[int, Interval(ge=1, le=16)] = 3,
        init: RegressionInit = "working",
    ) -> None:
        super().__init__()
        stem = channels // 4
        self.stem = nn.Sequential(  # D1
            nn.Conv2d(joints + 3, stem, 7, stride=2, padding=3),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.widen = bottlenecks(stem, channels, units)  # D2
        self.hourglass = Hourglass(channels, order, units)  # D3, D4, D5
        score = nn.Conv2d(2 * channels, joints, 1)
        self.head = nn.Sequential(  # D6, D7
            nn.Conv2d(channels, 2 * channels, 1),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(inplace=True),
            score,
        )
        self.up = nn.ConvTranspose2d(joints, joints, 4, stride=4)
        for module in self.modules():
            if isinstance(module, nn.ConvTranspose2d):
                bilinear_(module)
            elif isinstance(module, nn.Conv2d):
                (nn.init.kaiming_normal_ if init == "working" else nn.init.zeros_)(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        if init == "working":
            nn.init.normal_(score.weight, std=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Stacked maps and image (B, K + 3, H, W) to confidence maps (B, K, H, W)."""
        features = self.hourglass(self.widen(self.stem(x)))
        return self.up(self.head(features))  # type: ignore[no-any-return]


class StackedHourglass(nn.Module):
    """Newell et al. 2016: images (B, 3, H, W) to a list of `stacks` map tensors (B, K, H/4, W/4).

    H and W divisible by 64. The 8-stack network with 256 features is the published one.
    """

    def __init__(
        self, joints: Count = 16, stacks: Count = 8, channels: Width = 256, units: Count = 1
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels // 4, 7, stride=2, padding=3),
            nn.BatchNorm2d(channels // 4),
            nn.ReLU(inplace=True),
            Bottleneck(channels // 4, channels // 2),
            nn.MaxPool2d(2),
            Bottleneck(channels // 2, channels // 2),
            Bottleneck(channels // 2, channels),
        )
        self.hourglasses = nn.ModuleList(
            nn.Sequential(
                Hourglass(channels, 4, units, learned_up=False),
                bottlenecks(channels, channels, units),
                nn.Conv2d(channels, channels, 1),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for _ in range(stacks)
        )
        self.scores = nn.ModuleList(nn.Conv2d(channels, joints, 1) for _ in range(stacks))
        self.features_back = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(stacks - 1))
        self.maps_back = nn.ModuleList(nn.Conv2d(joints, channels, 1) for _ in range(stacks - 1))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to the maps of every stack, first to last."""
        x = self.stem(images)
        maps = []
        for stack, (hourglass, score) in enumerate(zip(self.hourglasses, self.scores, strict=True)):
            features = hourglass(x)
            maps.append(score(features))
            if stack < len(self.features_back):
                x = x + self.features_back[stack](features) + self.maps_back[stack](maps[-1])
        return maps


def bilinear_(layer: nn.ConvTranspose2d) -> None:
    """Make a deconvolution interpolate: channel k to channel k, linear in x and y, constants kept.

    A kernel twice the stride is true bilinear upsampling. A kernel equal to the stride sees one cell per
    output pixel, so the interpolation that keeps constants is the nearest neighbour.
    """
    stride = int(layer.stride[0])
    profile = _triangle(int(layer.kernel_size[0]), stride)
    weight = torch.zeros_like(layer.weight)
    channels = torch.arange(min(weight.shape[:2]))
    weight[channels, channels] = profile[:, None] * profile
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.zero_()


def _triangle(kernel: int, stride: int) -> Tensor:
    position = torch.arange(kernel) - (kernel - 1) / 2
    values = (1 - position.abs() / stride).clamp_min(0)
    # Each output pixel is fed by the taps one stride apart; their sum must be 1.
    phase = torch.arange(kernel) % stride
    total = torch.zeros(stride).scatter_add_(0, phase, values)
    return values / total[phase]
