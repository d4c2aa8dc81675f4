"""From bottom-up maps to people: candidates, pose proposals, absorption, naive scores.

ART paper, section 3.2; docs/papers/art.md#grouping.

One image at a time, on whatever device its maps are, without a loop over people or keypoints. Everything is in
pixels of the network input (at scale 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from posereg.codecs.art_maps import Compat
from posereg.settings.ranges import Count, NotNegative, Share, Whole


@dataclass(frozen=True)
class Grouping:
    """Settings; distances in input pixels (ART paper, section 3.2; the pose NMS is the released code's).

    Attributes:
        candidates, poses: how many of each are kept, by heat value.
        keypoint_threshold: candidates below are removed; `released` lets them absorb with a value of 0.
        center_threshold: proposals below are dropped.
        absorb: a proposal's keypoint moves to the nearest candidate of its type within this distance; 0 leaves
            the regressed pose (the "regression quality" of Table 4).
        nms_distance, nms_keypoints: two poses with more than so many keypoints closer than that are one.
        fallback: a keypoint that absorbs nothing stays where it was regressed. False: it is lost, its heat 0 and its
            place far outside the image.
        refine: fit a Gaussian around keypoints scored above 0.05 (the code's; the paper does not).
    """

    candidates: Count = 30
    poses: Count = 30
    keypoint_threshold: Share = 0.01
    center_threshold: Share = 0.01
    absorb: NotNegative = 75.0
    nms_distance: NotNegative = 10.0
    nms_keypoints: Whole = 10
    fallback: bool = True
    refine: bool = False
    compat: Compat = "paper"


LOST = -10_000.0
CACHED = 2**16  # cells of a map


class Heat(NamedTuple):
    """Keypoint heat maps (K, h, w) of an image; cell j stands for input pixel stride * j + origin."""

    maps: Tensor
    stride: float
    origin: float


class Proposals(NamedTuple):
    """M regressed poses (M, K, 2), the keypoints' cues, and their centres' heat values (M,), best first."""

    poses: Tensor
    centers: Tensor


class Poses(NamedTuple):
    """M people: keypoints (M, K, 2), their heat values (M, K), the centres' (M,)."""

    keypoints: Tensor
    heat: Tensor
    centers: Tensor

    @property
    def keypoint_scores(self) -> Tensor:
        """(M, K): heat value times centre."""
        return self.heat * self.centers.unsqueeze(1)

    @property
    def scores(self) -> Tensor:
        """(M,): the paper's naive score, (1/K) sum_k h_k(p_k) o(p)."""
        return self.keypoint_scores.mean(1)


def group(heat: Heat, proposals: Proposals, settings: Grouping) -> Poses:
    """Duplicate proposals dropped, the others' keypoints moved to the candidates that they absorb."""
    proposals = pose_nms(proposals, settings)
    regressed = proposals.poses
    values = _regressed_heat(heat, regressed, settings.compat)
    if settings.absorb <= 0:
        return Poses(regressed, values, proposals.centers)
    peaks, places = candidates(heat, settings.candidates)
    weak = peaks < settings.keypoint_threshold
    # (K, M, N): every proposal's keypoint to every candidate of its type.
    distance = (regressed.transpose(0, 1).unsqueeze(2) - places.unsqueeze(1)).square().sum(-1).sqrt()
    if settings.compat == "paper":
        distance = distance.masked_fill(weak.unsqueeze(1), torch.inf)
    distance = distance.masked_fill(peaks.isinf().unsqueeze(1), torch.inf)
    nearest, which = distance.min(-1)
    taken = (nearest < settings.absorb).t()
    each = torch.arange(len(places), device=places.device).unsqueeze(1)
    if not settings.fallback:
        regressed, values = torch.full_like(regressed, LOST), torch.zeros_like(values)
    keypoints = torch.where(taken.unsqueeze(-1), places[each, which].transpose(0, 1), regressed)
    absorbed = peaks.masked_fill(weak, 0)[each, which].t()
    return Poses(keypoints, torch.where(taken, absorbed, values), proposals.centers)


def candidates(heat: Heat, count: int, radius: float = 2.0) -> tuple[Tensor, Tensor]:
    """The highest local maxima of each map as at input resolution: values (K, N) and pixels (K, N, 2).

    A bilinear surface has its maxima at its cells, so a search over all input pixels in a window of `radius`
    to each side (5x5) finds just the cells that top the surface within the window: no map is enlarged.
    Places that a map does not have are -inf.
    """
    maps, stride, origin = heat
    reach, width = radius / stride, maps.shape[-1]
    # A CPU's caches hold one large map and what is made of it, but not those of all keypoints.
    parts = torch.split(maps, 1) if maps.is_cpu and maps[0].numel() > CACHED else (maps,)
    found = [_highest(part, reach, count) for part in parts]
    values, cells = (torch.cat(each) for each in zip(*found, strict=True))
    return values, torch.stack([cells % width, cells // width], dim=-1) * stride + origin


def _highest(maps: Tensor, reach: float, count: int) -> tuple[Tensor, Tensor]:
    """Values (K, N) and flat cells (K, N) of the highest local maxima within `reach` cells."""
    peak = _tops_surface(maps, reach) if reach <= 1 else maps >= window_max(maps, round(reach))
    if maps.is_cpu and len(maps) == 1:
        # Among the maxima alone: a sort of the whole map would cost as much as finding them. (Torch's `nonzero` takes
        # five times as long.)
        cells = torch.from_numpy(np.flatnonzero(peak.numpy()))
        if len(cells) >= count:
            values, best = maps.flatten()[cells].topk(count)
            return values.unsqueeze(0), cells[best].unsqueeze(0)
    peaks = maps.masked_fill(~peak, -torch.inf).flatten(1)
    values, cells = peaks.topk(min(count, peaks.shape[1]), dim=1)
    return values, cells


def _tops_surface(maps: Tensor, reach: float) -> Tensor:
    """Cells not below the bilinear surface anywhere within `reach` <= 1 cells along both axes."""
    around = F.pad(maps, (1, 1, 1, 1), value=-torch.inf)
    h, w = maps.shape[-2:]

    def shifted(dy: int, dx: int) -> Tensor:
        return around[:, 1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w]

    sides_x, sides_y = (shifted(0, -1), shifted(0, 1)), (shifted(-1, 0), shifted(1, 0))
    sides = torch.maximum(torch.maximum(*sides_x), torch.maximum(*sides_y))
    top = maps >= sides
    # On a patch of the surface the largest value within a box is at one of the box's corners.
    bound = (2 - reach) * maps
    for dy, beside_y in zip((-1, 1), sides_y, strict=True):
        for dx, beside_x in zip((-1, 1), sides_x, strict=True):
            corner = shifted(dy, dx) * reach
            if reach < 1:
                corner = corner + (1 - reach) * (beside_x + beside_y)
            top &= corner <= bound
    return top


def window_max(maps: Tensor, radius: int) -> Tensor:
    """Maximum over (2 radius + 1)^2 windows, cut off at the border; maps (..., h, w)."""
    return by_dilation(maps, radius) if maps.is_cpu else by_shifts(maps, radius)


def by_dilation(maps: Tensor, radius: int) -> Tensor:
    """`window_max` on a CPU, one map after the other."""
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    largest = torch.empty_like(maps, memory_format=torch.contiguous_format)
    every = (tensor.reshape(-1, *maps.shape[-2:]).numpy() for tensor in (maps, largest))
    for one, out in zip(*every, strict=True):
        cv2.dilate(one, square, dst=out)
    return largest


def by_shifts(maps: Tensor, radius: int) -> Tensor:
    """`window_max` on any device, all maps at once."""
    for dim in (-1, -2):
        size = maps.shape[dim]
        largest = maps.clone()
        for step in range(1, min(radius, size - 1) + 1):
            ahead, behind = largest.narrow(dim, 0, size - step), largest.narrow(dim, step, size - step)
            torch.maximum(ahead, maps.narrow(dim, step, size - step), out=ahead)
            torch.maximum(behind, maps.narrow(dim, 0, size - step), out=behind)
        maps = largest
    return maps


def propose(centers: Tensor, offsets: Tensor, stride: float, origin: float, count: int = 30) -> Proposals:
    """Pose proposals at the local maxima of the centre map.

    Args:
        centers: (h, w); offsets: (K, 2, h, w) keypoint minus cell, in cells.
        stride, origin: cell j stands for input pixel stride * j + origin.
        count: the most proposals. The window is 3x3 cells, 5x5 and 7x7 for maps of mean side above 200 and 300.
    """
    h, w = centers.shape
    side = (h + w) / 2
    radius = 3 if side > 300 else 2 if side > 200 else 1
    peak = centers >= window_max(centers, radius)
    values, cells = centers.masked_fill(~peak, -torch.inf).flatten().topk(min(count, h * w))
    here = torch.stack([cells % w, cells // w], dim=-1)
    poses = offsets.flatten(2)[:, :, cells].permute(2, 0, 1) + here.unsqueeze(1)
    real = ~values.isinf()
    return Proposals((poses * stride + origin)[real], values[real])


def pool(scales: Sequence[tuple[float, Proposals]], settings: Grouping) -> Proposals:
    """Proposals of several scales as one list; scale 1 always outranks the others (docs/papers/art.md#grouping).

    Args:
        scales: (scale, its proposals in pixels at scale 1).
    """
    main = next((proposals for scale, proposals in scales if scale == 1), scales[0][1])
    poses, centers = [], []
    for _, proposals in scales:
        values = proposals.centers
        if proposals is not main and len(values) and len(main.centers):
            values = values * (main.centers[0] / values[0].clamp(min=1e-12)) * 0.001
        threshold = settings.center_threshold * (1 if proposals is main else 0.001)
        good = values > threshold
        poses.append(proposals.poses[good])
        centers.append(values[good])
    values, order = torch.cat(centers).sort(descending=True, stable=True)
    return Proposals(torch.cat(poses)[order], values)


def pose_nms(proposals: Proposals, settings: Grouping) -> Proposals:
    """Of poses that nearly coincide the one with the higher centre; at most `settings.poses`.

    Args:
        proposals: best first.
    """
    poses = proposals.poses
    close = (poses.unsqueeze(1) - poses).square().sum(-1) < settings.nms_distance**2
    beaten_by = (close.sum(-1) > settings.nms_keypoints).tril(-1)
    keep = torch.ones(len(poses), dtype=torch.bool, device=poses.device)
    # A pose is dropped by a kept one only. Each round settles at least one more link of a chain of duplicates.
    for _ in range(len(poses)):
        again = ~(beaten_by & keep).any(1)
        if torch.equal(again, keep):
            break
        keep = again
    rows = keep.nonzero().squeeze(1)[: settings.poses]
    return Proposals(poses[rows], proposals.centers[rows])


def surface(heat: Heat, points: Tensor) -> Tensor:
    """The bilinear heat surface (N, K) at pixels (N, K, 2), or (N, K, S) at (N, K, S, 2), one map per keypoint;
    constant beyond the outer cells."""
    maps, stride, origin = heat
    k, h, w = maps.shape
    cells = (points - origin) / stride
    x, y = cells[..., 0].clamp(0, w - 1), cells[..., 1].clamp(0, h - 1)
    left, top = x.floor().long().clamp(max=max(w - 2, 0)), y.floor().long().clamp(max=max(h - 2, 0))
    fx, fy = x - left, y - top
    base = torch.arange(k, device=maps.device).view(-1, *(1,) * (points.dim() - 3)) * (h * w)
    first = base + top * w + left
    right, below = int(w > 1), w * int(h > 1)
    flat = maps.reshape(-1)
    upper = flat[first] * (1 - fx) + flat[first + right] * fx
    lower = flat[first + below] * (1 - fx) + flat[first + below + right] * fx
    return upper * (1 - fy) + lower * fy


def _regressed_heat(heat: Heat, poses: Tensor, compat: Compat) -> Tensor:
    """Heat values (M, K) of keypoints that absorb nothing."""
    if compat == "paper":
        return surface(heat, poses)
    # The released code truncates to pixels and then takes x for the row and y for the column.
    _, h, w = heat.maps.shape
    limit = poses.new_tensor((h, w)) * heat.stride - 1
    swapped = torch.minimum(poses.trunc().clamp(min=0), limit).flip(-1)
    return surface(heat, swapped)
