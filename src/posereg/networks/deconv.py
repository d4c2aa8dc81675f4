"""Networks of integral regression (sections 3 and 4, Figure 1; docs/papers/integral.md#architecture).

`HeatmapNet`: trunk, deconvolutions, one map per joint (H1-H3, I1-I3, I*). `RegressionNet`: trunk, average pool,
coordinates (R1). `MultiStageNet`: one stem, S copies of conv4, conv5 and head, each fed the maps before it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from posereg.errors import UserError
from posereg.networks.backbone import channels
from posereg.settings.ranges import Annotated, Channels, Count, Interval

Deconvolutions = Annotated[int, Interval(ge=0, le=5)]  # 5 give maps of the input's size


def deconv_head(inputs: int, outputs: int, layers: int = 2, width: int = 256) -> nn.Sequential:
    """`layers` of 4x4 stride-2 deconvolution, BN, ReLU, then a 1x1 convolution; weights N(0, 0.001)."""
    modules: list[nn.Module] = []
    for k in range(layers):
        modules += [
            nn.ConvTranspose2d(inputs if k == 0 else width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
    modules.append(nn.Conv2d(width if layers else inputs, outputs, 1))
    for module in modules:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return nn.Sequential(*modules)


class HeatmapNet(nn.Module):
    """Images (B, 3, H, W) to a list of one map tensor (B, K, H/s, W/s), s = 32 / 2^layers."""

    def __init__(
        self,
        backbone: nn.Module,
        joints: Count,
        deconv_layers: Deconvolutions = 2,
        deconv_width: Channels = 256,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = deconv_head(channels(backbone)[-1], joints, deconv_layers, deconv_width)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to a list of one map tensor."""
        return [self.head(self.backbone(images)[-1])]


class RegressionNet(nn.Module):
    """Images (B, 3, H, W) to normalised coordinates (B, K, D): global average pool and one linear layer."""

    def __init__(self, backbone: nn.Module, joints: Count, dimensions: Literal[2, 3] = 2) -> None:
        super().__init__()
        self.backbone = backbone
        self.joints = joints
        self.fc = nn.Linear(channels(backbone)[-1], joints * dimensions)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) to coordinates (B, K, D)."""
        pooled = self.backbone(images)[-1].mean((2, 3))
        return self.fc(pooled).unflatten(1, (self.joints, -1))  # type: ignore[no-any-return]


class MultiStageNet(nn.Module):
    """Images to a list of S map tensors. The trunk must be a timm ResNet (conv1, layer1 ... layer4).

    Stage i sees conv3's features and, from the second on, the raw maps of the stage before. Each stage starts
    from the trunk's conv4 and conv5; the extra input channels start at N(0, 0.001).
    """

    def __init__(
        self,
        backbone: nn.Module,
        joints: Count,
        stages: Annotated[int, Interval(ge=1, le=16)] = 2,
        deconv_layers: Deconvolutions = 2,
        deconv_width: Channels = 256,
    ) -> None:
        super().__init__()
        parts = dict(backbone.named_children())
        if not {"conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4"} <= parts.keys():
            raise UserError("method.network: the multi-stage network needs a ResNet backbone")
        width = channels(backbone)
        self.stem = nn.Sequential(
            *(parts[k] for k in ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2"))
        )
        self.trunks = nn.ModuleList()
        self.heads = nn.ModuleList()
        for stage in range(stages):
            first = copy.deepcopy(parts["layer3"])
            if stage > 0:
                _widen_inputs(first[0], joints)  # type: ignore[index]
            self.trunks.append(nn.Sequential(first, copy.deepcopy(parts["layer4"])))
            self.heads.append(deconv_head(width[-1], joints, deconv_layers, deconv_width))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) to the maps of every stage, first to last."""
        shared = self.stem(images)
        maps: list[Tensor] = []
        for trunk, head in zip(self.trunks, self.heads, strict=True):
            if maps and maps[-1].shape[-2:] != shared.shape[-2:]:
                # Three deconvolutions give finer maps than conv3's features.
                feed = nn.functional.interpolate(maps[-1], size=shared.shape[-2:], mode="bilinear")
            else:
                feed = maps[-1] if maps else shared[:, :0]
            maps.append(head(trunk(torch.cat([shared, feed], dim=1))))
        return maps


def _widen_inputs(block: nn.Module, extra: int) -> None:
    """Give a residual block's input convolutions `extra` more channels, keeping the weights of the known ones."""
    for owner, name in _input_convolutions(block):
        old: nn.Conv2d = getattr(owner, name) if not name.isdigit() else owner[int(name)]  # type: ignore[index]
        new = nn.Conv2d(
            old.in_channels + extra,
            old.out_channels,
            old.kernel_size,  # type: ignore[arg-type]
            stride=old.stride,  # type: ignore[arg-type]
            padding=old.padding,  # type: ignore[arg-type]
            bias=False,
        )
        nn.init.normal_(new.weight, std=0.001)
        with torch.no_grad():
            new.weight[:, : old.in_channels] = old.weight
        if name.isdigit():
            owner[int(name)] = new  # type: ignore[operator]
        else:
            setattr(owner, name, new)


def _input_convolutions(block: nn.Module) -> Sequence[tuple[nn.Module, str]]:
    convolutions: list[tuple[nn.Module, str]] = [(block, "conv1")]
    downsample: nn.Module = block.downsample  # type: ignore[assignment]
    for name, module in downsample.named_children():
        if isinstance(module, nn.Conv2d):
            convolutions.append((downsample, name))
    return convolutions
