"""Which process of a run this is, and what the processes tell one another."""

import json
import os

import pytest
import torch

import ranks
from posereg.errors import FailedElsewhereError, UserError
from posereg.runs import processes


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, (0, 1)),
        (ranks.torchrun(1, 4, 29500), (1, 4)),
        (ranks.srun(1, 2, 29500), (1, 2)),
        ({"SLURM_NTASKS": 2, "SLURM_JOB_ID": 7}, (0, 1)),  # salloc
        ({"SLURM_NTASKS": 2, "SLURM_PROCID": 0, "SLURM_JOB_ID": 7}, (0, 1)),  # a batch script, without srun
        ({**ranks.srun(1, 2, 29500), **ranks.torchrun(0, 3, 29501)}, (0, 3)),  # torchrun within a job
    ],
)
def test_the_place_of_a_process(monkeypatch, variables, wanted):
    monkeypatch.setattr(os, "environ", {name: str(value) for name, value in variables.items()})
    assert processes.place() == wanted


def test_tasks_of_slurm_are_ranks(monkeypatch):
    given = {**ranks.srun(1, 2, 0), "SLURM_NODELIST": "gpu[3-4]", "SLURM_NODEID": 1, "SLURM_LOCALID": 0}
    del given["MASTER_PORT"]
    ports = set()
    for step in (0, 1):
        environment = {name: str(value) for name, value in {**given, "SLURM_STEP_ID": step}.items()}
        monkeypatch.setattr(os, "environ", environment)
        processes.as_torchrun()
        found = [
            environment[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "GROUP_RANK", "MASTER_ADDR")
        ]
        assert found == ["1", "2", "0", "1", "gpu3"]
        ports.add(int(environment["MASTER_PORT"]))
    assert len(ports) == 2  # two steps of a job do not meet
    assert min(ports) >= 15_000


@pytest.mark.parametrize(
    ("size", "trainer", "told"),
    [
        (2, {"devices": 1}, "2 processes were started for a run on 1"),  # two nodes, one device each
        (2, {"devices": 2, "num_nodes": 2}, "2 processes were started for a run on 4"),
        (1, {"devices": 4, "num_nodes": 2}, "torchrun --nnodes 2 --nproc-per-node 4"),
        (2, {"devices": 1, "num_nodes": 2}, None),
        (2, {"devices": [0, 1]}, None),
        (1, {"devices": "auto", "accelerator": "cpu"}, None),
    ],
)
def test_as_many_processes_as_devices(monkeypatch, size, trainer, told):
    monkeypatch.setattr(processes, "place", lambda: processes.Place(0, size))
    if told is None:
        processes.check(trainer)
        return
    with pytest.raises(UserError, match=told):
        processes.check(trainer)


def test_alone_there_is_nobody_to_ask(capsys):
    with processes.joined(lambda: pytest.fail("nobody to connect with")):
        assert processes.member() == (0, 1)
        assert processes.shared(lambda: "own") == "own"
        assert processes.gathered(("a", "b")) == ["a", "b"]
        assert processes.most(3, -1) == [3, -1]
        assert processes.of_another_run() == {}
        processes.say("heard")
        with pytest.raises(ValueError, match="mine"):
            raise ValueError("mine")
    assert capsys.readouterr().out == "heard\n"
    assert processes.mean_denominator(torch.tensor(3.0)) == 3


def connect():
    torch.distributed.init_process_group("gloo")


def together(tmp_path, function, size=2):
    """Exit codes of connected processes, and what `function(rank)` returned in each."""

    def process(rank):
        try:
            with processes.joined(connect):
                found = function(rank)
        except FailedElsewhereError as error:
            found = f"elsewhere: {error}"
        except SystemExit as end:
            found = f"exit {end.code}"
        except Exception as error:
            found = f"own: {error}"
        (tmp_path / f"{rank}.json").write_text(json.dumps(found))
        return 0

    codes = ranks.finish(ranks.start(process, size, tmp_path / "log.txt"), patience=100)
    files = [tmp_path / f"{rank}.json" for rank in range(size)]
    return codes, [json.loads(file.read_text()) if file.exists() else None for file in files]


def test_what_connected_processes_know_of_one_another(tmp_path):
    def ask(rank):
        labelled = torch.tensor(2.0 + 4 * rank)
        with torch.no_grad():
            outside = processes.mean_denominator(labelled).item()
        processes.say(f"rank {rank} speaks")
        return [
            list(processes.member()),
            processes.shared(lambda: f"of {rank}"),
            processes.gathered([f"part {rank} {k}" for k in range(2 * rank)]),  # the first has none
            processes.most(rank, -rank),
            processes.mean_denominator(labelled).item(),
            outside,
            sorted(processes.of_another_run()),
        ]

    codes, found = together(tmp_path, ask)
    assert codes == [0, 0], (tmp_path / "log.txt").read_text()
    same = ["of 0", ["part 1 0", "part 1 1"], [1, 0], 4.0]
    another = ["MASTER_PORT", "TORCHELASTIC_USE_AGENT_STORE"]
    assert found == [[[rank, 2], *same, 2.0 + 4 * rank, another] for rank in (0, 1)]
    assert "rank 0 speaks" in (tmp_path / "log.txt").read_text()
    assert "rank 1 speaks" not in (tmp_path / "log.txt").read_text()


def test_an_error_is_told_in_the_other_processes(tmp_path):
    def fail(rank):
        if rank == 1:
            raise ValueError("the disk is gone")
        processes.most(1)

    assert together(tmp_path, fail)[1] == [
        "elsewhere: process 2 of this run's 2 ended: the disk is gone",
        "own: the disk is gone",
    ]


def test_what_the_first_process_refuses_ends_the_others_quietly(tmp_path):
    def refuse(rank):
        def make():
            raise UserError("no such row")

        processes.shared(make)

    assert together(tmp_path, refuse)[1] == ["own: no such row", "exit 2"]


def test_a_killed_process_is_missed(tmp_path):
    def die(rank):
        if rank == 1:
            os.kill(os.getpid(), 9)
        processes.most(1)

    codes, found = together(tmp_path, die)
    assert codes == [0, -9]
    assert found[0] == f"elsewhere: another process of this run's 2 ended: {processes.LOST}"
