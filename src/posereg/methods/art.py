"""Bottom-up pose with heat-map-guided adaptive regression and learned scoring (ART paper).

The three qualities of Table 4 come from one forward pass: regressed poses as they are, heat maps grouped by the
annotated people, and the final poses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posereg.codecs import art as bottomup
from posereg.codecs.art_maps import Compat
from posereg.data.samples.scenes import SceneDataset, image_at
from posereg.errors import UserError, nearest
from posereg.evaluation.keypoint_errors import KINDS, shares
from posereg.inference import scoring as scorers
from posereg.inference.grouping import Grouping, Heat, Poses, Proposals
from posereg.inference.multiscale import as_proposals, heat_and_proposals, people
from posereg.losses.art import Weighting
from posereg.losses.art import losses as art_losses
from posereg.methods import art_taps
from posereg.methods.base import Batch, Part, PoseModule, SampleRows, joined
from posereg.networks.art import ARTNet, complexity
from posereg.networks.scoring import PoseScorer
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions, concatenate, nobody
from posereg.runs.processes import gathered, member, say, shared
from posereg.settings.model import mistake
from posereg.settings.ranges import Annotated, Count, Is, Len, NotNegative, Share, Spread, Whole, Zoom
from posereg.skeletons.skeleton import COCO, CROWDPOSE

QUALITIES = ("regression", "heatmap")
NAIVE = "mean of heat values times the centre's"
COMPATS: tuple[Compat, ...] = ("paper", "released")


def _has_one(scales: object) -> bool:
    return isinstance(scales, list | tuple) and 1 in scales


class BottomUpPose(PoseModule):
    """
    Args:
        background, fine_background: weight of cells far from keypoints in the heat-map loss; 1 is the loss
            without trade-off.
        weighting: of the losses against each other: `released`, or by the paper's `equations` (losses/art.py).
        regression_weight: lambda of the regression loss.
        center: what a person's centre is, the mean of the labelled `joints` or the middle of the `box`.
        center_sigma: of the centre map's Gaussians, in cells.
        compat: `paper` or `released`, where the two differ (codecs/art.py, inference/grouping.py).
        grouping: settings of `Grouping` that differ from its defaults.
        scales: of the test; 1 among them.
        scoring: rank poses by the scoring network, which a stage after training trains on the poses found in
            the training images.
        scoring_epochs, scoring_images: length of that stage, and the most images to look at (None: all).
        qualities: also measure regression and heat-map quality (Table 4).
        count_macs: also count multiply-adds as the paper and the released code do (Table 1).
        pose: everything PoseModule takes.

    Raises:
        UserError: settings that do not exist, scales without 1.
    """

    looks_at = "scenes"

    @staticmethod
    def disagreements(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Settings of `grouping` that it does not have or take (settings/parts.py)."""
        yield from PoseModule.disagreements(node)
        hints = get_type_hints(Grouping, include_extras=True)
        hints.pop("compat")
        for key, value in (node.get("grouping") or {}).items():
            if key not in hints:
                yield "grouping", f"no such key '{key}'{nearest(str(key), hints)}"
            elif (wrong := mistake(hints[key], value)) is not None:
                yield "grouping", f"{key} {wrong}"

    @staticmethod
    def loss_names(node: Mapping[str, Any]) -> set[str] | None:
        """The total and its parts."""
        return {"loss", "heatmap", "center", "offset"}

    def __init__(
        self,
        background: Share = 0.1,
        fine_background: Share = 0.025,
        weighting: Weighting = "released",
        regression_weight: NotNegative = 0.01,
        center: bottomup.Center = "joints",
        center_sigma: Spread = 4.0,
        compat: Compat = "paper",
        grouping: Mapping[str, Any] | None = None,
        scales: Annotated[Sequence[Zoom], Len(1), Is("factors on the size, 1 among them", _has_one)] = (1.0,),
        scoring: bool = False,
        scoring_epochs: Whole = 20,
        scoring_images: Count | None = None,
        qualities: bool = False,
        count_macs: bool = False,
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        self.background, self.fine_background = background, fine_background
        self.weighting: Weighting = weighting
        self.center: bottomup.Center = center
        self.regression_weight, self.center_sigma = regression_weight, center_sigma
        self.compat: Compat = compat
        try:
            self.grouping = Grouping(**{"refine": compat == "released", **(grouping or {})}, compat=compat)
        except TypeError as error:
            raise UserError(f"method.grouping: {error}") from error
        self.scales = tuple(float(scale) for scale in scales)
        if 1.0 not in self.scales:
            raise UserError(f"method.scales: {list(self.scales)} lacks 1, the scale that proposals come from")
        self.qualities, self.count_macs = qualities, count_macs
        self.scoring_epochs, self.scoring_images = scoring_epochs, scoring_images
        self.scorer: PoseScorer | None = None
        if scoring:
            # Trained in a stage of its own, not by the network's optimiser.
            self.scorer = PoseScorer(self.skeleton.name, compat).requires_grad_(False)
        self.register_buffer("scorer_trained", torch.tensor(False))
        self.score_rule = NAIVE
        if scoring:
            self.score_rule = "predicted OKS" + (" times naive score" if compat == "released" else "")
        self._others: dict[str, list[Part]] = {}
        self._other_poses: dict[str, Predictions] = {}
        self._measured: dict[str, float] = {}
        self._drawn_from: dict[str, NDArray[Any]] = {}

    scorer_trained: Tensor

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Losses of heat maps, centres and offsets on whole images (losses/art.py; ART paper, Section 3.1)."""
        maps = self.network(images)
        size = (maps.heatmaps.shape[-2], maps.heatmaps.shape[-1])
        targets = bottomup.encode(
            batch,
            size,
            self.convention,
            self.compat,
            fine=maps.fine is not None,
            center_sigma=self.center_sigma,
            center=self.center,
        )
        return art_losses(
            maps,
            targets,
            self.compat,
            self.weighting,
            self.background,
            self.fine_background,
            self.regression_weight,
        )

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """
        Raises:
            UserError: always, as this method finds people itself on whole images.
        """
        raise UserError("a bottom-up model reads whole images, not crops of people")

    def heat_and_proposals(self, batch: Batch) -> list[tuple[Heat, Proposals]]:
        """Heat maps and proposals of each image of a batch, which has them at every scale of the test."""
        every = {scale: self.images({**batch, "image": batch[image_at(scale)]}) for scale in self.scales}
        flip = self.flip_order if self.flip_test else None
        return heat_and_proposals(self.network, every, self.grouping, flip, self.convention)

    def detect(self, batch: Batch) -> list[Poses]:
        """People of a batch's images, in input pixels at scale 1."""
        return [people(heat, proposals, self.grouping) for heat, proposals in self.heat_and_proposals(batch)]

    def samples(self, poses: PoseSet) -> SampleRows:
        """Whole images at test size."""
        return SceneDataset(poses, self.input_size, scales=self.scales, convention=self.convention)

    def predict_batch(self, batch: Batch, poses: PoseSet) -> Predictions:
        """The people found on whole images, best first on each; annotated people are not used."""
        parts = [nobody(len(self.skeleton))]
        for i, detected in enumerate(self.detect(batch)):
            image_id = int(poses.image_ids[int(batch["index"][i])])
            parts.append(self.predicted(detected, batch["to_image"][i], image_id))
        return concatenate(parts)

    def predicted(self, poses: Poses, to_image: Tensor, image_id: int, learned: bool = True) -> Predictions:
        """Poses of one image in image pixels, best first by the learned score if there is one, or the naive one."""
        poses = poses._replace(keypoints=_moved(poses.keypoints, to_image))
        scores = poses.scores
        if learned and self.scorer is not None and bool(self.scorer_trained):
            scores = scorers.score(self.scorer, poses, self.compat)
        order = scores.argsort(descending=True)
        count = len(order)
        return Predictions(
            ids=torch.full((count,), -1).numpy(),
            image_ids=torch.full((count,), image_id).numpy(),
            keypoints=poses.keypoints[order].float().cpu().numpy(),
            keypoint_scores=poses.keypoint_scores[order].float().cpu().numpy(),
            scores=scores[order].float().cpu().numpy(),
        )

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Losses and poses of whole images; with `qualities` also those of its two parts alone."""
        images = self.images(batch)
        self._log_validation(self.losses(images, batch), batch)
        if "repeated" in batch:
            return
        ids, rows = self._image_ids(batch), batch["index"].tolist()
        plain = replace(self.grouping, absorb=0.0, refine=False)
        # Annotated people are never duplicates; keypoints that absorb no candidate must not count for the heat maps.
        everyone = replace(self.grouping, nms_distance=0.0, poses=10_000, fallback=False)
        for i, (heat, proposals) in enumerate(self.heat_and_proposals(batch)):
            to_image = batch["to_image"][i]
            final = people(heat, proposals, self.grouping)
            self._predicted.append(_of_image(rows[i], self.predicted(final, to_image, ids[i])))
            if self.qualities:
                regressed = people(heat, proposals, plain)
                cued = people(heat, as_proposals(annotated(batch, i)), everyone)
                for name, poses in zip(QUALITIES, (regressed, cued), strict=True):
                    predicted = self.predicted(poses, to_image, ids[i], learned=False)
                    self._others[name].append(_of_image(rows[i], predicted))

    def on_validation_epoch_start(self) -> None:
        """Forgets the poses of the last validation."""
        super().on_validation_epoch_start()
        self._others = {name: [] for name in QUALITIES}

    def on_validation_epoch_end(self) -> None:
        """Scores the poses of all ranks, and those of the two parts."""
        super().on_validation_epoch_end()
        if not self.qualities or self.trainer.sanity_checking:
            return
        self._measured, self._drawn_from, self._other_poses = {}, {}, {}
        for name, parts in self._others.items():
            everyone = joined(parts)
            if everyone is not None:
                self._other_poses[name] = everyone
                evaluation = self.trainer.datamodule.evaluate(everyone)  # type: ignore[attr-defined]
                self._measured[f"{name}/AP"] = evaluation.metrics["AP"]
                self._drawn_from |= {f"{name}/{key}": column for key, column in evaluation.per_person.items()}

    def measured(self) -> dict[str, float]:
        """AP of each of the two parts and, at the end, its shares of errors by kind (`heatmap/miss`); the network's
        operations as the paper and as the released code count."""
        if not self.count_macs or not isinstance(self.network, ARTNet):
            return self._measured
        size = (self.input_size[1], self.input_size[0])
        paper, released = (complexity(self.network, size, convention).macs for convention in COMPATS)
        return {**self._measured, "macs_paper": paper, "macs_released": released}

    def drawn_from(self) -> dict[str, NDArray[Any]]:
        """What the intervals of these APs are drawn from."""
        return self._drawn_from

    def draw(self, data: Any, folder: Path) -> dict[str, str]:
        """Predictions of the other two qualities and their kinds of errors, and where the regression head looks."""
        files = {}
        poses = data.poses(data.val_split)
        for name, everyone in self._other_poses.items():
            file = f"predictions_{name}.npz"
            everyone.save(folder / file)
            files[f"predictions_{name}"] = file
            if poses.skeleton.name not in (COCO.name, CROWDPOSE.name) or data.source.file is not None:
                continue
            found = shares(poses, everyone)
            self._measured |= {f"{name}/{kind}": found[kind] for kind in KINDS if np.isfinite(found[kind])}
        if art_taps.draw(self, poses, folder / "taps.png"):
            files["taps_figure"] = "taps.png"
        return files

    def protocol(self) -> dict[str, Any]:
        """Also scales, grouping, and which of paper and released code is followed."""
        settings = self.grouping
        nms = f"centre maxima; more than {settings.nms_keypoints} keypoints within {settings.nms_distance} px"
        own = {"scales": list(self.scales), "nms": nms, "refine": settings.refine, "compat": self.compat}
        own |= {"weighting": self.weighting, "center": self.center}
        return {**super().protocol(), **own}

    def _image_ids(self, batch: Batch, split: str | None = None) -> list[int]:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        images = data.poses(split or data.val_split).image_ids
        return [int(images[row]) for row in batch["index"].tolist()]

    # The scoring stage.

    def unfinished(self) -> bool:
        """Whether the scoring network is still to be trained."""
        return self.scorer is not None and not bool(self.scorer_trained)

    def on_validation_start(self) -> None:
        """Trains the scoring network once the rest is trained: at the validation after the last epoch."""
        if self.scorer is None or not self.unfinished() or self.trainer.state.fn != "validate":
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        self.network.eval()
        examples = self.collect(data.people_loader(data.train_split))
        if len(examples.oks) == 0:
            self.score_rule = NAIVE
            say("scoring network: no people are found in the training images; poses keep their naive scores")
            return
        self.scorer.requires_grad_(True)
        with torch.inference_mode(False), torch.enable_grad():
            # Copies, because tensors computed in inference mode cannot be trained on.
            examples = scorers.Examples(examples.features.clone(), examples.oks.clone())
            losses, state = shared(partial(self._trained_scorer, examples))
        self.scorer.load_state_dict(state)
        self.scorer.requires_grad_(False)
        self.scorer_trained.fill_(True)
        say(f"scoring network: {len(examples.oks)} poses, loss {losses[0]:.4f} -> {losses[-1]:.4f}")

    def _trained_scorer(self, examples: scorers.Examples) -> tuple[list[float], dict[str, Tensor]]:
        assert self.scorer is not None
        losses = scorers.train(self.scorer, examples, self.scoring_epochs)
        return losses, {name: tensor.cpu() for name, tensor in self.scorer.state_dict().items()}

    def collect(self, batches: Iterable[Batch]) -> scorers.Examples:
        """Features and OKS of the poses found in training images, by all processes, in the order of the images."""
        assert self.scorer is not None
        own: list[tuple[int, Tensor, Tensor]] = []  # row of the image, features, OKS
        with torch.no_grad():
            for batch in batches:
                if "repeated" in batch:
                    continue
                batch = {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in batch.items()}
                for i, poses in enumerate(self.detect(batch)):
                    truth = batch["person_mask"][i].bool()
                    areas: Tensor = (batch["oks_areas"] if "oks_areas" in batch else batch["areas"])[i][truth]
                    oks = scorers.best_oks(
                        poses.keypoints,
                        batch["keypoints"][i][truth],
                        batch["visibility"][i][truth],
                        areas,
                        self.skeleton.sigmas or (),
                    )
                    in_image = _moved(poses.keypoints, batch["to_image"][i])
                    features = self.scorer.features(in_image, scorers.heat_values(poses, self.compat))
                    own.append((int(batch["index"][i]), features.cpu(), oks.cpu()))
                if self.scoring_images is not None and len(own) * member().size >= self.scoring_images:
                    break
        every = sorted(gathered(own), key=lambda of_image: of_image[0])[: self.scoring_images]
        nobody_there = torch.zeros(0, len(self.skeleton), 2, device=self.device)  # there may be no image
        empty = self.scorer.features(nobody_there, nobody_there[..., 0]).cpu()
        _, features_of, oks_of = zip((-1, empty, empty[:, 0]), *every, strict=True)
        return scorers.Examples(torch.cat(features_of), torch.cat(oks_of))


def annotated(batch: Batch, image: int) -> Tensor:
    """The labelled people (M, K, 2) of an image of the batch; joints without a label at the others' mean."""
    labelled = (batch["visibility"][image] > 0) & batch["person_mask"][image].bool().unsqueeze(-1)
    some = labelled.any(1)
    keypoints, labelled = batch["keypoints"][image][some].float(), labelled[some]
    mean = bottomup.person_centers(keypoints, labelled).unsqueeze(1)
    return torch.where(labelled.unsqueeze(-1), keypoints, mean)


def _of_image(row: int, poses: Predictions) -> Part:
    """The poses of one image, which is that row of the set."""
    return np.full(len(poses), row), poses


def _moved(points: Tensor, affine: Tensor) -> Tensor:
    """Points (..., 2) through an affine (2, 3)."""
    return points @ affine[:, :2].t().to(points) + affine[:, 2].to(points)
