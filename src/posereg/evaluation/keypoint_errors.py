"""Which error costs what: jitter, miss, inversion, swap, in the taxonomy of coco-analyze (Ronchi and Perona 2017).

Detections are matched to people at OKS 0.1. Each labelled joint of a matched person is judged by the similarity
ks of its prediction to the same joint, and to its left-right partner, of every labelled person on the image:

    good       the nearest is the joint itself, ks >= 0.85
    jitter     the joint itself, 0.5 <= ks < 0.85
    inversion  the person's own left-right partner, ks >= 0.5
    swap       a joint of another person, ks >= 0.5
    miss       nothing within ks 0.5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.evaluation import crowdpose, oks, own
from posereg.evaluation.sigmas import sigmas as sigmas_of
from posereg.records.evaluation import Evaluation, protocol
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import CROWDPOSE

KINDS = ("good", "jitter", "inversion", "swap", "miss")
GOOD, JITTER, INVERSION, SWAP, MISS = range(5)
# The order in which the taxonomy's plots correct them, one on top of the other.
CORRECTION_ORDER = ("miss", "swap", "inversion", "jitter")
MATCH_AT = 0.1
AREA_RANGE = (32.0**2, 1e10)
GOOD_FROM, NEAR_FROM = 0.85, 0.5
VERSION = "errors-1: coco-analyze taxonomy, matched at OKS 0.1, ks 0.5 and 0.85"


@dataclass(frozen=True)
class Matched:
    """P detections and the people they belong to.

    Attributes:
        detection: (P,) row of the predictions; person: (P,) annotation id.
        kind: (P, K) index into `KINDS`, -1 where the joint is not labelled.
        similarity: (P, K) ks to the nearest joint of any person, NaN where not labelled.
        truth: (P, K, 2) annotated joints; area: (P,).
    """

    detection: NDArray[np.int64]
    person: NDArray[np.int64]
    kind: NDArray[np.int64]
    similarity: NDArray[np.float64]
    truth: NDArray[np.float64]
    area: NDArray[np.float64]


def evaluate(poses: PoseSet, predictions: Predictions, own_area: str | None = None) -> Evaluation:
    """Error analysis of COCO or CrowdPose predictions, or of those for a data set of the user's own.

    Args:
        own_area: of the user's own: which areas OKS measures by, as in `own.areas`.

    Returns:
        metrics in percent: share of the matched people's labelled joints by kind (`jitter`, `jitter/left_wrist` ...),
        and what correcting each kind alone adds to the average precision (`gain/AP/jitter`, `gain/AP50/jitter` ...);
        `cumulative/AP/miss`, `.../swap` ... are AP after correcting that kind and those before it in
        `CORRECTION_ORDER`.
        per_person: `kind`, `similarity`, `detection`, `person` as in `Matched`.

    Raises:
        UserError: predictions or annotations that do not fit.
    """
    truth, sigmas, figures = _setting(poses, own_area)
    entries = oks.results(predictions, oks.person_category(truth))
    matched = _matched(poses, entries, truth, sigmas)
    metrics = _shares(matched.kind, poses.skeleton.joints)
    base = figures(entries)
    metrics |= {f"{name}": base[name] for name in ("AP", "AP50", "AP75")}
    corrected = predictions
    for kind in CORRECTION_ORDER:
        alone = figures(oks.results(correct(predictions, matched, np.asarray(sigmas), (kind,))))
        metrics |= {f"gain/{name}/{kind}": alone[name] - base[name] for name in ("AP", "AP50", "AP75")}
        corrected = correct(corrected, matched, np.asarray(sigmas), (kind,))
        metrics[f"cumulative/AP/{kind}"] = figures(oks.results(corrected))["AP"]
    return Evaluation(
        metrics=metrics,
        per_person={
            "kind": matched.kind,
            "similarity": matched.similarity,
            "detection": matched.detection,
            "person": matched.person,
        },
        protocol=protocol(
            poses,
            predictions,
            "error analysis",
            VERSION,
            **oks.counts(truth, entries, poses.image_ids),
            matched=len(matched.detection),
            joints_counted=int((matched.kind >= 0).sum()),
        ),
    )


def shares(poses: PoseSet, predictions: Predictions) -> dict[str, float]:
    """The shares of `evaluate` alone, in percent, without the AP gains, which take time to compute."""
    return _shares(matched_people(poses, predictions).kind, poses.skeleton.joints)


def matched_people(poses: PoseSet, predictions: Predictions) -> Matched:
    """`match` of a set of people and predictions."""
    truth, sigmas, _ = _setting(poses)
    return _matched(poses, oks.results(predictions, oks.person_category(truth)), truth, sigmas)


def _matched(poses: PoseSet, entries: list[oks.Json], truth: oks.Json, sigmas: tuple[float, ...]) -> Matched:
    return match(truth, entries, np.asarray(sigmas), poses.skeleton.flip, poses.image_ids)


def match(
    truth: oks.Json,
    entries: list[oks.Json],
    sigmas: NDArray[np.float64],
    flip: NDArray[np.int64],
    image_ids: NDArray[np.int64] | None = None,
) -> Matched:
    """Pair detections with people (COCO matching, score order, 20 per image) and judge every labelled joint.

    Args:
        truth: annotation file as from `oks.read_truth`; entries: COCO results.
        sigmas: (K,); flip: (K,) the left-right partner of each joint.
    """
    evaluator = oks.run(truth, entries, sigmas.tolist(), image_ids, thresholds=[MATCH_AT], area=AREA_RANGE)
    by_image: dict[int, list[oks.Json]] = {}
    for entry in truth["annotations"]:
        if entry["num_keypoints"] and not entry.get("iscrowd"):
            by_image.setdefault(entry["image_id"], []).append(entry)

    pairs: list[tuple[int, int]] = []
    parts: list[tuple[NDArray[Any], ...]] = []
    for image in evaluator.eval_imgs:
        if image is None:
            continue
        columns = zip(
            image["dtIds"], image["dtMatches"][0], image["dtMatched"][0], image["dtIgnore"][0], strict=True
        )
        rows = [(det - 1, person) for det, person, hit, ignored in columns if hit and not ignored]
        if not rows:
            continue
        others = by_image[image["image_id"]]
        place = {entry["id"]: g for g, entry in enumerate(others)}
        annotated = np.array([entry["keypoints"] for entry in others], np.float64).reshape(len(others), -1, 3)
        area = np.array([entry["area"] for entry in others], np.float64)
        predicted = np.array([entries[det]["keypoints"] for det, _ in rows], np.float64).reshape(
            len(rows), -1, 3
        )
        own = np.array([place[person] for _, person in rows])
        kind, similarity = judge(predicted[..., :2], own, annotated, area, sigmas, flip)
        pairs.extend(rows)
        parts.append((kind, similarity, annotated[own][..., :2], area[own]))
    if not parts:
        joints = len(sigmas)
        empty = np.empty((0, joints))
        parts = [(empty.astype(np.int64), empty, np.empty((0, joints, 2)), np.empty(0))]
    kind, similarity, joints_of, areas = (np.concatenate(column) for column in zip(*parts, strict=True))
    ids = np.array(pairs, np.int64).reshape(-1, 2)
    return Matched(ids[:, 0], ids[:, 1], kind, similarity, joints_of, areas)


def judge(
    predicted: NDArray[np.float64],
    own: NDArray[np.int64],
    annotated: NDArray[np.float64],
    area: NDArray[np.float64],
    sigmas: NDArray[np.float64],
    flip: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Kinds (P, K) and similarities (P, K) of P matched poses on one image with G people.

    Args:
        predicted: (P, K, 2); own: (P,) index of each pose's person; annotated: (G, K, 3) x y v; area: (G,).
    """
    labelled = annotated[..., 2] > 0

    def similarity(joints: NDArray[np.int64]) -> NDArray[np.float64]:
        ks = oks.joint_similarity(annotated[None, :, joints, :2], area[None], predicted[:, None], sigmas)
        return np.where(labelled[None, :, joints], ks, -1.0)

    same, partner = similarity(np.arange(len(flip))), similarity(flip)
    # A joint without a partner (nose, head) cannot be inverted.
    partner[:, :, flip == np.arange(len(flip))] = -1
    rows = np.arange(len(own))
    own_same, own_partner = same[rows, own].copy(), partner[rows, own].copy()
    same[rows, own] = partner[rows, own] = -1
    someone = np.maximum(same, partner).max(axis=1)

    nearest = np.maximum(np.maximum(own_same, own_partner), someone)
    kind = np.full(nearest.shape, SWAP)
    kind[own_partner == nearest] = INVERSION
    kind[own_same == nearest] = JITTER
    kind[(own_same == nearest) & (nearest >= GOOD_FROM)] = GOOD
    kind[nearest < NEAR_FROM] = MISS
    here = labelled[own]
    return np.where(here, kind, -1), np.where(here, nearest, np.nan)


