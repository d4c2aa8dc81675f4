"""How many samples a run trains on and validates: read from the disk or, without the data, the published numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from posereg import config as configs
from posereg.errors import UserError


class Published(NamedTuple):
    """A split, as its authors or those who train on it count it.

    Attributes:
        people: those with labelled joints; None where it is not published.
        images: all of them; None where only people are trained on.
        labelled_images: those that show a person with labelled joints.
    """

    people: int | None
    images: int | None = None
    labelled_images: int | None = None


# By data set and split. MPII: the stacked hourglass's lists; all annotated training people are about 28,900. COCO: the
# people with keypoints and their images, as HRNet and HigherHRNet count. CrowdPose and CHALL_H80K: their papers; every
# image of CrowdPose is taken to show somebody.
PUBLISHED = {
    ("mpii", "train"): Published(22246),
    ("mpii", "valid"): Published(2958),
    ("mpii", "trainval"): Published(28900),
    ("mpii", "test"): Published(11731),
    ("lsp", "train"): Published(1000),
    ("lsp", "test"): Published(1000),
    ("lsp", "all"): Published(2000),
    ("lspet", "all"): Published(10000),
    ("coco", "train2017"): Published(149813, 118287, 56599),
    ("coco", "val2017"): Published(6352, 5000, 2346),
    ("coco", "trainval2017"): Published(156165, 123287, 58945),
    ("crowdpose", "train"): Published(None, 10000, 10000),
    ("crowdpose", "val"): Published(None, 2000, 2000),
    ("crowdpose", "trainval"): Published(None, 12000, 12000),
    ("crowdpose", "test"): Published(None, 8000, 8000),
    ("h80k", "train"): Published(35832),
    ("h80k", "val"): Published(19312),
    ("h80k", "trainval"): Published(55144),
    ("h80k", "test"): Published(24416),
}


class Sizes(NamedTuple):
    """Samples of a pass over the training split, and of the validation split: people, or whole images bottom-up.

    Attributes:
        source: where the numbers are from: `read`, `published`, or `stated`.
    """

    train: int
    validation: int
    source: str


_known: dict[str, Sizes] = {}


def sizes(config: Mapping[str, Any], train: int | None = None, validation: int | None = None) -> Sizes:
    """The sizes of a run's splits; data that were read once are not read again.

    Args:
        config: the run's, resolved.
        train, validation: stated by the user, who then needs no data.

    Raises:
        UserError: the data are not there, and nobody has published or stated their number.
    """
    if train is not None and validation is not None:
        return Sizes(train, validation, "stated")
    loader = config["loader"]
    key = json.dumps([loader, config["evaluate_only"]], sort_keys=True, default=str)
    if key not in _known:
        try:
            _known[key] = _read(loader)
        except UserError as error:
            _known[key] = _published(config, error)
    found = _known[key]
    if train is None and validation is None:
        return found
    return Sizes(train or found.train, validation or found.validation, "stated")


def _read(loader: Mapping[str, Any]) -> Sizes:
    data = configs.instantiate(loader)
    return Sizes(data.train_dataloader().samples, data.val_dataloader().samples, "read")


def _published(config: Mapping[str, Any], missing: UserError) -> Sizes:
    data, loader = config["data"], config["loader"]
    train = _split(str(data["name"]), loader.get("train_split") or data.get("train_split"))
    validation = _split(str(data["name"]), loader.get("val_split") or data.get("val_split"))
    if train is None or validation is None:
        raise UserError(f"{missing}; to plan without the data, state samples=N and val_samples=N")
    scenes = str(loader["_target_"]).endswith("BottomUpData")
    looked_at = validation.images if scenes else validation.people
    trained = train.labelled_images if scenes else train.people
    limit, whole = loader.get("limit_train"), train.images if scenes else train.people
    if trained is None or looked_at is None or whole is None:
        raise UserError(
            f"{missing}; how many people {data['name']} has is not published: state samples=N and val_samples=N"
        )
    if limit is not None and limit < whole:
        trained = round(limit * trained / whole)  # of limited images a share shows labelled people
    # Beside a 3D set as many people of each 2D set are trained on.
    trained *= 1 + len(loader.get("use") or ())
    return Sizes(trained, min(looked_at, loader.get("limit_val") or looked_at), "published")


def _split(name: str, split: str | None) -> Published | None:
    return PUBLISHED.get((name, str(split)))
