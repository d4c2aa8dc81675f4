import pytest
import torch

from posereg.training.means import Means


def test_means_are_weighted_by_batch_size_and_start_anew():
    means = Means()
    means.add("train/loss", torch.tensor(1.0), 3)
    means.add("train/loss", torch.tensor(5.0), 1)
    means.add("train/joint", torch.tensor(7.0, dtype=torch.bfloat16), 2)
    found = means.take()
    assert found["train/loss"].item() == 2
    assert found["train/joint"].item() == 7
    assert means.take() == {}


@pytest.mark.parametrize("cut", range(5))
def test_a_mean_that_was_saved_halfway_is_bitwise_the_same(cut):
    values = torch.rand(5, generator=torch.Generator().manual_seed(0))
    whole, part, rest = Means(), Means(), Means()
    for k, value in enumerate(values):
        whole.add("loss", value, k + 1)
    for k, value in enumerate(values[:cut]):
        part.add("loss", value, k + 1)
    rest.load_state_dict(part.state_dict())
    for k, value in enumerate(values[cut:], start=cut):
        rest.add("loss", value, k + 1)
    assert torch.equal(rest.take()["loss"], whole.take()["loss"])
