"""What a run asks of a cluster's machine, counted by hand."""

import pytest

from hydra_plugins.posereg_launcher._needs import Needs, needs


@pytest.mark.parametrize(
    ("trainer", "workers", "wanted"),
    [
        ({}, 0, Needs(1, 1, 1, 1, True)),
        ({"accelerator": "auto", "devices": 1}, 4, Needs(1, 1, 1, 5, True)),
        ({"accelerator": "gpu", "devices": 4, "num_nodes": 2}, 4, Needs(2, 4, 4, 20, False)),
        ({"accelerator": "gpu", "devices": [0, 3]}, 3, Needs(1, 2, 2, 8, False)),
        ({"accelerator": "cpu", "devices": 2}, 4, Needs(1, 2, 0, 10, False)),
    ],
)
def test_a_process_a_device_and_a_core_for_each_worker_beside_its_own(trainer, workers, wanted):
    assert needs({"trainer": trainer, "loader": {"workers": workers}}) == wanted


def test_a_program_of_somebodys_own_has_neither_trainer_nor_loader():
    assert needs({"row": "A"}) == Needs(1, 1, 1, 1, True)
