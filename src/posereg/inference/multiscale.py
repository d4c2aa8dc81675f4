"""Bottom-up testing of whole images: any aspect ratio, flip, several scales (ART paper, section 4.1).

Sizes and fusion follow the released code (docs/papers/art.md#inference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

from posereg.codecs.art_maps import Compat, Maps
from posereg.geometry.pixels import Convention, cell_offset, cell_to_pixel
from posereg.inference.grouping import Grouping, Heat, Poses, Proposals, group, pool, propose
from posereg.inference.refine import refine

Network = Callable[[Tensor], Maps]


def forward(
    network: Network,
    images: Tensor,
    flip_order: Tensor | None = None,
    convention: Convention = "center",
    compat: Compat = "paper",
) -> Maps:
    """The network's maps, averaged with those of the mirrored images if `flip_order` (K,) is given.

    Averaging mirrored offsets is averaging mirrored poses. In the corner convention cells of a mirrored image
    lie stride - 1 pixels off, so it is shifted left by as much, for each stride anew.
    """
    maps = _fused_branches(network(images), compat)
    if flip_order is None:
        return maps
    mirrored = images.flip(-1)
    other = _fused_branches(network(mirrored if convention == "center" else _shift_left(mirrored, 3)), compat)
    fine = other.fine
    if fine is not None and convention == "corner":
        fine = network(_shift_left(mirrored, 1)).fine
    sign = images.new_tensor((-1.0, 1.0)).view(2, 1, 1)
    heat = other.heatmaps.flip(-1)[:, flip_order]
    heatmaps = (maps.heatmaps + heat) / 2
    return Maps(
        heatmaps,
        heatmaps.unsqueeze(1),
        (maps.centers + other.centers.flip(-1)) / 2,
        (maps.offsets + other.offsets.flip(-1)[:, flip_order] * sign) / 2,
        None if maps.fine is None or fine is None else (maps.fine + fine.flip(-1)[:, flip_order]) / 2,
    )


def _shift_left(images: Tensor, pixels: int) -> Tensor:
    return F.pad(images[..., pixels:], (0, pixels))


def _fused_branches(maps: Maps, compat: Compat) -> Maps:
    """HrHRNet's released code takes the branches' maximum at test time; everywhere else it is the mean."""
    if compat == "released" and maps.fine is not None:
        return maps._replace(heatmaps=maps.branches.amax(1))
    return maps


def enlarge(maps: Tensor, factor: int, convention: Convention = "center") -> Tensor:
    """Maps (B, C, h, w) bilinearly to (B, C, factor h, factor w), every cell staying where the convention puts
    it."""
    if factor == 1:
        return maps
    if convention == "center":
        return F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    h, w = maps.shape[-2:]
    size = (factor * (h - 1) + 1, factor * (w - 1) + 1)
    grown = F.interpolate(maps, size=size, mode="bilinear", align_corners=True)
    return F.pad(grown, (0, factor - 1, 0, factor - 1), mode="replicate")


def heat_of(maps: Maps, convention: Convention = "center") -> tuple[Tensor, int]:
    """Heat maps (B, K, h, w) to find candidates on, and their stride: HrHRNet's two resolutions averaged."""
    if maps.fine is None:
        return maps.heatmaps, 4
    return (enlarge(maps.heatmaps, 2, convention) + maps.fine) / 2, 2


def heat_and_proposals(
    network: Network,
    images: Mapping[float, Tensor],
    settings: Grouping,
    flip_order: Tensor | None = None,
    convention: Convention = "center",
) -> list[tuple[Heat, Proposals]]:
    """Heat maps and pose proposals of each image of a batch, all scales together, in pixels at scale 1.

    Args:
        images: normalised inputs (B, 3, H, W) by scale; sizes as `inference_size` gives them. Scale 1 is needed.
        flip_order: average with the mirrored images.
    """
    size = images[1.0].shape[-2:]
    every: list[list[tuple[float, Proposals]]] = [[] for _ in range(len(images[1.0]))]
    heats: list[tuple[Tensor, float]] = []
    for scale, inputs in images.items():
        maps = forward(network, inputs, flip_order, convention, settings.compat)
        heat, cell = heat_of(maps, convention)
        heats.append((heat, cell / scale))
        for i, proposals in enumerate(every):
            at, origin = 4 / scale, _origin(4, scale, convention)
            proposed = propose(
                maps.centers[i, 0].float(), maps.offsets[i].float(), at, origin, settings.poses
            )
            proposals.append((scale, proposed))
    several = len(heats) > 1
    fused = _mean(heats, size, convention) if several else heats[0][0].float()
    stride = 1.0 if several else heats[0][1]  # a scale alone is scale 1
    origin = cell_offset(stride, convention)
    return [(Heat(fused[i], stride, origin), pool(proposed, settings)) for i, proposed in enumerate(every)]


def people(heat: Heat, proposals: Proposals, settings: Grouping) -> Poses:
    """Grouped, and refined if the settings say so; best first by centre."""
    poses = group(heat, proposals, settings)
    return refine(heat, poses) if settings.refine else poses


def as_proposals(poses: Tensor) -> Proposals:
    """Poses (M, K, 2) as cues of full confidence. With the annotated people of an image, grouping by them gives the
    "heatmap quality" of Table 4; with `fallback=False`, or keypoints that the heat maps miss would be right."""
    return Proposals(poses, poses.new_ones(len(poses)))


def _origin(stride: int, scale: float, convention: Convention) -> float:
    """Pixel at scale 1 of cell 0 of a map of the image resized by `scale`."""
    return float(cell_to_pixel(cell_offset(stride, convention), 1 / scale, convention))


def _mean(heats: Sequence[tuple[Tensor, float]], size: torch.Size, convention: Convention) -> Tensor:
    """The mean (B, K, H, W) of maps and their whole strides at the input's resolution; on a CPU one map after the
    other, which its caches hold."""
    for maps, stride in heats:
        if [round(stride) * cells for cells in maps.shape[-2:]] != list(size):
            raise ValueError(
                f"maps {tuple(maps.shape)} of stride {stride} do not fit the input {tuple(size)}"
            )
    first, _ = heats[0]
    mean = first.new_empty((*first.shape[:2], *size), dtype=torch.float32)
    grow = (
        _enlarge_on_cpu
        if first.is_cpu and convention == "center"
        else partial(enlarge, convention=convention)
    )
    step = 1 if first.is_cpu else first.shape[1]
    for k in range(0, first.shape[1], step):
        grown = (grow(maps[:, k : k + step].float(), round(stride)) for maps, stride in heats)
        torch.div(reduce(torch.add, grown), len(heats), out=mean[:, k : k + step])
    return mean


def _enlarge_on_cpu(maps: Tensor, factor: int) -> Tensor:
    """As `enlarge` in the `center` convention, to a float's rounding, in an eighth of the time."""
    h, w = maps.shape[-2:]
    grown = maps.new_empty((*maps.shape[:2], factor * h, factor * w))
    for one, out in zip(maps.flatten(0, 1).numpy(), grown.flatten(0, 1).numpy(), strict=True):
        cv2.resize(one, (factor * w, factor * h), dst=out, interpolation=cv2.INTER_LINEAR)
    return grown
