"""How many samples there are: as the loaders say, or as published."""

import pytest

from posereg import config as configs
from posereg.errors import UserError
from posereg.planning.sizes import sizes
from tiny import overrides


def plain(*texts):
    return configs.plain(configs.compose(list(texts)))


@pytest.mark.parametrize(
    ("kind", "more"),
    [("mpii", ()), ("mpii", ("loader.limit_train=17", "loader.limit_val=3")),
     ("coco", ("method=art", "loader=bottomup", "augment=art", "augment.scale=[0.9,1.1]")),
     ("h80k", ("method=volume", "loader=mixed"))],
)  # fmt: skip
def test_data_that_are_there_are_read(kind, more, tmp_path):
    config = plain(*overrides(kind, tmp_path, *more))
    data = configs.instantiate(config["loader"])
    found = sizes(config)
    assert found.source == "read"
    batch = config["loader"]["batch_size"]
    assert found.train // batch == len(data.train_dataloader()) > 0
    assert found.validation == sum(len(batch["index"]) for batch in data.val_dataloader())


def test_published_sizes_without_the_data():
    assert sizes(plain("data=mpii", "data.root=nowhere", "method=H1")) == (22246, 2958, "published")
    row = plain("+experiments/art/table2=W32", "data=coco", "data.root=nowhere")
    assert sizes(row) == (56599, 5000, "published")
    top_down = plain("data=coco", "data.root=nowhere", "method=H1", "loader.limit_train=1000")
    assert sizes(top_down) == (1000, 6352, "published")


def test_as_many_people_of_each_2d_set():
    row = plain("+experiments/volume/table2=coco", "data=h80k", "data.root=nowhere")
    assert row["loader"]["use"]
    assert sizes(row).train == 35832 * (1 + len(row["loader"]["use"]))


def test_what_nobody_knows_must_be_stated():
    unknown = plain("data=crowdpose", "data.root=nowhere", "method=H1")
    with pytest.raises(UserError, match=r"nowhere.*state samples=N and val_samples=N"):
        sizes(unknown)
    assert sizes(unknown, 500, 70) == (500, 70, "stated")
    with pytest.raises(UserError, match="state samples=N"):
        sizes(plain("data=synthetic", "data.root=nowhere", "method=H1"))
