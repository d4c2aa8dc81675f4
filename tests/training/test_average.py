import pytest
import torch
from torch import nn

from posereg.training.average import RAW, WeightAverage


class Module(nn.Module):
    """A weight, a counter, and an order that averaging must not touch."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0]))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("order", torch.tensor([6, 1, 5]), persistent=False)


class Trainer:
    global_step = 0


def steps(average, module, values, first=1):
    trainer = Trainer()
    for k, value in enumerate(values, start=first):
        with torch.no_grad():
            module.weight.fill_(value)
            module.count.fill_(k)
        trainer.global_step = k
        average.on_train_batch_end(trainer, module, None, None, 0)
        average.on_train_batch_end(trainer, module, None, None, 0)  # a batch without a step changes nothing
    return trainer


def test_the_average_is_exponential_and_takes_the_place_of_the_weights_in_validation():
    average, module = WeightAverage(0.9), Module()
    trainer = steps(average, module, [1.0, 2.0, 4.0])
    average.on_validation_epoch_start(trainer, module)
    assert module.weight.item() == pytest.approx(0.9 * (0.9 * 1 + 0.1 * 2) + 0.1 * 4)
    average.on_validation_epoch_end(trainer, module)
    assert module.weight.item() == 4
    average.on_train_end(trainer, module)
    assert module.weight.item() == pytest.approx(1.39)


def test_indices_keep_their_values_and_counters_are_the_last():
    average, module = WeightAverage(0.9), Module()
    trainer = steps(average, module, [1.0, 2.0, 3.0])
    average.on_train_end(trainer, module)
    assert module.order.tolist() == [6, 1, 5]
    assert module.count.item() == 3


def test_a_checkpoint_holds_both_and_gives_both_back():
    average, module = WeightAverage(0.9), Module()
    trainer = steps(average, module, [1.0, 2.0])
    checkpoint = {"state_dict": {k: v.clone() for k, v in module.state_dict().items()}}
    average.on_save_checkpoint(trainer, module, checkpoint)
    assert checkpoint["state_dict"]["weight"].item() == pytest.approx(1.1)
    assert checkpoint[RAW]["weight"].item() == 2

    again, other = WeightAverage(0.9), Module()
    other.load_state_dict(checkpoint["state_dict"])
    again.on_load_checkpoint(trainer, other, checkpoint)
    again.load_state_dict(average.state_dict())
    assert other.weight.item() == 2
    for callback, network in ((average, module), (again, other)):
        callback.on_train_end(steps(callback, network, [5.0], first=3), network)
    assert torch.equal(other.weight, module.weight)


def test_a_finished_run_has_only_the_average():
    average, module = WeightAverage(0.5), Module()
    trainer = steps(average, module, [1.0, 2.0])
    average.on_train_end(trainer, module)
    checkpoint = {"state_dict": module.state_dict()}
    average.on_save_checkpoint(trainer, module, checkpoint)
    assert checkpoint.keys() == {"state_dict"}
