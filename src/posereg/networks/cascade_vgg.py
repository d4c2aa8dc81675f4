"""VGG cascade: FCN-8s part detector and large-kernel regressor (section 3.1; docs/papers/cascade.md#vgg)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from posereg.errors import UserError
from posereg.networks.weights import read_tensors
from posereg.settings.ranges import Annotated, Channels, Count, Interval, Len

# Channels of the 3x3 convolutions of VGG-16's five stages (A1 to A5).
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

OddKernel = Literal[1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25]  # an even one would shift the map
Dropout = Annotated[float, Interval(ge=0, lt=1)]


class VGGDetector(nn.Module):
    """VGG-16 as FCN-8s: images (B, 3, H, W) of any size to part maps (B, K, H, W), raw (before the sigmoid).

    The paper refers to FCN-8s (Long et al. 2015) for the skips: 1x1 scores on the third and fourth pooled
    features, joined by bilinear upsampling. Pools round up, so a 380 px image gives 12x12 features of stride
    32; upsampled maps are cropped at right and bottom, which keeps cell j of stride s over pixels s*j.

    Args:
        joints: K.
        a5_kernel: Table 1 prints 1x1 convolutions in A5, a misprint: VGG-16 has 3x3 there, which its weights
            need. 1 builds it as printed (A5 then starts untrained).
        fc_channels: width of A6 and A7 (4096).
        dropout: after A6 and A7, as in FCN.
        pretrained: ImageNet weights of torchvision's VGG-16, downloaded once and cached.
        weights: a local file in torchvision's VGG-16 naming; the classifier's first two layers become A6, A7.

    Raises:
        UserError: the weights cannot be downloaded or read, or do not fit.
    """

    input_multiple = 4

    def __init__(
        self,
        joints: Count = 16,
        a5_kernel: OddKernel = 3,
        fc_channels: Channels = 4096,
        dropout: Dropout = 0.5,
        pretrained: bool = False,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for number, widths in enumerate(STAGES):
            kernel = a5_kernel if number == 4 else 3
            for width in widths:
                layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
                channels = width
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers)  # torchvision's names
        self.classifier = nn.Sequential(
            nn.Conv2d(512, fc_channels, 7, padding=3),  # A6
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(fc_channels, fc_channels, 1),  # A7
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        self.score32 = nn.Conv2d(fc_channels, joints, 1)  # A8
        self.score16 = nn.Conv2d(512, joints, 1)
        self.score8 = nn.Conv2d(256, joints, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        for score in (self.score32, self.score16, self.score8):
            nn.init.zeros_(score.weight)
        if weights:
            self._load(read_tensors(weights, "detector.weights"), Path(weights).name)
        elif pretrained:
            self._load(_download(), "VGG-16 ImageNet weights")

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) to raw part maps (B, K, H, W)."""
        pooled = []
        x = images
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pooled.append(x)
        score8, score16 = self.score8(pooled[2]), self.score16(pooled[3])
        maps = self.score32(self.classifier(pooled[4]))
        maps = score16 + _upsampled(maps, 2, score16)
        maps = score8 + _upsampled(maps, 2, score8)
        return _upsampled(maps, 8, images)  # A9

    def _load(self, tensors: dict[str, Tensor], source: str) -> None:
        own = self.state_dict()
        fitting = {}
        for name, value in tensors.items():
            # The classifier is linear in the file: 4096 x 25088 is a 7x7 convolution of 512 channels.
            if name in own and value.numel() == own[name].numel():
                fitting[name] = value.reshape(own[name].shape).to(own[name].dtype)
        if not any(name.startswith("features.") for name in fitting):
            raise UserError(
                f"detector.weights: nothing in {source} fits VGG-16 (wanted e.g. 'features.0.weight'; the file "
                f"has '{next(iter(tensors), 'nothing')}')"
            )
        self.load_state_dict(fitting, strict=False)
        unused = len(tensors) - len(fitting)
        print(
            f"{source}: loaded {len(fitting)} tensors, {len(own) - len(fitting)} missing (new layers among "
            f"them), {unused} unused"
        )


class VGGRegressor(nn.Module):
    """Maps stacked on the image (B, K + 3, H, W) to confidence maps (B, K, H, W), H and W divisible by 4.

    C1 to C7 of Table 2 have stride 1 and no pooling is listed, yet the stride-4 deconvolution C8 restores the
    input's size only after a stride of 4: 2x2 pools follow C1 and C2. The text gives the large kernels as 7
    to 15, Table 2 as 9 to 15; the table is the default. All layers start from N(0, 0.01) as in the paper.

    Args:
        joints: K.
        kernels: sizes of C1 to C4.
        channels: widths of C1 to C6.
    """

    input_multiple = 4

    def __init__(
        self,
        joints: Count = 16,
        kernels: tuple[OddKernel, OddKernel, OddKernel, OddKernel] = (9, 13, 13, 15),
        channels: Annotated[Sequence[Channels], Len(6, 6)] = (64, 64, 128, 256, 512, 512),
    ) -> None:
        super().__init__()
        sizes = (*kernels, 1, 1)
        layers: list[nn.Module] = []
        for number, ((inputs, outputs), kernel) in enumerate(
            zip(pairwise((joints + 3, *channels)), sizes, strict=True)
        ):
            layers += [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
            if number < 2:
                layers.append(nn.MaxPool2d(2))
        layers.append(nn.Conv2d(channels[-1], joints, 1))  # C7
        layers.append(nn.ConvTranspose2d(joints, joints, 8, stride=4, padding=2))  # C8
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Stacked maps and image (B, K + 3, H, W) to confidence maps (B, K, H, W)."""
        return self.layers(x)  # type: ignore[no-any-return]


def _upsampled(maps: Tensor, factor: int, like: Tensor) -> Tensor:
    height, width = like.shape[-2:]
    finer = functional.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    return finer[..., :height, :width]


def _download() -> dict[str, Tensor]:
    from torchvision.models import VGG16_Weights

    try:
        state: dict[str, Tensor] = torch.hub.load_state_dict_from_url(
            VGG16_Weights.IMAGENET1K_V1.url, map_location="cpu", weights_only=True
        )
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"detector: the VGG-16 weights could not be downloaded ({type(error).__name__}); give a local file "
            "with weights=FILE, or train from scratch with pretrained=false"
        ) from error
    return state
