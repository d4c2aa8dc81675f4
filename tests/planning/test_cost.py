"""Parameters, operations and memory of a network that is not built on a device."""

import pytest

from posereg import config as configs
from posereg.build import build_method
from posereg.planning.cost import SLACK, Cost, cost, fitting, memory

SMALL = ("data=mpii", "method=H1", "backbone=resnet10", "input_scale=0.25", "width=0.25")


def plain(*texts):
    return configs.plain(configs.compose([*SMALL, *texts]))


def test_parameters_are_the_networks():
    config = plain()
    module = build_method(config, weights=False)
    assert cost(config).params == sum(p.numel() for p in module.network.parameters())


def test_mixed_precision_keeps_about_half():
    full, mixed = cost(plain("trainer.precision=32-true")), cost(plain("trainer.precision=bf16-mixed"))
    assert mixed[:2] == full[:2]
    assert 0.4 < mixed.activations / full.activations < 0.75


def made_up(batch=64, accumulate=1, optimizer="torch.optim.Adam", devices=1, ema=None):
    return {
        "batch_size": batch,
        "method": {"optimizer": {"_target_": optimizer}},
        "trainer": {"accumulate": accumulate, "devices": devices, "ema": ema},
    }


def test_memory_by_hand():
    network = Cost(1000, 0, 50)
    assert memory(made_up(), network, 8) == pytest.approx(SLACK * (4 * 1000 * 4 + 8 * 50))
    assert memory(made_up(optimizer="torch.optim.RMSprop"), network, 0) == pytest.approx(SLACK * 4 * 1000 * 3)
    assert memory(made_up(ema=0.999), network, 0) == pytest.approx(SLACK * 4 * 1000 * 5)


def test_the_fewest_passes_that_fit():
    network = Cost(0, 0, 100)
    assert fitting(made_up(), network, SLACK * 6400) == (1, 64)
    assert fitting(made_up(), network, SLACK * 6399) == (2, 32)
    assert fitting(made_up(batch=48), network, SLACK * 1700) == (3, 16)
    assert fitting(made_up(accumulate=4), network, 1e9) == (4, 16)
    assert fitting(made_up(devices=4), network, SLACK * 1600) == (1, 16)
    assert fitting(made_up(), network, SLACK * 99) is None
