"""The cost of the bottom-up parts.

    OMP_NUM_THREADS=1 python scripts/bench_bottomup.py [--device cuda] [--repeats 7]

- Adaptive convolution of a map of 128 x 128, forward and backward: usual is `torchvision.ops.deform_conv2d`; sampling
  by `grid_sample` and one product is the strongest plain form. posereg samples by a sparse matrix of bilinear weights,
  and makes the columns of a few rows again in the backward pass instead of keeping all nine taps. All sides agree to
  1e-4 of the largest value. On a GPU posereg takes torchvision's operator.
- Targets of 12 pictures: usual is a loop over people and joints that fills windows of dense maps. posereg's are made
  on the device, here the CPU. `paper` and `released` are two forms of the offsets' targets.
- Post-processing of a picture of 512 x 512 with five people, from maps to grouped poses. Beside it the usual search for
  candidates alone: maps enlarged to the picture's size, a maximum of 5 x 5, the 30 best of each. posereg finds the same
  ones on the maps' own size.
- Three scales: all outside the network; beside it maps that are enlarged, stacked, averaged and searched whole.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import numpy as np
import torch
from measure import Call, against, begin, one_thread, rows
from torch import Tensor
from torch.nn import functional as F

from posereg.codecs.art import encode, gaussians
from posereg.codecs.art_maps import Maps
from posereg.inference import multiscale
from posereg.inference.grouping import Grouping, Heat, Poses, Proposals, group, pool, propose, window_max
from posereg.inference.scoring import score
from posereg.networks.adaptive import adaptive_conv2d
from posereg.networks.scoring import PoseScorer


def bench(what: str, device: str, repeats: int, ours: Call, others: dict[str, Call]) -> None:
    """Rows of processor time on the CPU, which other work disturbs less, of wall time on a GPU."""
    if device == "cpu":
        against(what, ours, others, repeats)
        return
    taken: dict[str, list[float]] = {name: [] for name in ("", *others)}
    for turn in range(repeats + 1):
        for name, side in (("", ours), *others.items()):
            start = time.perf_counter()
            side()
            torch.cuda.synchronize()
            if turn:
                taken[name].append(1000 * (time.perf_counter() - start))
    rows(what, taken)


def adaptive(device: str, repeats: int) -> None:
    for channels in (32, 256):
        torch.manual_seed(0)
        x = torch.randn(1, channels, 128, 128, device=device).to(memory_format=torch.channels_last)
        transform = torch.randn(1, 4, 128, 128, device=device) * 0.7
        weight = torch.randn(channels, channels, 3, 3, device=device) / (3 * channels**0.5)
        inputs = tuple(t.requires_grad_() for t in (x, transform, weight))
        toward = torch.randn(1, channels, 128, 128, device=device)

        def step(implementation: str, inputs=inputs, toward=toward) -> tuple[Tensor, ...]:
            out = adaptive_conv2d(*inputs, implementation=implementation)
            return out.detach(), *torch.autograd.grad(out, inputs, toward)

        what = f"adaptive convolution, {channels} channels"
        if device == "cuda":
            bench(what, device, repeats, lambda step=step: step("torchvision"), {})
            continue
        others = {"usual: torchvision": "torchvision", "sampling and one product": "grid"}
        for other in others.values():
            for a, b in zip(step("sparse"), step(other), strict=True):
                assert (a - b).abs().max() < 1e-4 * b.abs().max(), other
        sides = {name: lambda step=step, other=other: step(other) for name, other in others.items()}
        bench(what, device, repeats, lambda step=step: step("sparse"), sides)


def crowd(images: int, people: int, device: str) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(0)
    centers = torch.rand(images, people, 1, 2, generator=g) * 440 + 36
    batch = {
        "keypoints": centers + torch.randn(images, people, 17, 2, generator=g) * 25,
        "visibility": torch.full((images, people, 17), 2, dtype=torch.uint8),
        "areas": torch.rand(images, people, generator=g) * 1e4 + 1e3,
        "person_mask": torch.ones(images, people, dtype=torch.bool),
    }
    return {name: value.to(device) for name, value in batch.items()}


def looped_targets(batch: dict[str, Tensor]) -> list[np.ndarray]:
    """The loop of public code: a window per joint and person, full maps of offsets and weights."""
    out = []
    columns = ((batch["keypoints"].numpy() - 1.5) / 4, batch["areas"].numpy(), batch["person_mask"].numpy())
    for joints, areas, there in zip(*columns, strict=True):
        joints, areas = joints[there], areas[there]
        heat = np.zeros((18, 128, 128), np.float32)
        offsets = np.zeros((34, 128, 128), np.float32)
        weights, owner = np.zeros_like(offsets), np.full((128, 128), np.inf, np.float32)
        centers = joints.mean(1)
        for person, points in enumerate(joints):
            for k, (x, y) in enumerate([*points, centers[person]]):
                if not (-0.5 <= x < 127.5 and -0.5 <= y < 127.5):
                    continue
                sigma = 4 if k == 17 else 2
                xs = np.arange(
                    max(0, int(np.floor(x - 3 * sigma - 1))), min(128, int(np.ceil(x + 3 * sigma + 2)))
                )
                ys = np.arange(
                    max(0, int(np.floor(y - 3 * sigma - 1))), min(128, int(np.ceil(y + 3 * sigma + 2)))
                )
                bell = np.exp(-((xs[None] - x) ** 2 + (ys[:, None] - y) ** 2) / (2 * sigma**2))
                part = heat[k, ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
                np.maximum(part, bell, out=part)
            cx, cy = np.floor(centers[person]).astype(int)
            for y in range(max(0, cy - 4), min(128, cy + 4)):
                for x in range(max(0, cx - 4), min(128, cx + 4)):
                    if areas[person] < owner[y, x]:
                        owner[y, x] = areas[person]
                        offsets[:, y, x] = (points - (x, y)).ravel()
                        weights[:, y, x] = areas[person] ** -0.5
        out.append(heat)
    return out


def targets(device: str, repeats: int) -> None:
    some = torch.arange(12) * 29 // 11 + 1  # 1 to 30 people per image
    for people, counts in (("1 to 30", some), ("30", torch.full((12,), 30))):
        batch = crowd(12, 30, device)
        batch["person_mask"] &= (torch.arange(30) < counts[:, None]).to(device)
        for compat in ("paper", "released"):
            sides = {}
            if compat == "released" and device == "cpu":
                sides["usual: a loop over people"] = lambda batch=batch: looped_targets(batch)
            ours = partial(encode, batch, (128, 128), compat=compat)
            bench(f"targets, {people} people a picture, {compat}", device, repeats, ours, sides)


def scene(device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Maps of a 512x512 image with 5 people and a little noise."""
    joints = ((crowd(1, 5, "cpu")["keypoints"] - 1.5) / 4).clamp(0, 127)
    every = torch.ones(1, 17, 5, dtype=torch.bool)
    g = torch.Generator().manual_seed(1)
    heat = gaussians(joints.transpose(1, 2), every, (128, 128), 2.0)[0].contiguous()
    middle = joints.mean(2)
    center = gaussians(middle[:, None], every[:, :1], (128, 128), 4.0)[0, 0].contiguous()
    offsets = torch.zeros(17, 2, 128, 128)
    for person, (x, y) in enumerate(middle[0].round().long().tolist()):
        here = torch.tensor([x, y])
        offsets[:, :, y - 2 : y + 3, x - 2 : x + 3] = (joints[0, person] - here)[:, :, None, None]
    noise = torch.randn(heat.shape, generator=g) * 0.002
    return (heat + noise).to(device), center.to(device), offsets.to(device)


