from dataclasses import replace

import numpy as np
import pytest
import torch

from data.made import people
from posereg.data.modules.base import collate
from posereg.data.modules.topdown import NO_BOX, TopDownData
from posereg.data.samples.augment import Augment
from posereg.data.samples.people import TopDownDataset
from posereg.data.sources.source import Source
from posereg.errors import UserError


def source(poses, **kwargs):
    def reader(root, split, annotations=None):
        return replace(poses, split=split)

    return Source("made", "mpii", reader, evaluate=lambda p, q: None, root=poses.root, **kwargs)


def truncate(poses, row):
    path = poses.image_path(row)
    path.write_bytes(path.read_bytes()[:300])


def test_batch_is_the_documented_one(tmp_path):
    data = TopDownData(source(people(tmp_path, 5)), (48, 64), 4, augment=Augment(), extras=["scale"])
    batch = next(iter(data.train_dataloader()))
    found = {name: (tuple(value.shape), value.dtype) for name, value in batch.items()}
    assert found == {
        "image": ((4, 64, 48, 3), torch.uint8),
        "keypoints": ((4, 16, 2), torch.float32),
        "visibility": ((4, 16), torch.uint8),
        "to_image": ((4, 2, 3), torch.float32),
        "box": ((4, 4), torch.float32),
        "color_gain": ((4, 3), torch.float32),
        "color_power": ((4, 3), torch.float32),
        "index": ((4,), torch.int64),
        "scale": ((4,), torch.float64),
    }


def test_index_leads_back_to_the_person(tmp_path):
    data = TopDownData(source(people(tmp_path, 6)), (48, 64), 2, augment={"rotation": 40.0})
    poses = data.poses("train")
    for batch in data.train_dataloader():
        for k, row in enumerate(batch["index"].tolist()):
            labelled = poses.visibility[row] > 0
            points = batch["keypoints"][k].numpy() @ batch["to_image"][k, :, :2].numpy().T
            back = points + batch["to_image"][k, :, 2].numpy()
            near = np.linalg.norm(back[:, None] - poses.keypoints[row][None], axis=2).min(axis=1)
            assert near[batch["visibility"][k].numpy() > 0].max(initial=0) < 1e-3
            assert labelled.sum() == (batch["visibility"][k] > 0).sum()


def test_validation_sees_everyone_once_without_augmentation(tmp_path):
    poses = people(tmp_path, 5)
    data = TopDownData(source(poses), (48, 64), 2, augment=Augment(flip=1.0))
    batches = list(data.val_dataloader())
    assert torch.cat([b["index"] for b in batches]).tolist() == list(range(5))
    assert torch.cat([b["color_gain"] for b in batches]).eq(1).all()
    plain = TopDownDataset(poses, (48, 64))[(0, 3)]
    assert (batches[1]["image"][1].numpy() == plain["image"]).all()


def test_undecodable_training_images_are_replaced_counted_and_reported(tmp_path):
    poses = people(tmp_path, 8)
    for row in (2, 3):
        truncate(poses, row)
    data = TopDownData(source(poses), (32, 32), 4, max_bad_images=2)
    loader = data.train_dataloader()
    for _ in range(2):
        rows = torch.cat([batch["index"] for batch in loader]).tolist()
        assert sorted(rows) == [0, 1, 4, 4, 4, 5, 6, 7]
    assert "2 undecodable images" in data.bad_images()
    assert "images/002.jpg" in data.bad_images()


def test_workers_report_bad_images_to_the_main_process(tmp_path):
    poses = people(tmp_path, 8)
    truncate(poses, 5)
    data = TopDownData(source(poses), (32, 32), 4, workers=1, max_bad_images=1)
    list(data.train_dataloader())
    assert "1 undecodable" in data.bad_images()


def test_too_many_bad_images_stop_the_run_with_one_line(tmp_path):
    poses = people(tmp_path, 8)
    for row in (1, 2, 3):
        truncate(poses, row)
    data = TopDownData(source(poses), (32, 32), 8, max_bad_images=2)
    with pytest.raises(
        UserError, match=r"3 undecodable images, more than max_bad_images=2; first: .*001\.jpg"
    ):
        list(data.train_dataloader())


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_validation_image_is_an_error_in_one_line(tmp_path, workers):
    poses = people(tmp_path, 4)
    truncate(poses, 2)
    data = TopDownData(source(poses), (32, 32), 2, workers=workers)
    with pytest.raises(UserError, match=r"^[^\n]*002\.jpg: (damaged|truncated)[^\n]*$"):
        list(data.val_dataloader())


def test_annotated_image_that_is_not_there(tmp_path):
    poses = people(tmp_path, 4)
    poses.image_path(1).unlink()
    with pytest.raises(UserError, match=r"images/001\.jpg: annotated but not there \(1 of 4"):
        TopDownData(source(poses), batch_size=1).train_dataloader()
    data = TopDownData(source(poses), batch_size=1, missing_images="drop")
    found = data.poses("train")
    assert found.ids.tolist() == [100, 102, 103]
    assert found.images == ("images/000.jpg", "images/002.jpg", "images/003.jpg")
    assert [found.image_path(k).name for k in range(3)] == ["000.jpg", "002.jpg", "003.jpg"]


