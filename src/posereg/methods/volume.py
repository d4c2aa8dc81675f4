"""The 3D integral system (volume paper): expected position in a volume a joint, trained by L1 on x, y and z.

Predictions are root-relative millimetres: the pose in input pixels, scaled so that its bones sum to a known length
(section 2; docs/papers/volume.md#testing).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posereg.codecs.coordinates import denormalise, normalise
from posereg.codecs.volume import integral3d, to_unit
from posereg.errors import UserError
from posereg.figures import volume as figures3d
from posereg.geometry.bones import BoneSource, length_sum, mean_lengths, rescale
from posereg.geometry.bones import bone_source as checked
from posereg.losses.volume import label_weights, volume_loss
from posereg.methods.base import Batch, PoseModule
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.settings.ranges import Positive


class VolumePose(PoseModule):
    """
    The network gives logits (B, K, D, H, W). Batches hold `z` (B, K), depth relative to the root in input pixels,
    NaN where it is not known (2D data sets).

    Args:
        bone_source: whose bones give the size: mean of `train`, `val`, `train+val` (the paper's choice), or `frame`,
            the true pose of each frame (Table 1).
        bone_lengths: mean sum of bone lengths by split, mm; computed from the data when training or validating
            begins, printed, and part of the checkpoint.
        pose: everything PoseModule takes.
    """

    score_rule = "none"
    dimensions = 3

    @staticmethod
    def loss_names(node: Mapping[str, Any]) -> set[str] | None:
        """The total and its parts."""
        return {"loss", "xy", "z"}

    def __init__(
        self,
        bone_source: BoneSource = "train+val",
        bone_lengths: Mapping[str, Positive] | None = None,
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        if self.skeleton.parents is None:
            raise UserError(
                f"method.skeleton: '{self.skeleton.name}' has no tree of bones, which 3D poses need"
            )
        self.parents = self.skeleton.parents
        self.bone_source = checked(bone_source)
        self.bone_lengths = dict(bone_lengths or {})

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Sum over joints and known coordinates of the distances, in units of the input's sides, over batch size.

        Joints outside the input count, as in the released code: they pull to the border.
        """
        target, weight = self.targets(batch)
        return volume_loss(self.coordinates(images), target, weight)

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Labels (B, K, 3) in [-0.5, 0.5] inside the input, and their weights: 0 for what is not known."""
        flat = normalise(batch["keypoints"], self.input_size, self.convention)
        depth = batch["z"] / self.input_size[0]
        weight = label_weights(batch["visibility"], depth)
        return torch.cat([flat, depth.nan_to_num()[..., None]], dim=-1), weight.to(flat.dtype)

    def coordinates(self, images: Tensor) -> Tensor:
        """Expected positions (B, K, 3) in units of the input's width, height and width; float32."""
        logits = self.network(images)
        depth, height, width = logits.shape[2:]
        return to_unit(integral3d(logits), (width, height, depth), self.convention)

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """x, y and depth in input pixels (B, K, 3); scores are 1, the paper has none."""
        points = self._pixels(images)
        if self.flip_test:
            points = (points + self.unflip_keypoints(self._pixels(images.flip(-1)))) / 2
        return points, torch.ones_like(points[..., 0])

    def predictions(
        self, batch: Batch, keypoints: Tensor, scores: Tensor, poses: PoseSet | None = None
    ) -> Predictions:
        """Input pixels to root-relative millimetres.

        Raises:
            UserError: the bone length that was asked for is not known.
        """
        if poses is None:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            poses = data.poses(data.val_split)
        index = batch["index"].cpu().numpy()
        scaled = rescale(keypoints.double().cpu().numpy(), self._length(poses, index), self.parents)
        confidence = scores.float().cpu().numpy()
        return Predictions(
            ids=poses.ids[index],
            image_ids=poses.image_ids[poses.person_image[index]],
            keypoints=scaled.astype(np.float32),
            keypoint_scores=confidence,
            scores=confidence.mean(1),
            meta={"bone_source": self.bone_source, "bone_lengths": self.bone_lengths},
        )

    def draw(self, data: Any, folder: Path) -> dict[str, str]:
        """Skeletons from two views, error by joint and by depth."""
        predictions = self.everyone()
        return {} if predictions is None else figures3d.write(data.poses(data.val_split), predictions, folder)

    def on_fit_start(self) -> None:
        """Measures the people's bones before training."""
        self._measure_bones()

    def on_validation_start(self) -> None:
        """Measures them where nothing was trained and the checkpoint names no lengths."""
        if not self.bone_lengths:
            self._measure_bones()

    def stored_config(self) -> dict[str, Any]:
        """The lengths are stored among the arguments that the checkpoint rebuilds the module from."""
        method = {**self.plain_config.get("method", {}), "bone_lengths": self.bone_lengths}
        return {**self.plain_config, "method": method}

    def _pixels(self, images: Tensor) -> Tensor:
        unit = self.coordinates(images)
        flat = denormalise(unit[..., :2], self.input_size, self.convention)
        return torch.cat([flat, unit[..., 2:] * self.input_size[0]], dim=-1)

    def _measure_bones(self) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        splits = {"train": data.train_split, "val": data.val_split}
        poses = {name: data.poses(split) for name, split in splits.items()}
        if any("xyz" not in people.extras for people in poses.values()):
            raise UserError(
                f"data: {data.source.name} has no 3D joints (column xyz), which method {self.name} needs"
            )
        self.bone_lengths = mean_lengths({k: v.extras["xyz"] for k, v in poses.items()}, self.parents)
        if self.trainer.is_global_zero:
            lengths = ", ".join(f"{name} {length:.1f} mm" for name, length in self.bone_lengths.items())
            print(f"mean sum of bone lengths: {lengths}; used: {self.bone_source}")

    def _length(self, poses: PoseSet, index: np.ndarray[Any, Any]) -> Any:
        if self.bone_source != "frame":
            if self.bone_source not in self.bone_lengths:
                raise UserError(
                    f"method.bone_source={self.bone_source}: this length is not known; known: "
                    f"{', '.join(self.bone_lengths) or 'none'}"
                )
            return self.bone_lengths[self.bone_source]
        lengths = length_sum(np.asarray(poses.extras["xyz"][index], np.float64), self.parents)
        if not np.isfinite(lengths).all():
            raise UserError(
                f"method.bone_source=frame: {poses.name} {poses.split} has frames without a 3D pose"
            )
        return lengths
