"""People as a trained network sees them: plain arrays in the joints of the data, and the network left as it was."""

import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.build import build_method
from posereg.codecs.grid import grid_of
from posereg.errors import UserError
from posereg.methods.seen import batch_of, people_seen
from tiny import data_set, overrides


def method(*more):
    plain = configs.plain(configs.compose(overrides("mpii", data_set("mpii"), *more)))
    torch.manual_seed(0)
    module = build_method(plain, weights=False)
    source = configs.instantiate(plain["data"])
    return module, source.read(source.val_split)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_stays_in_the_mode_it_was_in(training):
    module, poses = method("method=I1", "method.beta=1", "input_scale=0.25")
    module.train(training)
    people_seen(module, poses, [0])
    assert module.training is training


def test_argmax_maps_have_their_maxima_where_the_keypoints_are():
    module, poses = method("method=H1", "input_scale=0.25")
    (person,) = people_seen(module, poses, [2])
    maps = torch.from_numpy(person.maps)
    grid = grid_of(maps[None], module.input_size, module.convention)
    best = maps.flatten(1).argmax(1)
    cells = torch.stack([best % grid.width, best // grid.width], dim=-1).float()
    np.testing.assert_allclose(grid.pixels(cells).numpy(), person.keypoints, atol=1e-4)


def test_integral_maps_are_distributions():
    module, poses = method("method=I1", "method.beta=1", "input_scale=0.25")
    (person,) = people_seen(module, poses, [1])
    np.testing.assert_allclose(person.maps.sum((1, 2)), 1, rtol=1e-5)


def test_the_input_is_the_sample_of_that_person():
    module, poses = method("method=H1", "input_scale=0.25")
    batch = batch_of(module, poses, [3, 1])
    assert batch["index"].tolist() == [3, 1]
    seen = people_seen(module, poses, [3, 1])
    assert all(
        np.array_equal(person.image, image)
        for person, image in zip(seen, batch["image"].numpy(), strict=True)
    )


def test_a_method_without_maps_says_so():
    module, poses = method("method=R1", "input_scale=0.25")
    with pytest.raises(UserError, match="R1 has no heat maps"):
        people_seen(module, poses, [0])
