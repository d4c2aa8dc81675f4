"""Targets and losses of heat-map-guided bottom-up regression (ART, section 3.1; docs/papers/art.md#targets).

Everything is built on the batch's device for any number of people. Offsets are kept only where there are any,
the few cells around the centres, instead of 2K full maps; on a GPU those that do not count stay, with weight 0.

`compat` chooses where paper and released code differ: `paper` takes the definitions of the paper (one mask per
keypoint type, disc-shaped regions, the closest centre wins, the box diagonal as normaliser, summed losses with
lambda on the centre map too), `released` those of the code (one mask for all, square regions, the smaller person
wins, the root of the area, averaged losses). What the paper leaves open is the code's in both.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from posereg.codecs.art_maps import Compat
from posereg.codecs.constants import filled
from posereg.geometry.pixels import Convention, inside, pixel_to_cell

RADIUS = 4

# What a person's centre is: the mean of the labelled joints, or the middle of the box (the paper's footnote 4).
Center = Literal["joints", "box"]


class Targets(NamedTuple):
    """Targets of a batch; M cells carry offsets.

    Attributes:
        heatmaps: (B, K, h, w), 0 outside the keypoints' windows.
        centers: (B, 1, h, w).
        fine: (B, K, 2h, 2w) or None.
        cells: (M, 3) image, row, column.
        offsets: (M, K, 2) keypoint minus cell, (x, y) in cells.
        weights: (M, K) 1 / size of the person, 0 for joints that are not labelled or outside.
        keep: (B, 1, h, w) bool, False in crowds and unlabelled people; or None.
    """

    heatmaps: Tensor
    centers: Tensor
    fine: Tensor | None
    cells: Tensor
    offsets: Tensor
    weights: Tensor
    keep: Tensor | None


def encode(
    batch: dict[str, Any],
    size: tuple[int, int],
    convention: Convention = "center",
    compat: Compat = "paper",
    fine: bool = False,
    sigma: float = 2.0,
    center_sigma: float = 4.0,
    center: Center = "joints",
) -> Targets:
    """Targets of a bottom-up batch for maps at a quarter of the input.

    Args:
        batch: `keypoints` (B, P, K, 2) input pixels; `visibility` (B, P, K); `areas` (B, P) square input pixels;
            `person_mask` (B, P) bool; optionally `small` (B, P) bool, people without centre and offsets;
            `diagonals` (B, P), of the people's boxes in input pixels; `box_centers` (B, P, 2), which `center: box`
            needs; `ignore`, 1 = ignored, (B, H', W') of any
            size.
        size: (h, w) of the maps.
        fine: also heat maps of twice the size (HrHRNet).
        sigma, center_sigma: of the Gaussians, in cells. The released code used 2 for the centres of CrowdPose.
    """
    people = batch["person_mask"].bool()
    labelled = (batch["visibility"] > 0) & people.unsqueeze(-1)
    joints = pixel_to_cell(batch["keypoints"].float(), 4, convention)
    inside = labelled & _inside(joints, size, convention)
    heatmaps = gaussians(joints.transpose(1, 2), inside.transpose(1, 2), size, sigma)
    fine_maps = None
    if fine:
        twice = (2 * size[0], 2 * size[1])
        finer = pixel_to_cell(batch["keypoints"].float(), 2, convention).transpose(1, 2)
        within = _inside(finer, twice, convention) & labelled.transpose(1, 2)
        fine_maps = gaussians(finer, within, twice, sigma)

    if center == "box":
        middle = pixel_to_cell(batch["box_centers"].float(), 4, convention)
    else:
        middle = person_centers(joints, labelled)
    centered = labelled.any(-1) & _inside(middle, size, convention)
    if "small" in batch:
        centered &= ~batch["small"].bool()
    centers = gaussians(middle.unsqueeze(1), centered.unsqueeze(1), size, center_sigma)

    areas = batch["areas"].float().clamp(min=1)
    if compat == "released":
        person_size = areas.sqrt()
    else:
        # Without boxes: the diagonal of a square of that area.
        person_size = batch["diagonals"].float().clamp(min=1) if "diagonals" in batch else (2 * areas).sqrt()
    cells, person, counts = _regions(middle, centered, areas, size, compat)
    here = cells[:, 1:].flip(1).to(joints.dtype).unsqueeze(2)
    of_person = joints.flatten(0, 1).transpose(1, 2).contiguous().index_select(0, person)
    return Targets(
        heatmaps,
        centers,
        fine_maps,
        cells,
        offsets=(of_person - here).transpose(1, 2),
        weights=(inside / person_size.unsqueeze(-1)).flatten(0, 1).index_select(0, person)
        * counts.unsqueeze(1),
        keep=_keep(batch["ignore"], size) if "ignore" in batch else None,
    )


def person_centers(keypoints: Tensor, labelled: Tensor) -> Tensor:
    """Mean (..., 2) of the labelled (..., K) ones of keypoints (..., K, 2); the origin where there is none.

    The paper averages all K keypoints; those without a label have no place.
    """
    number = labelled.sum(-1, keepdim=True).clamp(min=1)
    return (keypoints * labelled.unsqueeze(-1)).sum(-2) / number


def _inside(points: Tensor, size: tuple[int, int], convention: Convention) -> Tensor:
    """Which points (..., 2), in cells, lie on the map."""
    on_map: Tensor = inside(points, filled((size[1], size[0]), points), convention)
    return on_map


def gaussians(points: Tensor, valid: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """Maps (B, C, h, w): peak-1 Gaussians at sub-pixel centres, the maximum over people.

    Truncated to the released code's window, floor(x - 3 sigma - 1) to ceil(x + 3 sigma + 2) - 1; zero outside.

    Args:
        points: (B, C, P, 2) in cells, on the map where `valid` (B, C, P).
    """
    b, c = points.shape[:2]
    reach = int(3 * sigma + 1)
    width, margin = 2 * reach + 2, reach + 1
    points = torch.where(valid.unsqueeze(-1), points, 0.0).flatten(0, 1)
    low = (points - reach).floor()
    distance = low.unsqueeze(-1) + torch.arange(width, device=points.device) - points.unsqueeze(-1)
    line = torch.exp(distance.square() / (-2 * sigma**2)) * (distance < reach + 1)
    line_x, line_y = (line * valid.flatten(0, 1)[..., None, None]).unbind(2)
    # A margin around the maps spares all clipping.
    padded = points.new_zeros(b * c, size[0] + 2 * margin, size[1] + 2 * margin)
    left, top = (low.long() + margin).unbind(-1)
    paint = _paint_numpy if points.device.type == "cpu" else _paint_scatter
    paint(padded, line_y, line_x, top, left)
    return padded.view(b, c, *padded.shape[1:])[:, :, margin:-margin, margin:-margin]


def _paint_scatter(maps: Tensor, line_y: Tensor, line_x: Tensor, top: Tensor, left: Tensor) -> None:
    """Maximum of maps (N, H, W) and windows (N, P, s, s), outer products of lines, with first cell (top, left)."""
    n, h, w = maps.shape
    span = torch.arange(line_x.shape[-1], device=maps.device)
    first = (torch.arange(n, device=maps.device).unsqueeze(1) * h + top) * w + left
    cells = first[..., None, None] + span[:, None] * w + span
    windows = line_y.unsqueeze(-1) * line_x.unsqueeze(-2)
    maps.view(-1).scatter_reduce_(0, cells.flatten(), windows.flatten(), "amax")


def _paint_numpy(maps: Tensor, line_y: Tensor, line_x: Tensor, top: Tensor, left: Tensor) -> None:
    """The same one person at a time, all maps at once: block copies, faster than a scatter on the CPU."""
    side = line_x.shape[-1]
    view = np.lib.stride_tricks.sliding_window_view(maps.numpy(), (side, side), axis=(1, 2), writeable=True)  # type: ignore[call-overload]
    rows, columns = top.t().numpy(), left.t().numpy()
    lines_y, lines_x = line_y.transpose(0, 1).numpy(), line_x.transpose(0, 1).numpy()
    drawn = (lines_x != 0).any(-1)
    every = np.arange(len(maps))
    for y, x, line_down, line_along, valid in zip(rows, columns, lines_y, lines_x, drawn, strict=True):
        some = slice(None) if valid.all() else np.flatnonzero(valid)
        window = line_down[some, :, None] * line_along[some, None]
        place = every[some], y[some], x[some]
        view[place] = np.maximum(view[place], window, out=window)


def _regions(
    centers: Tensor,
    valid: Tensor,
    areas: Tensor,
    size: tuple[int, int],
    compat: Compat,
    sparse: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cells around the centres (B, P, 2) and whose they are: (M, 3) image, row, column, (M,) row of B * P, and whether
    they count (M,) bool.

    Args:
        sparse: leave out those that do not count, as on the CPU. A GPU's host would have to wait for how many these
            are, so there every place of every person stays.
    """
    sparse = centers.device.type == "cpu" if sparse is None else sparse
    h, w = size
    b, p, _ = centers.shape
    # The square is half open; a disc about a fractional centre may touch one more cell on either side.
    reach = torch.arange(-RADIUS, RADIUS + (0 if compat == "released" else 2), device=centers.device)
    x, y = (centers.floor().long().unsqueeze(-1) + reach).unbind(2)
    square_x, square_y = (x - centers[..., :1]).square(), (y - centers[..., 1:]).square()
    distance = square_y.unsqueeze(-1) + square_x.unsqueeze(-2)
    chosen = ((y >= 0) & (y < h) & valid.unsqueeze(-1)).unsqueeze(-1) & ((x >= 0) & (x < w)).unsqueeze(-2)
    if compat == "paper":
        chosen &= distance <= RADIUS**2
    taken = chosen.flatten()
    cells = taken.nonzero().squeeze(1) if sparse else torch.arange(len(taken), device=centers.device)
    taken = taken.index_select(0, cells)
    side = len(reach)
    person = cells // side**2
    row = y.flatten().index_select(0, cells // side).clamp(0, h - 1)
    column = x.flatten().index_select(0, person * side + cells % side).clamp(0, w - 1)
    place = (person // p * h + row) * w + column
    priority = distance.flatten() if compat == "paper" else areas.flatten().repeat_interleave(side**2)
    priority = priority.index_select(0, cells).masked_fill(~taken, torch.inf)
    best = priority.new_full((b * h * w,), torch.inf).scatter_reduce_(0, place, priority, "amin")
    rivals = taken & (priority == best.index_select(0, place))
    # Of two equal people the first.
    nobody = b * p
    owner = person.masked_fill(~rivals, nobody)
    first = person.new_full((b * h * w,), nobody).scatter_reduce_(0, place, owner, "amin")
    wins = rivals & (person == first.index_select(0, place))
    if sparse:
        place, person, wins = place[wins], person[wins], wins[wins]
    return torch.stack([place // (h * w), place // w % h, place % w], dim=1), person, wins


def _keep(ignore: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, 1, h, w) bool from (B, H', W') with 1 = ignored: a cell that touches an ignored pixel is."""
    if ignore.shape[1:] == size:
        return ignore.unsqueeze(1) == 0
    ignored = ignore.unsqueeze(1).float()
    if ignored.shape[-2] < size[0]:
        return F.interpolate(ignored, size=size, mode="nearest") < 0.5
    return F.adaptive_max_pool2d(ignored, size) < 0.5
