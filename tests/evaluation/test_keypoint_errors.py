import json
from itertools import pairwise

import numpy as np
import pytest

from evaluation.coco_cases import adversarial, image, person, truth_of
from evaluation.sets import pose_set
from posereg.evaluation import keypoint_errors as errors
from posereg.evaluation import oks
from posereg.evaluation.keypoint_errors import GOOD, INVERSION, JITTER, KINDS, MISS, SWAP
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import COCO
from shared import shared

SIGMAS = np.array(COCO.sigmas)
J = COCO.joints.index
AREA = 150.0**2
ALL = np.full(17, 2)
# Two people far enough apart that only a deliberate error brings their joints together.
FIRST = np.stack([np.arange(17) % 4 * 120.0, np.arange(17) // 4 * 120.0], axis=1)
SECOND = FIRST + np.array([700, 60])


def offset(joint, similarity):
    """How far a joint may lie off for this similarity."""
    return 2 * SIGMAS[joint] * np.sqrt(-2 * AREA * np.log(similarity))


def predictions(poses, image_ids=None, scores=None):
    poses = np.asarray(poses, np.float32)
    return Predictions(
        ids=np.full(len(poses), -1),
        image_ids=np.ones(len(poses), int) if image_ids is None else np.asarray(image_ids),
        keypoints=poses,
        keypoint_scores=np.ones(poses.shape[:2], np.float32),
        scores=np.linspace(1, 0.5, len(poses)).astype(np.float32)
        if scores is None
        else np.asarray(scores, np.float32),
    )


def scene(tmp_path, visibility=ALL):
    truth = truth_of([image(1)], [person(11, 1, FIRST, visibility, AREA), person(12, 1, SECOND, ALL, AREA)])
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(truth))
    poses = pose_set(COCO, [FIRST, SECOND], path, images=[0, 0])
    return poses, truth


def spoiled():
    pose = FIRST.copy()
    pose[J("nose"), 0] += offset(J("nose"), 0.6)
    pose[J("left_elbow")] = FIRST[J("right_elbow")]
    pose[J("right_elbow"), 1] += 60
    pose[J("left_wrist")] = SECOND[J("left_wrist")]
    pose[J("right_wrist")] = SECOND[J("left_wrist")] + [1, 0]
    pose[J("left_ankle")] = (-400, -400)
    pose[J("right_knee"), 0] += offset(J("right_knee"), 0.9)
    return pose


EXPECTED = {
    "nose": JITTER,
    "left_elbow": INVERSION,
    "left_wrist": SWAP,
    "right_wrist": SWAP,
    "left_ankle": MISS,
}


def test_every_kind_of_error_is_told_apart(tmp_path):
    poses, _ = scene(tmp_path)
    scored = errors.evaluate(poses, predictions([spoiled(), SECOND]))
    kind = scored.per_person["kind"][0]
    assert {name: kind[J(name)] for name in EXPECTED} == EXPECTED
    assert scored.per_person["person"].tolist() == [11, 12]
    assert (np.delete(kind, [J(name) for name in (*EXPECTED, "right_elbow")]) == GOOD).all()
    assert (scored.per_person["kind"][1] == GOOD).all()
    assert scored.metrics["swap"] == pytest.approx(100 * 2 / 34)
    assert scored.metrics["inversion/left_elbow"] == 50
    assert sum(scored.metrics[name] for name in KINDS) == pytest.approx(100)


def test_joints_that_are_not_labelled_are_judged_nowhere(tmp_path):
    visibility = ALL.copy()
    visibility[J("left_elbow")] = 0
    poses, _ = scene(tmp_path, visibility)
    scored = errors.evaluate(poses, predictions([spoiled()]))
    assert scored.per_person["kind"][0, J("left_elbow")] == -1
    assert scored.protocol["joints_counted"] == 16


def test_a_midline_joint_cannot_be_inverted_and_nearest_wins():
    annotated = np.concatenate([FIRST, ALL[:, None]], axis=1)[None]
    pose = FIRST.copy()
    eyes = J("left_eye"), J("right_eye")
    annotated[0, eyes[1], :2] = annotated[0, eyes[0], :2] + [10, 0]
    # Between the eyes, nearer to its own: never an inversion.
    pose[eyes[0]] = annotated[0, eyes[0], :2] + [4, 0]
    own = np.array([0])
    kind, similarity = errors.judge(pose[None], own, annotated, np.array([AREA]), SIGMAS, COCO.flip)
    assert kind[0, eyes[0]] in (GOOD, JITTER)
    pose[eyes[0]] += [2, 0]
    assert (
        errors.judge(pose[None], own, annotated, np.array([AREA]), SIGMAS, COCO.flip)[0][0, eyes[0]]
        == INVERSION
    )
    assert kind[0, J("nose")] == GOOD
    assert similarity[0, J("nose")] == 1


def test_corrected_joints_reach_the_similarity_of_the_taxonomy(tmp_path):
    _, truth = scene(tmp_path)
    found = predictions([spoiled(), SECOND])
    matched = errors.match(truth, oks.results(found), SIGMAS, COCO.flip)
    expected = {
        "jitter": ("nose", 0.85),
        "miss": ("left_ankle", 0.5),
        "inversion": ("left_elbow", 1.0),
        "swap": ("left_wrist", 1.0),
    }
    for kind, (joint, similarity) in expected.items():
        fixed = errors.correct(found, matched, SIGMAS, (kind,)).keypoints[0]
        assert oks.joint_similarity(FIRST, AREA, fixed, SIGMAS)[J(joint)] == pytest.approx(
            similarity, abs=1e-5
        )
        changed = (fixed != found.keypoints[0]).any(axis=1)
        assert (changed <= (matched.kind[0] == KINDS.index(kind))).all()
    nearer = errors.correct(found, matched, SIGMAS, ("jitter",), released=True).keypoints[0]
    assert oks.joint_similarity(FIRST, AREA, nearer, SIGMAS)[J("nose")] == pytest.approx(0.85**0.25, abs=1e-5)


def test_gains_are_what_the_corrected_file_scores(tmp_path):
    poses, truth = scene(tmp_path)
    found = predictions([spoiled(), SECOND])
    metrics = errors.evaluate(poses, found).metrics
    matched = errors.match(truth, oks.results(found), SIGMAS, COCO.flip)
    fixed = errors.correct(found, matched, SIGMAS, ("swap",))
    assert metrics["gain/AP/swap"] == pytest.approx(oks.evaluate(poses, fixed).metrics["AP"] - metrics["AP"])
    assert metrics["gain/AP/swap"] > 0
    steps = [metrics["AP"], *(metrics[f"cumulative/AP/{kind}"] for kind in errors.CORRECTION_ORDER)]
    assert all(a <= b + 1e-9 for a, b in pairwise(steps))


@pytest.mark.parametrize("seed", range(3))
def test_shares_and_matches_hold_on_adversarial_sets(tmp_path, seed):
    truth, found = adversarial(seed, 60)
    matched = errors.match(truth, found, SIGMAS, COCO.flip)
    people = {entry["id"]: entry for entry in truth["annotations"]}
    assert len(matched.person) > 5
    assert len(set(matched.person.tolist())) == len(matched.person)
    for row, (det, number) in enumerate(zip(matched.detection, matched.person, strict=True)):
        entry = people[number]
        values = np.reshape(entry["keypoints"], (17, 3))
        pose = np.reshape(found[det]["keypoints"], (17, 3))[:, :2]
        assert entry["image_id"] == found[det]["image_id"]
        assert oks.oks(values[:, :2], values[:, 2], entry["area"], pose, SIGMAS) >= 0.1
        assert ((matched.kind[row] >= 0) == (values[:, 2] > 0)).all()


def test_real_annotations_with_left_and_right_exchanged_are_inversions(tmp_path):
    path = shared("data/coco/annotations/person_keypoints_val2017.json")
    truth = json.loads(path.read_text())
    people = [a for a in truth["annotations"] if a["num_keypoints"] >= 12 and not a["iscrowd"]]
    values = np.array([a["keypoints"] for a in people], np.float64).reshape(-1, 17, 3)
    poses = pose_set(COCO, np.zeros((len(truth["images"]), 17, 2)), path)
    poses.image_ids[:] = [picture["id"] for picture in truth["images"]]
    # Only the wrists: whole mirrored people match somebody else or nobody.
    swapped = values[:, :, :2].copy()
    wrists = [J("left_wrist"), J("right_wrist")]
    swapped[:, wrists] = swapped[:, wrists[::-1]]
    scored = errors.evaluate(poses, predictions(swapped, [a["image_id"] for a in people]))
    kind = scored.per_person["kind"]
    assert scored.protocol["matched"] > 20
    both = (kind[:, wrists] >= 0).all(axis=1)
    assert (kind[both][:, wrists] == INVERSION).mean() > 0.7
    assert scored.metrics["good/left_hip"] > 95
    assert scored.metrics["gain/AP/inversion"] > 0