def test_limit_takes_whole_images_by_seed(tmp_path):
    poses = people(tmp_path, 9)
    poses = replace(poses, person_image=np.arange(9) // 3)

    def chosen(seed):
        return TopDownData(source(poses), limit_train=5, seed=seed, batch_size=1).poses("train")

    found = chosen(0)
    assert len(found) == 3  # one image of three people; two would be six
    assert len(set(found.person_image.tolist())) == len(found.images) == 1
    assert chosen(0).ids.tolist() == found.ids.tolist()
    assert len({tuple(chosen(seed).ids.tolist()) for seed in range(8)}) > 1


def test_every_seed_is_scored_on_the_same_part(tmp_path):
    poses = people(tmp_path, 9)
    parts = [TopDownData(source(poses), limit_val=4, seed=seed).poses("valid").ids for seed in range(8)]
    assert len({tuple(part.tolist()) for part in parts}) == 1
    assert len(parts[0]) == 4


def test_people_without_a_usable_box_or_joint_are_left_out(tmp_path):
    poses = people(tmp_path, 5)
    boxes, visibility = poses.boxes.copy(), poses.visibility.copy()
    boxes[1] = np.nan
    boxes[2, 2] = boxes[2, 0]
    visibility[3] = 0
    data = TopDownData(source(replace(poses, boxes=boxes, visibility=visibility)), (32, 32), 1)
    assert data.poses("train").ids.tolist() == [100, 103, 104]
    assert len(data.train_dataloader()) == 2  # nothing to learn from row 3, but it is predicted
    assert len(data.val_dataloader()) == 3


def test_fewer_people_than_a_batch(tmp_path):
    with pytest.raises(UserError, match="3 people do not fill one batch of 8"):
        TopDownData(source(people(tmp_path, 3)), batch_size=8).train_dataloader()


def test_unknown_column_names_the_known(tmp_path):
    with pytest.raises(UserError, match="no column 'xyz'; it has scale"):
        TopDownDataset(people(tmp_path, 1), (32, 32), extras=["xyz"])


def test_annotations_by_split(tmp_path):
    poses = people(tmp_path, 1)
    seen = []

    def reader(root, split, annotations=None):
        seen.append((split, annotations))
        return poses

    made = Source("made", "mpii", reader, None, tmp_path, {"train": "a.h5"})
    made.read("train")
    assert seen == [("train", "a.h5")]
    with pytest.raises(UserError, match="no file for split 'valid'"):
        made.read("valid")


def test_occlusion_and_colour_transforms_are_seeded_by_sample(tmp_path):
    poses = people(tmp_path, 4)
    specs = [{"name": "CoarseDropout", "p": 1.0}, {"name": "RandomBrightnessContrast", "p": 1.0}]
    first = TopDownData(source(poses), (32, 32), 4, transforms=specs)
    again = TopDownData(source(poses), (32, 32), 4, transforms=specs)
    plain = TopDownData(source(poses), (32, 32), 4)
    one, two, three = (next(iter(d.train_dataloader())) for d in (first, again, plain))
    assert torch.equal(one["image"], two["image"])
    assert not torch.equal(one["image"], three["image"])
    assert torch.equal(one["keypoints"], three["keypoints"])


def test_collate_keeps_bytes(tmp_path):
    dataset = TopDownDataset(people(tmp_path, 2), (32, 40))
    batch = collate([dataset[0], dataset[1]])
    assert batch["image"].shape == (2, 40, 32, 3)
    assert (batch["image"][1].numpy() == dataset[1]["image"]).all()


def test_people_without_a_box_are_left_out_by_name_and_said_once(tmp_path, capsys):
    poses = people(tmp_path, 5)
    poses.boxes[1] = np.nan
    poses.boxes[3, 2] = poses.boxes[3, 0]
    data = TopDownData(source(poses), (48, 64), 2)
    lost = tuple(str(poses.ids[row]) for row in (1, 3))
    assert data.poses("valid").left_out == {NO_BOX: lost}
    assert len(data.poses("valid")) == 3
    said = capsys.readouterr().out
    assert said.count(f"made valid: 2 {NO_BOX} (posereg data check lists them)") == 1


def test_nobody_to_validate_on_and_too_few_to_train_on_is_said_before_the_first_step(tmp_path):
    poses = people(tmp_path, 3)
    several = source(poses)

    def reader(root, split, annotations=None):
        return several.reader(root, split).people(np.arange(0 if split == "valid" else 3))

    data = TopDownData(replace(several, reader=reader), (48, 64), 2)
    with pytest.raises(UserError, match=r"made valid: nobody to validate on; .*loader.val_split"):
        data.setup("fit")
    data.setup("predict")
    few = TopDownData(several, (48, 64), 4)
    few.setup("fit")
    with pytest.raises(UserError, match=r"3 people do not fill one batch of 4 \(batch_size\)"):
        few.train_dataloader()


def test_a_cache_is_filled_before_training_and_validation_reads_the_pictures(tmp_path):
    poses = people(tmp_path / "data", 6)
    plain, cached = (
        TopDownData(source(poses), (48, 64), 6, augment=Augment(), cache=cache)
        for cache in (None, str(tmp_path / "cache"))
    )
    first, second = (next(iter(data.train_dataloader())) for data in (plain, cached))
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 6
    assert torch.equal(first["keypoints"], second["keypoints"])
    assert torch.equal(first["index"], second["index"])
    off = (first["image"].int() - second["image"].int()).abs().float()
    assert 0 < off.mean() < 6
    validated = [next(iter(data.val_dataloader()))["image"] for data in (plain, cached)]
    assert torch.equal(*validated)
