import pytest
from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment

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


def test_ranks_that_slurm_started_are_ranks_and_requeue_nothing(tmp_path, monkeypatch):
    variables = {
        "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "1",
        "SLURM_NODEID": "0", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    trainer = build(tmp_path, devices=2, strategy="ddp")
    environment = trainer.strategy.cluster_environment
    assert isinstance(environment, SLURMEnvironment)
    assert not environment.auto_requeue
    assert (trainer.world_size, trainer.global_rank) == (2, 1)


def test_no_checkpoint_of_lightnings_own_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "1")
    (tmp_path / "hpc_ckpt_1.ckpt").write_bytes(b"of another run")
    assert build(tmp_path)._checkpoint_connector._hpc_resume_path is None
