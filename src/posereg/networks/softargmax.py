"""Soft-argmax network with context maps (section 3.1, Figures 2 and 3; docs/papers/softargmax.md#architecture).

An Inception-v4 style stem to stride 8, then prediction blocks: a three-resolution hourglass of separable
residuals (block-A) and the maps, fed back (block-B). Layer sizes are those of the released network.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, cat, nn
from torch.nn import functional

from posereg.settings.ranges import Annotated, Count, Interval


class SoftArgmaxNet(nn.Module):
    """Images (B, 3, H, W), in [-1, 1], to one map tensor (B, K * (1 + Nc), H/8, W/8) per block.

    Channels: K part maps, then the context maps joint by joint (map i of joint n at K + n * Nc + i). H and W
    divisible by 32.

    Args:
        joints: K.
        context: Nc, context maps per joint; 0 for the rows without context.
        blocks: prediction blocks, every one supervised.
        width: channels of the blocks; the published network has 576.
        momentum: of the batch norms' running statistics. 0.01 is Keras's 0.99, which needs some thousand steps
            before an evaluation means anything; short runs want 0.1.
    """

    def __init__(
        self,
        joints: Count = 16,
        context: Annotated[int, Interval(ge=0, le=64)] = 2,
        blocks: Annotated[int, Interval(ge=1, le=64)] = 8,
        width: Annotated[int, Interval(ge=2, le=65536)] = 576,
        momentum: Annotated[float, Interval(gt=0, le=1)] = 0.01,
    ) -> None:
        super().__init__()
        maps = joints * (1 + context)
        self.stem = _Stem(width)
        self.blocks = nn.ModuleList(
            _PredictionBlock(width, maps, last=k == blocks - 1) for k in range(blocks)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)  # Keras's default
            elif isinstance(module, ShiftNorm):
                module.momentum = momentum

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to the maps of every block, first to last."""
        x = self.stem(images)
        outputs = []
        for block in self.blocks:
            maps, x = block(x)
            outputs.append(maps)
        return outputs


class ShiftNorm(nn.BatchNorm2d):
    """Batch norm with a learned shift and no scale; Keras's momentum 0.99 (0.01 here) and epsilon."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.01)
        self.register_parameter("weight", None)


def _conv(
    inputs: int, outputs: int, kernel: int | tuple[int, int] = 1, stride: int = 1, **options: Any
) -> nn.Module:
    """Bias-free convolution with TensorFlow's `same` padding: at stride 2 only right and bottom are padded."""
    if stride == 1:
        return nn.Conv2d(inputs, outputs, kernel, padding="same", bias=False, **options)
    return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(inputs, outputs, kernel, stride, bias=False))


def _cb(inputs: int, outputs: int, kernel: int | tuple[int, int] = 1) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, outputs, kernel), ShiftNorm(outputs))


def _cba(inputs: int, outputs: int, kernel: int | tuple[int, int] = 1, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, outputs, kernel, stride), ShiftNorm(outputs), nn.ReLU(inplace=True))


def _acb(inputs: int, outputs: int, kernel: int | tuple[int, int] = 1, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), _conv(inputs, outputs, kernel, stride), ShiftNorm(outputs))


def _separable(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """ReLU, depthwise and pointwise convolution with nothing between, batch norm."""
    return nn.Sequential(
        nn.ReLU(), _conv(inputs, inputs, kernel, groups=inputs), _conv(inputs, outputs), ShiftNorm(outputs)
    )


class _SeparableResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.shortcut = nn.Identity() if inputs == outputs else _acb(inputs, outputs)
        # Fewer outputs than inputs: reduce before the expensive kernel.
        self.reduce = _acb(inputs, outputs) if outputs < inputs else nn.Identity()
        self.body = _separable(min(inputs, outputs), outputs, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.body(self.reduce(x))  # type: ignore[no-any-return]


class _Stem(nn.Module):
    """Images to (B, width, H/8, W/8)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.entry = nn.Sequential(_cba(3, 32, 3, stride=2), _cba(32, 32, 3), _cba(32, 64, 3))
        self.halve = _cba(64, 96, 3, stride=2)
        self.short = nn.Sequential(_cba(160, 64), _cb(64, 96, 3))
        self.long = nn.Sequential(_cba(160, 64), _cba(64, 64, (5, 1)), _cba(64, 64, (1, 5)), _cb(64, 96, 3))
        self.halve_again = _acb(192, 192, 3, stride=2)
        self.exit = _SeparableResidual(384, width, 3)
        # Rounding up gives `same` padding on even sizes: the last window overhangs at right and bottom.
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.entry(x)
        x = cat([self.halve(x), self.pool(x)], dim=1)
        x = cat([self.short(x), self.long(x)], dim=1)
        x = cat([self.halve_again(x), functional.max_pool2d(x, 2)], dim=1)
        return self.exit(x)  # type: ignore[no-any-return]


class _PredictionBlock(nn.Module):
    """Features (B, C, h, w) to maps (B, M, h, w) and the next block's features (None after the last)."""

    def __init__(self, width: int, maps: int, last: bool, kernel: int = 5) -> None:
        super().__init__()
        half = width // 2
        self.at_full = _SeparableResidual(width, width, kernel)
        self.to_half = nn.Sequential(_acb(width, half), _SeparableResidual(half, half, kernel))
        self.at_half = _SeparableResidual(half, half, kernel)
        self.at_quarter = nn.Sequential(*(_SeparableResidual(half, half, kernel) for _ in range(3)))
        self.from_half = _SeparableResidual(half, width, kernel)
        self.features = _separable(width, width, kernel)
        self.maps = nn.Sequential(nn.ReLU(), _conv(width, maps))
        self.back = None if last else _acb(maps, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        low = self.to_half(functional.max_pool2d(x, 2))
        lowest = self.at_quarter(functional.max_pool2d(low, 2))
        low = self.from_half(self.at_half(low) + _twice(lowest))
        x = self.at_full(x) + _twice(low)
        features = self.features(x)
        maps = self.maps(features)
        return maps, None if self.back is None else x + features + self.back(maps)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")
