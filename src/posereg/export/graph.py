"""A method as one graph: RGB crops in, keypoints in input pixels and scores out; bottom-up, whole images in, maps out.

What follows the graph is left outside it: from input to image pixels, the scaling of 3D poses to millimetres, and
the grouping of bottom-up maps into people (`grouped`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.utils._pytree import tree_map_only

from posereg.errors import UserError
from posereg.geometry.pixels import cell_offset
from posereg.inference.grouping import Heat, Poses, pool, propose
from posereg.inference.multiscale import forward, heat_of, people
from posereg.methods.art import BottomUpPose
from posereg.methods.base import PoseModule

Pixels = Literal["uint8", "float32"]
STRIDE = 4  # of the bottom-up network's centres and offsets
MULTIPLE = 32  # of the sides of a whole image


class PoseGraph(nn.Module):
    """Crops (B, H, W, 3) RGB, 0 to 255, to keypoints (B, K, D) in input pixels and scores (B, K) of the data's joints.

    The mirrored image is in the graph if `module.flip_test` is set.
    """

    outputs = ("keypoints", "scores")

    def __init__(self, module: PoseModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints and scores."""
        keypoints, scores = self.module.predict(self.module.images({"image": image}))
        order = self.module.network_joint
        return keypoints[:, order].float(), scores[:, order].float()


class MapsGraph(nn.Module):
    """Whole images (B, H, W, 3) RGB, 0 to 255, sides multiples of 32, to what grouping needs, at scale 1.

    Heat maps (B, K, H/s, W/s); centres (B, H/4, W/4); and the pose regressed at every centre cell, poses
    (B, K, 2, H/4, W/4) in input pixels.
    """

    outputs = ("heatmaps", "centers", "poses")

    def __init__(self, module: BottomUpPose) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Heat maps, centres and poses."""
        module = self.module
        flip = module.flip_order if module.flip_test else None
        images = module.images({"image": image})
        maps = forward(module.network, images, flip, module.convention, module.compat)
        heatmaps, _ = heat_of(maps, module.convention)
        height, width = maps.centers.shape[-2:]
        x = torch.arange(width, device=image.device).expand(height, width)
        y = torch.arange(height, device=image.device)[:, None].expand(height, width)
        cells = maps.offsets.float() + torch.stack([x, y])
        poses = cells * STRIDE + cell_offset(STRIDE, module.convention)
        return heatmaps.float(), maps.centers[:, 0].float(), poses


def graph_of(module: PoseModule) -> PoseGraph | MapsGraph:
    """The graph of a method, in evaluation mode.

    Raises:
        UserError: a method without a network.
    """
    if not module.needs_weights:
        raise UserError(f"checkpoint: {module.name} has no network to export; export one of its members")
    graph = MapsGraph(module) if isinstance(module, BottomUpPose) else PoseGraph(module)
    return graph.eval().requires_grad_(False)


def half(module: PoseModule) -> None:
    """Turns the network into float16. Normalisation and decoding stay float32."""

    def down(network: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(x.half() for x in given)

    def up(network: nn.Module, given: Any, found: Any) -> Any:
        return tree_map_only(Tensor, lambda x: x.float(), found)

    module.network.half()
    module.network.register_forward_pre_hook(down)
    module.network.register_forward_hook(up)


def example(module: PoseModule, batch: int, pixels: Pixels = "uint8") -> Tensor:
    """An input of that many images, all zeros."""
    width, height = module.input_size
    return torch.zeros(batch, height, width, 3, dtype=getattr(torch, pixels))


def traced(graph: PoseGraph | MapsGraph, pixels: Pixels = "uint8") -> ExportedProgram:
    """The graph as torch.export sees it, for any batch; whole images may also have any size."""
    sizes: dict[int, Any] = {0: Dim("batch", min=1, max=4096)}
    if isinstance(graph, MapsGraph):
        sizes |= {1: MULTIPLE * Dim("rows", min=1, max=256), 2: MULTIPLE * Dim("columns", min=1, max=256)}
    with torch.no_grad():
        # Two images: a batch of one would be taken for a constant.
        return torch.export.export(graph, (example(graph.module, 2, pixels),), dynamic_shapes=(sizes,))


def grouped(maps: Mapping[str, NDArray[Any]], module: BottomUpPose) -> list[Poses]:
    """People on each image from the maps of a `MapsGraph`, in input pixels, as `BottomUpPose.detect` finds them with
    scale 1 alone."""
    heatmaps, centers, poses = (torch.from_numpy(maps[name]) for name in MapsGraph.outputs)
    stride = STRIDE * centers.shape[-1] / heatmaps.shape[-1]
    origin, heat_origin = (cell_offset(s, module.convention) for s in (STRIDE, stride))
    height, width = centers.shape[-2:]
    cell = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"))
    found = []
    for heat, center, pose in zip(heatmaps, centers, poses, strict=True):
        offsets = (pose - origin) / STRIDE - cell
        proposals = propose(center, offsets, STRIDE, origin, module.grouping.poses)
        settings = module.grouping
        found.append(people(Heat(heat, stride, heat_origin), pool([(1.0, proposals)], settings), settings))
    return found
