"""Mixed 2D and 3D batches: what a pass shows, what is unknown, and that it resumes."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from data.made import people
from posereg.data.modules.mixed import MixedData, mixed_order
from posereg.data.sources.joined import in_joints_of
from posereg.data.sources.source import Source
from posereg.errors import UserError
from posereg.evaluation import mpjpe
from posereg.records.poses import PoseSet
from posereg.runs.processes import Place
from posereg.skeletons.skeleton import H80K, MPII, mapping


def _source(root: Path, count: int, name: str, three_d: bool) -> Source:
    made = people(root / name, count, seed=count, skeleton=H80K if three_d else MPII)
    if three_d:
        z = np.random.default_rng(0).normal(size=(count, 18)).astype(np.float32)
        made = replace(
            made,
            visibility=np.full((count, 18), 2, np.uint8),
            extras={"z": z, "xyz": np.zeros((count, 18, 3))},
        )

    def read(root: Path, split: str, annotations: object, made: PoseSet) -> PoseSet:
        return made

    return Source(name, made.skeleton.name, partial(read, made=made), mpjpe.evaluate, root, val_split="val")


@pytest.fixture
def data(tmp_path: Path) -> MixedData:
    return MixedData(
        others={"mpii": _source(tmp_path, 6, "mpii", False), "more": _source(tmp_path, 4, "more", False)},
        use=["mpii"],
        source=_source(tmp_path, 10, "h80k", True),
        input_size=(32, 32),
        batch_size=4,
        extras=["z"],
        box_source="projection",
    )


def _pass(data: MixedData) -> dict[str, np.ndarray]:
    batches = list(data.train_dataloader())
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def test_a_pass_shows_every_2d_person_once_and_as_many_of_the_3d_set() -> None:
    order = mixed_order([10, 6, 4], seed=1)
    for epoch in range(3):
        rows = order(epoch)
        assert len(rows) == 18
        assert sorted(rows[(rows >= 10) & (rows < 16)]) == list(range(10, 16))
        three = rows[rows < 10]
        assert len(three) == len(set(three)) == 6
        # A set smaller than that goes round: each once before any twice.
        counts = np.bincount(rows[rows >= 16] - 16, minlength=4)
        assert counts.sum() == 6
        assert counts.min() >= 1
    assert not np.array_equal(order(0), order(1))
    assert np.array_equal(order(1), mixed_order([10, 6, 4], seed=1)(1))
    assert sorted(mixed_order([5], 0)(3)) == list(range(5))


def test_depth_and_absent_joints_are_unknown_in_2d_people(data: MixedData) -> None:
    shown = _pass(data)
    assert len(shown["index"]) == 12
    flat = shown["index"] >= 10
    assert flat.sum() == 6
    assert np.isnan(shown["z"][flat]).all()
    assert np.isfinite(shown["z"][~flat]).all()
    absent = mapping(MPII, H80K) < 0
    assert not shown["visibility"][flat][:, absent].any()
    assert shown["visibility"][flat][:, ~absent].any()
    assert len(np.unique(shown["index"])) == 12


def test_2d_people_keep_their_joints_and_get_the_box_of_their_joints(tmp_path: Path) -> None:
    made = people(tmp_path, 3)
    target = replace(people(tmp_path / "t", 1, skeleton=H80K), extras={"z": np.zeros((1, 18), np.float32)})
    found = in_joints_of(made, target, ["z"], joint_boxes=True)
    for k, source in enumerate(mapping(MPII, H80K)):
        if source >= 0:
            assert_allclose(found.keypoints[:, k], made.keypoints[:, source])
            assert np.array_equal(found.visibility[:, k], made.visibility[:, source])
    seen = np.where(made.visibility[..., None] > 0, made.keypoints, np.nan)
    low, high = np.nanmin(seen, axis=1), np.nanmax(seen, axis=1)
    assert_allclose(found.boxes[:, 2:] - found.boxes[:, :2], 1.25 * (high - low), rtol=1e-4)
    assert_allclose((found.boxes[:, 2:] + found.boxes[:, :2]) / 2, (low + high) / 2, rtol=1e-4)
    assert_allclose(in_joints_of(made, target, ["z"], joint_boxes=False).boxes, made.boxes)


def test_resumes_at_the_exact_batch(data: MixedData) -> None:
    loader = data.train_dataloader()
    whole = [batch["index"] for _ in range(2) for batch in loader]
    other = data.train_dataloader()
    iterator = iter(other)
    next(iterator)
    state = other.state_dict()
    fresh = data.train_dataloader()
    fresh.load_state_dict(state)
    rest = [batch["index"] for batch in fresh] + [batch["index"] for batch in fresh]
    assert len(rest) == len(whole) - 1
    for a, b in zip(rest, whole[1:], strict=True):
        assert torch.equal(a, b)


def test_ranks_share_a_pass(data: MixedData, monkeypatch: pytest.MonkeyPatch) -> None:
    data.batch_size = 2
    seen = []
    for rank in range(2):
        monkeypatch.setattr("posereg.data.modules.loader.member", lambda rank=rank: Place(rank, 2))
        seen.append(_pass(data)["index"])
    assert len(seen[0]) == len(seen[1]) == 6
    assert len(set(seen[0]) | set(seen[1])) == 12


def test_validation_is_on_the_3d_set_alone_and_the_protocol_says_what_was_shown(data: MixedData) -> None:
    rows = np.concatenate([batch["index"] for batch in data.val_dataloader()])
    assert rows.tolist() == list(range(10))
    assert data.protocol["box_source"] == "projection"
    assert data.protocol["trained_beside"] == ["mpii"]
    before = data.protocol["box_file_hash"]
    poses = data.poses("val")
    data._poses["val"] = replace(poses, boxes=poses.boxes + 1)
    assert data.protocol["box_file_hash"] != before


def test_without_2d_sets_a_pass_is_the_3d_set(tmp_path: Path) -> None:
    alone = MixedData(
        source=_source(tmp_path, 9, "h80k", True), input_size=(32, 32), batch_size=3, extras=["z"]
    )
    assert sorted(_pass(alone)["index"]) == list(range(9))


def test_unknown_set_names_the_nearest(tmp_path: Path) -> None:
    known = {"mpii": _source(tmp_path, 6, "mpii", False)}
    with pytest.raises(UserError, match=r"no 2D data set 'mpi' in loader.others, did you mean 'mpii'"):
        MixedData(others=known, use=["mpi"], source=_source(tmp_path, 6, "h80k", True))
