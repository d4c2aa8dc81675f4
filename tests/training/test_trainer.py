import os

import pytest
import torch
from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment

import ranks
from posereg.runs import processes
from posereg.runs.signals import Signals
from posereg.training.trainer import build_trainer


def build(folder, **more):
    return build_trainer(folder, 0, [], Signals(), [], accelerator="cpu", **more)


@pytest.mark.parametrize(
    "variables",
    [
        {"SLURM_NTASKS": "2"},  # salloc
        {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"},
        {"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"},
    ],
)
def test_under_slurm_a_run_on_one_device_is_one_process(tmp_path, monkeypatch, variables):
    for name, value in {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job", **variables}.items():
        monkeypatch.setenv(name, value)
    trainer = build(tmp_path)
    assert isinstance(trainer._accelerator_connector.cluster_environment, LightningEnvironment)
    assert (trainer.world_size, trainer.global_rank) == (1, 0)


@pytest.mark.parametrize("variables", [ranks.torchrun(1, 2, 29500), ranks.srun(1, 2, 29500)])
def test_processes_that_torchrun_or_slurm_started_are_its_ranks_and_requeue_nothing(
    tmp_path, monkeypatch, variables
):
    monkeypatch.setattr(os, "environ", {**os.environ, **{k: str(v) for k, v in variables.items()}})
    processes.as_torchrun()
    trainer = build(tmp_path, devices=2, strategy="ddp")
    assert isinstance(trainer.strategy.cluster_environment, TorchElasticEnvironment)
    assert (trainer.world_size, trainer.global_rank) == (2, 1)


def test_batch_statistics_can_be_those_of_the_whole_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", {**os.environ, "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"})
    layers = [build(tmp_path, devices=2, sync_batchnorm=on).strategy._layer_sync for on in (False, True)]
    assert layers[0] is None
    converted = layers[1].apply(torch.nn.Sequential(torch.nn.BatchNorm2d(3)))
    assert isinstance(converted[0], torch.nn.SyncBatchNorm)


def test_no_checkpoint_of_lightnings_own_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "1")
    (tmp_path / "hpc_ckpt_1.ckpt").write_bytes(b"of another run")
    assert build(tmp_path)._checkpoint_connector._hpc_resume_path is None