def correct(
    predictions: Predictions,
    matched: Matched,
    sigmas: NDArray[np.float64],
    kinds: tuple[str, ...],
    released: bool = False,
) -> Predictions:
    """The predictions with these kinds of error undone, as the taxonomy prescribes.

    A jittered joint moves to ks 0.85 of its place and a missed one to ks 0.5; an inverted or swapped one goes
    to the right joint at the ks it had to the wrong one. The offset is put on x.

    Args:
        released: with sigma where the similarity has 2 sigma, as in the released analysis code, so that
            corrected joints land nearer (ks^(1/4)).
    """
    target = np.full(matched.kind.shape, np.nan)
    for name in kinds:
        kind = KINDS.index(name)
        level = {JITTER: GOOD_FROM, MISS: NEAR_FROM}.get(kind)
        target = np.where(matched.kind == kind, matched.similarity if level is None else level, target)
    width = sigmas if released else 2 * sigmas
    with np.errstate(invalid="ignore"):
        offset = width * np.sqrt(-2 * matched.area[:, None] * np.log(np.minimum(target, 1)))
    moved = matched.truth.copy()
    moved[..., 0] += offset
    keypoints = predictions.keypoints.copy()
    keypoints[matched.detection] = np.where(np.isnan(target)[..., None], keypoints[matched.detection], moved)
    return replace(predictions, keypoints=keypoints)


