import pytest
import torch

from posereg.training import means as means_module
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


def test_means_of_several_processes_count_every_sample_once(monkeypatch):
    """One has seen 3 samples, the other 1; a third loss was computed in one of them only."""
    one, other = Means(), Means()
    one.add("loss", torch.tensor(1.0), 3)
    other.add("loss", torch.tensor(5.0), 1)
    other.add("joint", torch.tensor(7.0), 1)
    parts = [part for part in (one, other) for part in _parts(monkeypatch, part)]
    monkeypatch.setattr(means_module, "gathered", lambda own: parts)
    assert {name: mean.item() for name, mean in one.take_together().items()} == {"loss": 2, "joint": 7}
    assert one.take() == {}


def _parts(monkeypatch, means):
    """What a process would send."""
    sent = []
    monkeypatch.setattr(means_module, "gathered", lambda own: sent.extend(own) or own)
    sums = dict(means._sums)
    means.take_together()
    means._sums = sums
    return sent


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
