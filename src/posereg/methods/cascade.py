"""Part-heat-map cascade: part detection, then regression of confidence maps from the part maps.

One module for the rows of Table 5. What the first network is trained on is `first`: `parts`, discs of visible
parts (detection), or `confidence`, Gaussians of all parts (regression); with or without a second network.
Losses are named after the network's parts, `detector` and `regressor`, and each phase says which count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.grid import grid_of
from posereg.errors import nearest
from posereg.figures import cascade as cascade_figure
from posereg.losses.cascade import BODY, Reduction, body_size, confidence_l2, part_cross_entropy
from posereg.methods.base import Batch, PoseModule
from posereg.methods.seen import batch_of, evaluating
from posereg.networks.cascade import CascadeMaps
from posereg.records.poses import OCCLUDED, VISIBLE
from posereg.runs.processes import gathered
from posereg.settings.ranges import Spread

FLAGS = {"visible": VISIBLE, "occluded": OCCLUDED}


class CascadePose(PoseModule):
    """
    Args:
        first: what the first network's maps are: `parts` or `confidence`.
        radius: of the discs, input pixels for a body of 200 px (paper section 3).
        sigma: of the Gaussians, likewise.
        scale_sigma: Gaussians grow with the body as the discs do; else sigma is in input pixels, as the paper
            could be read (docs/papers/cascade.md#targets).
        reduction: of both losses: `mean` over pixels, or their sum as in the `paper`.
        pose: everything PoseModule takes; the loss weights come from its `phases`.
    """

    score_rule = "map maximum"

    @staticmethod
    def disagreements(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Also phases with losses that the network does not have, or that train only what is frozen."""
        yield from PoseModule.disagreements(node)
        parts = ["detector"] + (["regressor"] if node["network"].get("regressor") is not None else [])
        for name, phase in (node.get("phases") or {}).items():
            if not phase.get("epochs"):
                continue  # a phase that is left out
            losses = {loss for loss, weight in phase.get("losses", {}).items() if weight}
            for unknown in losses.difference(parts):
                yield f"phases.{name}.losses", f"there is no loss '{unknown}'{nearest(unknown, parts)}"
            reached = {"detector"} | (losses & {"regressor"})  # the regressor's loss reaches both
            if losses and reached <= set(phase.get("freeze", ())):
                yield f"phases.{name}.freeze", "what these losses train is frozen, so nothing is learned"

    @staticmethod
    def loss_names(node: Mapping[str, Any]) -> set[str] | None:
        """The total and each network's: those of every phase, as a metric to watch is looked at in all of them."""
        phases = [phase for phase in (node.get("phases") or {}).values() if phase.get("epochs", 0) > 0]
        regressor = ["regressor"] if node["network"].get("regressor") is not None else []
        losses = [set(phase.get("losses", ())) for phase in phases] or [{"detector", *regressor}]
        return {"loss"}.union(set.intersection(*losses))

    def __init__(
        self,
        first: Literal["parts", "confidence"] = "parts",
        radius: Spread = 10.0,
        sigma: Spread = 5.0,
        scale_sigma: bool = True,
        reduction: Reduction = "mean",
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        self.first = first
        self.radius, self.sigma, self.scale_sigma = radius, sigma, scale_sigma
        self.reduction: Reduction = reduction
        self._sums: dict[str, Tensor] = {}
        self._measured: dict[str, float] = {}

    def on_fit_start(self) -> None:
        """Says so where the training set does not mark occluded joints: the detector then learns all labelled ones."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        poses = data.poses(data.train_split)
        if self.first == "parts" and not poses.marks_occlusion and self.trainer.is_global_zero:
            print(
                f"{poses.annotations} does not say which joints are occluded: the detector learns all labelled joints, "
                "where the paper trains it on visible ones"
            )

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The detector's and the regressor's loss as the current phase weighs them (docs/papers/cascade.md#losses)."""
        return self._losses(self._forward(images), batch)

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Maxima of the last network's maps, as (B, K, 2) input pixels, and their confidence (B, K)."""
        return self._decode(images, self._forward(images))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Also adds up the confidence at visible and at occluded joints."""
        images = self.images(batch)
        maps = self._forward(images)
        self._log_validation(self._losses(maps, batch), batch)
        self.keep(batch, self.predictions(batch, *self._decode(images, maps)))
        if "repeated" not in batch:
            self._measure(maps, batch)

    def on_validation_epoch_start(self) -> None:
        """Forgets predictions and sums of the last validation."""
        super().on_validation_epoch_start()
        self._sums = {}

    def on_validation_epoch_end(self) -> None:
        """Scores the predictions and averages the confidence over people and ranks."""
        super().on_validation_epoch_end()
        self._summarise()

    def measured(self) -> dict[str, float]:
        """Figure 2 in numbers: the mean confidence, in percent, of visible and of occluded joints, as the maps'
        maxima (`peak/detection/occluded`), at the annotated places (`at_joint/...`) and over the whole map
        (`background/...`); and how far occluded joints lie below visible ones, and above the background."""
        return self._measured

    def confidence(self, maps: CascadeMaps) -> dict[str, Tensor]:
        """The maps of every network, (B, K, H, W): `detection` in [0, 1] and `regression`, peak 1 where it is sure;
        a first network that regresses is `regression_1`."""
        first = maps["detection"].float()
        named = {"detection": first.sigmoid()} if self.first == "parts" else {"regression_1": first}
        return named if maps["regression"] is None else {**named, "regression": maps["regression"].float()}

    def confidence_of(self, images: Tensor) -> dict[str, Tensor]:
        """`confidence` of normalised images (B, 3, H, W)."""
        return self.confidence(self._forward(images))

    def draw(self, data: Any, folder: Path) -> dict[str, str]:
        """Confidence at visible and occluded joints; nothing where no joint is marked as occluded."""
        poses = data.poses(data.val_split)
        rows = cascade_figure.most_hidden(poses.visibility)
        if not rows:
            return {}
        batch = batch_of(self, poses, rows)
        with evaluating(self):
            confidence = self.confidence_of(self.images(batch))
        # Maps of the data's joints, as the labels beside them.
        maps = {name: each[:, self.network_joint].float().cpu().numpy() for name, each in confidence.items()}
        images, keypoints, visibility = (batch[k].cpu().numpy() for k in ("image", "keypoints", "visibility"))
        cascade_figure.write(folder / "cascade.png", images, maps, keypoints, visibility, poses.skeleton)
        return {"cascade_figure": "cascade.png"}

    def _weights(self) -> dict[str, float]:
        if self.phase is not None:
            return dict(self.phases[self.phase].losses)
        return {"detector": 1.0, **({"regressor": 1.0} if self.network.regressor is not None else {})}

    def _forward(self, images: Tensor) -> CascadeMaps:
        # While only the detector is trained, the second network's maps are meaningless.
        maps: CascadeMaps = self.network(images, detection_only="regressor" not in self._weights())
        return maps

    def _losses(self, maps: CascadeMaps, batch: Batch) -> dict[str, Tensor]:
        keypoints, visibility = self.joint_labels(batch)
        grid = grid_of(maps["detection"], self.input_size, self.convention)
        size = body_size(batch["box"], batch["to_image"]) / BODY
        radius, sigma = self.radius * size, self.sigma * (size if self.scale_sigma else torch.ones_like(size))
        parts: dict[str, Tensor] = {}
        weights = self._weights()
        if "detector" in weights:
            first = maps["detection"]
            if self.first == "parts":
                parts["detector"] = part_cross_entropy(
                    first, keypoints, visibility, grid, radius, self.reduction
                )
            else:
                parts["detector"] = confidence_l2(first, keypoints, visibility, grid, sigma, self.reduction)
        if maps["regression"] is not None:
            parts["regressor"] = confidence_l2(
                maps["regression"], keypoints, visibility, grid, sigma, self.reduction
            )
        total = sum((weights[name] * loss for name, loss in parts.items()), start=size.new_zeros(()))
        return {"loss": total, **parts}

    def _decode(self, images: Tensor, maps: CascadeMaps) -> tuple[Tensor, Tensor]:
        """Argmax of the last network's maps at full resolution, averaged with the mirrored image's."""
        answer = self._answer(maps)
        if self.flip_test:
            answer = (answer + self.unflip_maps(self._answer(self._forward(images.flip(-1))))) / 2
        return argmax_decode(answer, grid_of(answer, self.input_size, self.convention))

    def _answer(self, maps: CascadeMaps) -> Tensor:
        return list(self.confidence(maps).values())[-1]

    def _measure(self, maps: CascadeMaps, batch: Batch) -> None:
        keypoints, visibility = self.joint_labels(batch)
        for network, confidence in self.confidence(maps).items():
            height, width = confidence.shape[-2:]
            cell, inside = grid_of(confidence, self.input_size, self.convention).nearest(keypoints)
            flat = confidence.flatten(2)
            index = cell[..., 1].clamp(0, height - 1) * width + cell[..., 0].clamp(0, width - 1)
            at_joint = flat.gather(2, index[..., None])[..., 0]
            for flag, value in FLAGS.items():
                of = ((visibility == value) & inside).float()
                columns = (flat.amax(2), at_joint, flat.mean(2), torch.ones_like(of))
                sums = torch.stack([(column * of).sum() for column in columns])
                name = f"{network}/{flag}"
                self._sums[name] = self._sums[name] + sums if name in self._sums else sums

    def _summarise(self) -> None:
        self._measured = {}
        every = gathered([{name: sums.cpu() for name, sums in self._sums.items()}])
        for name in dict.fromkeys(name for sums in every for name in sums):
            *totals, count = torch.stack([sums[name] for sums in every if name in sums]).sum(0).tolist()
            for kind, total in zip(("peak", "at_joint", "background"), totals, strict=True):
                if count:
                    self._measured[f"{kind}/{name}"] = 100 * total / count
        for network in dict.fromkeys(name.partition("/")[0] for name in self._sums):
            self._differ(
                network, "below_visible", f"at_joint/{network}/visible", f"at_joint/{network}/occluded"
            )
            background = f"background/{network}/occluded"
            self._differ(network, "above_background", f"at_joint/{network}/occluded", background)

    def _differ(self, network: str, name: str, more: str, less: str) -> None:
        if more in self._measured and less in self._measured:
            self._measured[f"occluded/{network}/{name}"] = self._measured[more] - self._measured[less]