def _setting(
    poses: PoseSet, own_area: str | None = None
) -> tuple[oks.Json, tuple[float, ...], Callable[[list[oks.Json]], dict[str, float]]]:
    path: Path = poses.annotations
    if own_area is not None:
        area = own.areas(poses, own_area)
        truth, sigmas = own.as_coco(poses, area), tuple(sigmas_of(poses, area)[0].tolist())
    elif poses.skeleton.name == CROWDPOSE.name:
        truth, sigmas = crowdpose.read_truth(path), crowdpose.SIGMAS
    else:
        truth, sigmas = oks.read_truth(path, poses.skeleton), oks.SIGMAS
    return (
        truth,
        sigmas,
        lambda entries: oks.figures(oks.run(truth, entries, sigmas, poses.image_ids, str(path)))[0],
    )


def _shares(kind: NDArray[np.int64], joints: tuple[str, ...]) -> dict[str, float]:
    counts = np.stack([(kind == k).sum(axis=0) for k in range(len(KINDS))]).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = 100 * counts.sum(axis=1) / counts.sum()
        per_joint = 100 * counts / counts.sum(axis=0)
    metrics = {name: float(total[k]) for k, name in enumerate(KINDS)}
    for k, name in enumerate(KINDS):
        metrics |= {
            f"{name}/{joint}": float(value) for joint, value in zip(joints, per_joint[k], strict=True)
        }
    return metrics
