"""People keep their number while they walk, cross and are hidden; a prediction that was cut off numbers them alike."""

import numpy as np
import pytest

from posereg.predict.tracks import LOST, RAW, Tracks, similarity

RATE = 25.0
JOINTS = ["head", "left_hand", "right_hand", "feet"]
BODY = np.array([[0, -50], [-25, 0], [25, 0], [0, 50]], float)


def entry(frame, *places, noise=None):
    people = []
    for k, place in enumerate(places):
        pose = BODY + place + (0 if noise is None else noise[frame, k])
        points = {name: [*map(float, np.round(xy, 2)), 0.9] for name, xy in zip(JOINTS, pose, strict=True)}
        people.append({"bbox": None, "score": 0.9, "keypoints": points})
    return {"frame": frame, "time": round(frame / RATE, 3), "people": people}


def numbers(tracks, *entries):
    return [[person["id"] for person in tracks.follow(one)["people"]] for one in entries]


def test_people_keep_their_numbers_in_whatever_order_they_come():
    tracks = Tracks(smooth=False)
    walk = [(100 + 4 * k, 100) for k in range(20)]
    stand = [(600, 100)] * 20
    entries = [
        entry(k, *((a, b) if k % 2 else (b, a))) for k, (a, b) in enumerate(zip(walk, stand, strict=True))
    ]
    assert numbers(tracks, *entries) == [[1, 0] if k % 2 else [0, 1] for k in range(20)]


def test_the_best_pairing_of_all_is_taken_not_the_first():
    tracks = Tracks(smooth=False)
    numbers(tracks, entry(0, (100, 100), (120, 100)))
    # The first new pose is nearest to person 1, but person 1's own new pose leaves it for person 0.
    assert numbers(tracks, entry(1, (112, 100), (130, 100))) == [[0, 1]]


def test_somebody_new_gets_a_new_number_and_somebody_lost_keeps_theirs_for_a_second():
    tracks = Tracks(smooth=False)
    hidden = int(LOST * RATE)
    assert numbers(tracks, entry(0, (100, 100), (500, 100)), entry(1, (100, 100))) == [[0, 1], [0]]
    assert numbers(tracks, entry(hidden, (100, 100), (500, 100))) == [[0, 1]]
    assert numbers(tracks, entry(2 * hidden + 1, (500, 100))) == [[2]]


def test_a_jump_across_the_picture_is_somebody_else():
    tracks = Tracks(smooth=False)
    assert numbers(tracks, entry(0, (100, 100)), entry(1, (400, 100)), entry(2)) == [[0], [1], []]


def test_similarity_is_one_for_the_same_pose_and_does_not_depend_on_the_resolution():
    assert similarity(BODY, BODY) == 1
    moved = BODY + np.array([10, 0])
    # Box 50 x 100: the size is 70.7, and the distance of every joint 10.
    assert similarity(BODY, moved) == pytest.approx(np.exp(-100 / (2 * 0.04 * 5000)))
    assert similarity(3 * BODY, 3 * moved) == pytest.approx(similarity(BODY, moved))


def test_one_point_is_told_apart_too():
    assert similarity(np.zeros((1, 2)), np.zeros((1, 2))) == 1
    assert similarity(np.zeros((1, 2)), np.full((1, 2), 9.0)) < 0.01


def test_smoothed_joints_jitter_less_and_the_raw_ones_stay():
    noise = np.random.default_rng(0).normal(size=(100, 1, 4, 2))
    tracks = Tracks(smooth=True)
    entries = [entry(k, (100, 100), noise=noise) for k in range(100)]
    seen = [tracks.follow(one)["people"][0] for one in entries]
    smooth = np.array([list(person["keypoints"].values()) for person in seen])
    raw = np.array([list(person[RAW].values()) for person in seen])
    assert [person[RAW] for person in seen] == [one["people"][0]["keypoints"] for one in entries]
    assert np.diff(smooth[20:, :, :2], axis=0).std() < np.diff(raw[20:, :, :2], axis=0).std() / 2
    np.testing.assert_allclose(smooth[..., 2], 0.9)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("cut", [1, 7, 19])
def test_shown_its_own_entries_again_it_goes_on_alike(smooth, cut):
    noise = np.random.default_rng(1).normal(size=(20, 2, 4, 2))
    entries = [entry(k, (100 + 9 * k, 100), (300 - 9 * k, 100), noise=noise) for k in range(20)]
    whole = Tracks(smooth)
    expected = [whole.follow(one) for one in entries]
    again = Tracks(smooth)
    assert [again.follow(one) for one in expected[:cut]] == expected[:cut]
    assert [again.follow(one) for one in entries[cut:]] == expected[cut:]