def at_input_resolution(heat: Tensor, settings: Grouping) -> None:
    """Enlarge all maps, 5x5 maximum, the 30 best: what finding candidates at input resolution costs as such."""
    dense = F.interpolate(heat[None], scale_factor=4, mode="bilinear", align_corners=False)
    top = dense * (dense == F.max_pool2d(dense, 5, 1, 2))
    top.flatten(2).topk(settings.candidates)


def postprocessing(device: str, repeats: int) -> None:
    heat, center, offsets = scene(device)
    settings = Grouping()
    scorer = PoseScorer("coco").to(device).eval()

    def whole() -> Poses:
        proposals: Proposals = pool([(1.0, propose(center, offsets, 4, 1.5))], settings)
        poses = group(Heat(heat, 4, 1.5), proposals, settings)
        poses.scores.cpu()
        return poses

    poses = whole()
    dense = {"usual: the search for candidates alone": lambda: at_input_resolution(heat, settings)}
    bench(f"post-processing, {len(poses.scores)} people", device, repeats, whole, dense)
    bench("learned scoring of these people", device, repeats, lambda: score(scorer, poses).cpu(), {})


def three_scales(device: str, repeats: int) -> None:
    """All outside the network, beside the same with whole maps: enlarged, stacked, averaged, searched."""
    heat, center, offsets = scene(device)
    made = {}
    for scale in (0.5, 1.0, 2.0):
        parts = (heat, center[None], offsets.flatten(0, 1) * scale)
        h, c, o = (F.interpolate(part[None], scale_factor=scale, mode="bilinear") for part in parts)
        made[int(512 * scale)] = Maps(h, h.unsqueeze(1), c, o.unflatten(1, (17, 2)), None)
    images = {side / 512: torch.zeros(1, 3, side, side, device=device) for side in made}
    settings = Grouping()

    def whole() -> Poses:
        (found,) = multiscale.heat_and_proposals(lambda x: made[x.shape[-1]], images, settings)
        return multiscale.people(*found, settings)

    def stacked() -> Tensor:
        grown = [
            F.interpolate(maps.heatmaps, scale_factor=2048 // side, mode="bilinear")
            for side, maps in made.items()
        ]
        fused = torch.stack(grown).mean(0)[0]
        kept = fused.masked_fill(fused < window_max(fused, 2), -torch.inf)
        return kept.flatten(1).topk(settings.candidates).values

    with torch.inference_mode():
        bench("three scales, all but the network", device, repeats, whole, {"whole maps, stacked": stacked})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--repeats", type=int, default=7)
    asked = parser.parse_args()
    one_thread()
    begin(__doc__)
    for part in (adaptive, targets, postprocessing, three_scales):
        part(asked.device, asked.repeats)


if __name__ == "__main__":
    main()
