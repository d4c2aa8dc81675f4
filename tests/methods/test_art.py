from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from posereg.codecs.art import encode
from posereg.data.samples.scenes import image_at
from posereg.errors import UserError
from posereg.evaluation.keypoint_errors import KINDS
from posereg.inference.grouping import Grouping, Poses
from posereg.methods.art import BottomUpPose, annotated
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import COCO

SIDE = 64


def build(network=None, **options):
    torch.manual_seed(0)
    return BottomUpPose(
        network=network or ARTNet(HRNetTrunk("hrnet_w18_small"), init="identity", regression_width=48),
        skeleton="coco",
        input_size=(SIDE, SIDE),
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=3e-3),
        **options,
    )


def images_with_people(number, seed=0):
    """A bottom-up batch: bright squares where the joints are, each joint type a colour."""
    g = torch.Generator().manual_seed(seed)
    shape = torch.rand(17, 2, generator=torch.Generator().manual_seed(5)) * 28 - 14
    colors = torch.randint(60, 255, (17, 3), generator=torch.Generator().manual_seed(6), dtype=torch.uint8)
    keypoints = torch.zeros(number, 3, 17, 2)
    image = torch.zeros(number, SIDE, SIDE, 3, dtype=torch.uint8)
    for i in range(number):
        center = torch.rand(2, generator=g) * (SIDE - 32) + 16
        keypoints[i, 0] = center + shape
        for color, (x, y) in zip(colors, keypoints[i, 0].round().long().tolist(), strict=True):
            image[i, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = color
    visibility = torch.zeros(number, 3, 17, dtype=torch.uint8)
    visibility[:, 0] = 2
    to_image = torch.tensor([[2.0, 0, 7], [0, 2, -3]])
    return {
        "image": image,
        "keypoints": keypoints,
        "visibility": visibility,
        "areas": torch.full((number, 3), 700.0),
        "person_mask": torch.tensor([[True, False, False]] * number),
        "small": torch.zeros(number, 3, dtype=torch.bool),
        "ignore": torch.zeros(number, SIDE // 4, SIDE // 4, dtype=torch.uint8),
        "to_image": to_image.expand(number, 2, 3),
        "index": torch.arange(number),
    }


class Batches:
    """One batch over and over."""

    def __init__(self, batch, number):
        self.batch, self.number = batch, number

    def __len__(self):
        return self.number

    def __iter__(self):
        return iter([self.batch] * self.number)


class Data(pl.LightningDataModule):
    train_split, val_split = "train", "val"
    source = SimpleNamespace(file=None)

    def __init__(self, batch, steps):
        super().__init__()
        self.batch, self.steps = batch, steps

    def poses(self, split):
        images = np.arange(100, 100 + len(self.batch["image"]))
        none = np.zeros(0, np.int64)
        return PoseSet(
            name="squares", split=split, skeleton=COCO, root=Path(), images=tuple(map(str, images)),
            image_ids=images, person_image=none, ids=none, keypoints=np.zeros((0, 17, 2), np.float32),
            visibility=np.zeros((0, 17), np.uint8), boxes=np.zeros((0, 4), np.float32), annotations=Path(),
        )  # fmt: skip

    def postprocessed(self, predictions):
        return predictions

    def evaluate(self, predictions):
        return self.nearest(self.poses("val"), predictions)

    def nearest(self, poses, predictions):
        """Percent of images whose best pose is within 4 input pixels on average."""
        truth = self.batch["keypoints"][:, 0].numpy() * 2 + (7, -3)
        hits = 0
        for image, people in zip(poses.image_ids, truth, strict=True):
            rows = np.flatnonzero(predictions.image_ids == image)
            if len(rows):
                best = rows[predictions.scores[rows].argmax()]
                hits += np.linalg.norm(predictions.keypoints[best] - people, axis=-1).mean() < 8
        return Evaluation(metrics={"AP": 100 * hits / len(truth)})

    def train_dataloader(self):
        return Batches(self.batch, self.steps)

    def val_dataloader(self):
        return Batches(self.batch, 1)

    def people_loader(self, split):
        return Batches(self.batch, 2)


def trainer(folder, epochs):
    return pl.Trainer(
        default_root_dir=folder,
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=1.0,
        check_val_every_n_epoch=1000,
    )


def test_a_row_from_training_to_scored_people(tmp_path, monkeypatch):
    """A few images learned by heart are found; the scoring stage trains and is kept with the checkpoint."""
    module = build(scoring=True, scoring_epochs=60, qualities=True, flip_test=False)
    data = Data(images_with_people(4), steps=50)
    lightning = trainer(tmp_path, 1)
    lightning.fit(module, datamodule=data)
    assert not module.scorer_trained
    assert module.unfinished()
    lightning.validate(module, datamodule=data, verbose=False)

    assert module.scorer_trained
    found = module.everyone()
    assert set(found.image_ids.tolist()) == {100, 101, 102, 103}
    assert (found.ids == -1).all()
    assert data.nearest(data.poses("val"), found).metrics["AP"] >= 75
    assert module.measured().keys() == {"regression/AP", "heatmap/AP"}
    assert module.measured()["heatmap/AP"] == 100
    judged = []
    monkeypatch.setattr(
        "posereg.methods.art.shares", lambda poses, found: judged.append(found) or dict.fromkeys(KINDS, 20.0)
    )
    assert set(module.draw(data, tmp_path)) == {"predictions_regression", "predictions_heatmap"}
    assert len(judged) == 2
    assert module.measured()["regression/jitter"] == module.measured()["heatmap/miss"] == 20

    again = build(scoring=True)
    again.load_state_dict(module.state_dict())
    assert not again.unfinished()
    for mine, theirs in zip(module.scorer.parameters(), again.scorer.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert not mine.requires_grad


def test_predictions_are_in_image_pixels_and_ranked():
    module = build()
    keypoints = torch.rand(3, 17, 2) * 50
    poses = Poses(
        keypoints, torch.tensor([[0.2] * 17, [0.9] * 17, [0.5] * 17]), torch.tensor([1.0, 0.5, 0.8])
    )
    found = module.predicted(poses, torch.tensor([[2.0, 0, 7], [0, 2, -3]]), 42)
    np.testing.assert_allclose(
        found.keypoints, (keypoints[[1, 2, 0]] * 2 + torch.tensor([7.0, -3])).numpy(), rtol=1e-5
    )
    np.testing.assert_allclose(found.scores, [0.45, 0.4, 0.2], rtol=1e-5)
    assert found.image_ids.tolist() == [42] * 3


def test_annotated_people_as_cues():
    batch = images_with_people(1)
    batch["visibility"][0, 0, 5] = 0
    batch["keypoints"][0, 0, 5] = 0
    cues = annotated(batch, 0)
    assert cues.shape == (1, 17, 2)
    rest = [k for k in range(17) if k != 5]
    torch.testing.assert_close(cues[0, rest], batch["keypoints"][0, 0, rest])
    torch.testing.assert_close(cues[0, 5], batch["keypoints"][0, 0, rest].mean(0))
    batch["visibility"][:] = 0
    assert annotated(batch, 0).shape == (0, 17, 2)


@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 2.0)])
@pytest.mark.parametrize("convention", ["center", "corner"])
def test_any_aspect_flip_and_scales(scales, convention):
    module = build(
        scales=scales, convention=convention, flip_test=True, grouping={"center_threshold": -9.0}
    ).eval()
    with torch.inference_mode():
        found = module.detect({image_at(s): pictures(round(64 * s), round(128 * s)) for s in scales})
    assert len(found) == 1
    assert found[0].keypoints.shape[1:] == (17, 2)


