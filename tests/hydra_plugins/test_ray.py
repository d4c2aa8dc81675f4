"""The Ray launcher: what a run asks for, and sweeps on a real Ray of this machine, which end as the pool's do."""

import json
import os
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra.types import RunMode

from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._ray_tasks import Cluster, Queue
from posereg import config as configs
from posereg.errors import UserError
from sweeps import POOL, closing, command, files, starts, status, sweep, write

CONF = configs.root() / "conf"
RAY = ("--config-dir", str(CONF), "hydra/launcher=ray", "hydra.launcher.ray.init.num_cpus=2")
real = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed: posereg[ray]"),
]
TABLE = "+experiments/integral/table2="


def job(**trainer: object) -> Job:
    config = {"trainer": trainer, "loader": {"workers": 4}}
    return Job(0, "H1", 0, Path("runs"), "", [], config=config)


@pytest.mark.parametrize(
    ("machines", "trainer", "remote", "wanted"),
    [
        ([{"CPU": 16, "GPU": 4}], {"accelerator": "gpu", "devices": 2}, {}, (10, 2)),
        ([{"CPU": 16, "GPU": 4}], {"accelerator": "auto"}, {}, (5, 1)),
        ([{"CPU": 16}], {"accelerator": "auto"}, {}, (5, 0)),
        ([{"CPU": 2}, {"CPU": 3}], {"accelerator": "cpu"}, {}, (3, 0)),  # as far as a machine has them
        ([{"CPU": 16, "GPU": 4}], {"accelerator": "gpu"}, {"num_cpus": 8, "num_gpus": 0.5}, (8, 0.5)),
        ([{"CPU": 16, "GPU": 4}], {"accelerator": "gpu"}, {"num_cpus": None, "num_gpus": None}, (5, 1)),
    ],
)
def test_a_task_holds_what_its_run_can_use(machines, trainer, remote, wanted) -> None:
    options = Queue(Cluster(machines), remote, None).options(job(**trainer))
    assert (options["num_cpus"], options["num_gpus"]) == wanted


@pytest.mark.parametrize(
    ("trainer", "remote", "words"),
    [
        (
            {"accelerator": "gpu"},
            {},
            "num_gpus: the run needs 1, and no machine of the cluster has more than 0",
        ),
        ({"accelerator": "cpu"}, {"num_cpus": 3}, "num_cpus: the run needs 3"),
        ({"accelerator": "cpu", "num_nodes": 2}, {}, "trainer.num_nodes"),
    ],
)
def test_what_no_machine_has_is_refused_and_not_waited_for(trainer, remote, words) -> None:
    with pytest.raises(UserError, match=words):
        Queue(Cluster([{"CPU": 2}, {"CPU": 2}]), remote, None).options(job(**trainer))


def test_the_config_that_comes_along_is_the_launchers() -> None:
    with configs.hydra_session() as hydra:
        found = hydra.compose_config("train", ["hydra/launcher=ray"], run_mode=RunMode.MULTIRUN)
    assert found.hydra.launcher._target_ == "hydra_plugins.posereg_launcher.ray.RayLauncher"
    assert found.hydra.launcher.ray.remote.num_gpus is None


class TestRealRay:
    pytestmark = real

    def test_folders_logs_summary_and_exit_status_are_the_pools(self, tmp_path: Path) -> None:
        rows = ("row=raises,dies,silent,preempted,H1", "seed=0")
        ended = {
            name: sweep(write(tmp_path / name), *rows, launcher=launcher, timeout=240)
            for name, launcher in (("pool", POOL), ("ray", RAY))
        }
        assert ended["ray"].returncode == ended["pool"].returncode == 1, ended["ray"].stderr
        assert files(tmp_path / "ray") == files(tmp_path / "pool")
        assert closing(ended["ray"], tmp_path / "ray") == closing(ended["pool"], tmp_path / "pool")
        assert "killed by SIGKILL" in ended["ray"].stdout
        assert "queued  H1 seed 0 as Ray task H1-s0" in ended["ray"].stdout
        assert status(tmp_path / "ray", "H1/seed0")["state"] == "done"

        again = sweep(tmp_path / "ray", "row=H1", "seed=0,1", launcher=RAY, timeout=240)
        assert again.returncode == 0, again.stdout + again.stderr
        assert [starts(tmp_path / "ray", f"H1/seed{seed}") for seed in (0, 1)] == [1, 1]

    def test_finished_rows_start_no_ray(self, tmp_path: Path) -> None:
        app = write(tmp_path)
        assert sweep(app, "seed=0,1").returncode == 0
        again = sweep(app, "seed=0,1", launcher=(*RAY[:3], "hydra.launcher.ray.init.address=nowhere:1"))
        assert again.returncode == 0, again.stderr
        assert "2 runs, 2 done before" in again.stdout

    def test_a_termination_ends_the_runs_and_says_how_to_go_on(self, tmp_path: Path) -> None:
        app = write(tmp_path)
        process = subprocess.Popen(
            command(app, "seed=0,1", "sleep=300", launcher=RAY),
            cwd=app, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        running = [app / f"runs/H1/seed{seed}/status.json" for seed in (0, 1)]
        deadline = time.monotonic() + 120
        while not all(path.exists() for path in running) and time.monotonic() < deadline:
            time.sleep(0.1)
        children = [json.loads(path.read_text())["pid"] for path in running]
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
        assert process.returncode != 0
        assert "the same command goes on" in output
        for child in children:
            with pytest.raises(ProcessLookupError):
                os.kill(child, 0)
