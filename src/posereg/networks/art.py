"""Bottom-up network: heat maps guide a pixel-wise regression with adaptive representations (ART paper).

What the paper leaves out: docs/papers/art.md#architecture.

Layer sizes are the released code's where the paper is silent.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from posereg.codecs.art_maps import Compat, Maps
from posereg.networks.adaptive import AdaptiveConv2d, ARTBlock, Init
from posereg.networks.complexity import Complexity
from posereg.networks.complexity import complexity as count
from posereg.networks.hrnet import HRNetTrunk
from posereg.settings.ranges import Annotated, Channels, Count, Interval, Len

Dilation = Annotated[int, Interval(ge=1, le=16)]


class ARTNet(nn.Module):
    """HRNet trunk, heat-map head, heat-map-guided regression head (ART paper, section 3.1, Figure 2).

    Args:
        backbone: the trunk.
        keypoints: K.
        guidance: feed the mean heat map to the regression head (Table 4, column 1).
        adaptive: adaptive convolutions, else ordinary ones (Table 4, column 3).
        dilations: one heat-map branch each; their kernels are shared.
        init: start of the adaptive matrices.
        high_resolution: also estimate heat maps at half the input (HrHRNet).
        width: channels of the heat-map head, the trunk's first branch's when None.
        regression_width: channels of the regression head.
        compat: `released` gives the batch norm before the branches the momentum of that code's three passes
            over it per step (HRNet only).
    """

    def __init__(
        self,
        backbone: HRNetTrunk,
        keypoints: Count = 17,
        guidance: bool = True,
        adaptive: bool = True,
        dilations: Annotated[Sequence[Dilation], Len(1)] = (1, 2, 3),
        init: Init = "zero",
        high_resolution: bool = False,
        width: Channels | None = None,
        regression_width: Channels = 256,
        compat: Compat = "paper",
    ) -> None:
        super().__init__()
        self.keypoints, self.guidance = keypoints, guidance
        self.trunk = backbone
        features = self.trunk.channels
        width = width or self.trunk.width

        self.to_heat = _conv_bn(features, width)
        self.branches = nn.ModuleList(ARTBlock(width, d, adaptive, init) for d in dilations)
        for branch in self.branches[1:]:
            branch.share_weights(self.branches[0])  # type: ignore[operator]
        self.heat = nn.Conv2d(width, keypoints, 1)

        self.to_regression = _conv_bn(features + keypoints * guidance, regression_width)
        self.regression_block = ARTBlock(regression_width, 1, adaptive, init)
        self.regression = nn.Conv2d(regression_width, 2 * keypoints + 1, 1)

        self.deconv: nn.Module | None = None
        self.fine_block: nn.Module | None = None
        self.fine_heat: nn.Module | None = None
        if high_resolution:
            deconv = nn.ConvTranspose2d(width + keypoints, width, 4, stride=2, padding=1, bias=False)
            self.deconv = nn.Sequential(deconv, nn.BatchNorm2d(width), nn.ReLU(inplace=True))
            self.fine_block = ARTBlock(width, adaptive=False)
            self.fine_heat = nn.Conv2d(width, keypoints, 1)

        for name, module in self.named_modules():
            if name.startswith("trunk.") or name.endswith(".transform"):
                continue
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.001)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        passes = len(dilations) if compat == "released" and not high_resolution else 1
        norm: nn.BatchNorm2d = self.to_heat[1]  # type: ignore[assignment]
        norm.momentum = 1 - (1 - 0.1) ** passes

    def forward(self, images: Tensor) -> Maps:
        """(B, 3, H, W) normalised, H and W multiples of 32 -> Maps."""
        features = self.trunk(images)
        shared = self.to_heat(features)
        branches = torch.stack([self.heat(branch(shared)) for branch in self.branches], dim=1)
        heatmaps = branches.mean(dim=1)

        guided = torch.cat([features, heatmaps], dim=1) if self.guidance else features
        regressed = self.regression(self.regression_block(self.to_regression(guided)))
        offsets, centers = regressed.split((2 * self.keypoints, 1), dim=1)

        fine = None
        if self.deconv is not None and self.fine_block is not None and self.fine_heat is not None:
            fine = self.fine_heat(self.fine_block(self.deconv(torch.cat([shared, heatmaps], dim=1))))
        return Maps(heatmaps, branches, centers, offsets.unflatten(1, (self.keypoints, 2)), fine)

    def regression_taps(self, images: Tensor) -> Tensor:
        """(B, 9, 2, h, w): where the regression head's first adaptive convolution samples, (dy, dx) in cells.

        Raises:
            TypeError: the network has no adaptive convolutions.
        """
        conv = self.regression_block.conv1
        if not isinstance(conv, AdaptiveConv2d):
            raise TypeError("the network was built with adaptive=False")
        features = self.trunk(images)
        if self.guidance:
            shared = self.to_heat(features)
            heatmaps = torch.stack([self.heat(branch(shared)) for branch in self.branches]).mean(dim=0)
            features = torch.cat([features, heatmaps], dim=1)
        return conv.positions(self.to_regression(features))


def _conv_bn(channels: int, out_channels: int) -> nn.Sequential:
    conv = nn.Conv2d(channels, out_channels, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def complexity(net: ARTNet, size: int | tuple[int, int], convention: Compat = "released") -> Complexity:
    """Cost of one image as the released code or the paper counts it (docs/papers/art.md#sizes).

    Deconvolutions count at output resolution. `released` runs the transition to the heat-map head once per
    branch (BU README); `paper` counts one heat-map branch, without the convolutions that predict T (Table 1).

    Args:
        size: side, or (H, W), of the input.
    """
    height, width = (size, size) if isinstance(size, int) else size
    once = count(net, (3, height, width), deconv_at="output")
    cells, more = (height // 4) * (width // 4), len(net.branches) - 1
    if convention == "released":
        # HrHRNet's code runs the transition once.
        passes = more if net.deconv is None else 0
        return once._replace(macs=once.macs + passes * cells * net.to_heat[0].weight.numel())  # type: ignore[operator, union-attr]
    branch: ARTBlock = net.branches[0]  # type: ignore[assignment]
    kernels = transforms = 0
    for conv in (branch.conv1, branch.conv2):
        kernels += conv.weight.numel()
        transforms += conv.transform.weight.numel() if isinstance(conv, AdaptiveConv2d) else 0
    skipped = more * (kernels + transforms + net.heat.weight.numel()) + transforms
    return once._replace(macs=once.macs - cells * skipped)