def pictures(height, width):
    return torch.randint(0, 255, (1, height, width, 3), dtype=torch.uint8)


def test_each_scale_of_the_test_is_an_image_of_its_own():
    module = build(scales=(0.5, 1.0, 2.0), grouping={"center_threshold": -9.0}).eval()
    batch = {image_at(s): pictures(round(64 * s), round(64 * s)) for s in module.scales}
    seen = []
    module.network.register_forward_pre_hook(lambda network, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        module.detect(batch)
    for images, column in zip(seen, ("image_0.5", "image", "image_2"), strict=True):
        assert torch.equal(images, module.images({"image": batch[column]}))


def test_the_scoring_network_sees_only_images_with_people():
    module, asked = build(scoring=True), []
    module._trainer = SimpleNamespace(
        state=SimpleNamespace(fn="validate"),
        datamodule=SimpleNamespace(
            train_split="train", people_loader=lambda split: asked.append(split) or []
        ),
        world_size=1,
    )
    module.on_validation_start()
    assert asked == ["train"]
    assert module.unfinished()  # nobody was there: poses keep their naive scores


def test_the_centre_is_the_mean_of_the_joints_or_the_middle_of_the_box():
    batch = images_with_people(1)
    batch["box_centers"] = torch.zeros(1, 3, 2)
    batch["box_centers"][0, 0] = torch.tensor([10.0, 50.0])
    found = {}
    for center in ("joints", "box"):
        drawn = encode(batch, (SIDE // 4, SIDE // 4), center=center).centers[0, 0]
        found[center] = np.unravel_index(int(drawn.argmax()), drawn.shape)[::-1]
    mean = batch["keypoints"][0, 0].mean(0)
    assert found["box"] == (2, 12)  # cell x covers pixels 4x to 4x + 3
    assert found["joints"] == tuple(((mean + 0.5) // 4).int().tolist())


def test_released_switch_reaches_everything():
    module = build(compat="released", grouping={"absorb": 50.0})
    assert module.grouping == Grouping(compat="released", refine=True, absorb=50.0)
    images, batch = torch.randn(2, 3, SIDE, SIDE), images_with_people(2)
    module.eval()
    with torch.no_grad():
        released = module.losses(images, batch)
        module.compat = "paper"
        paper = module.losses(images, batch)
    assert not torch.isclose(released["loss"], paper["loss"])


def test_settings_that_do_not_exist():
    with pytest.raises(UserError, match="absorbb"):
        build(grouping={"absorbb": 1})
    with pytest.raises(UserError, match="lacks 1"):
        build(scales=(0.5, 2))
    with pytest.raises(UserError, match="whole images"):
        build().predict(torch.zeros(1, 3, SIDE, SIDE))
