"""The Slurm launcher: what it asks of Slurm and reads from it, and sweeps on a real Slurm of this machine."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import slurm
import tiny
from hydra_plugins.posereg_launcher import _slots, _slurm_queue
from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._slots import Slot
from hydra_plugins.posereg_launcher._slurm_queue import Options, Queue, State
from posereg import config as configs
from posereg.errors import UserError
from posereg.runs import folder as runs
from sweeps import POOL, closing, files, status, sweep, write

CONF = configs.root() / "conf"
SLURM = ("--config-dir", str(CONF), "hydra/launcher=submitit_slurm", "hydra.launcher.mem_gb=0.5",
         "hydra.launcher.gpus_per_node=0")  # fmt: skip


def job(folder: Path = Path("/runs"), **trainer: object) -> Job:
    config = {"trainer": trainer, "loader": {"workers": 4}}
    return Job(0, "H1", 2, folder, "hash", ["posereg", "train", "row='a b'"], config=config)


def test_a_run_of_one_machine_is_one_task_with_all_its_devices() -> None:
    told = _slurm_queue.sbatch_options(
        job(accelerator="gpu", devices=2), Options(partition="gpu", mem_gb=1.5)
    )
    for option in ("--job-name=H1-s2", "--output=/runs/log.txt", "--open-mode=append", "--requeue", "--gres=gpu:2",
                   "--nodes=1", "--ntasks-per-node=1", "--cpus-per-task=10", "--signal=USR1@120", "--time=1440",
                   "--mem=1536M", "--partition=gpu", "--parsable"):  # fmt: skip
        assert option in told
    assert not [option for option in told if "None" in option or "account" in option]


def test_a_run_of_two_machines_has_a_task_a_device_which_srun_starts() -> None:
    run = job(accelerator="gpu", devices=4, num_nodes=2)
    told = _slurm_queue.sbatch_options(run, Options(additional_parameters={"exclude": "node3"}))
    for option in (
        "--nodes=2",
        "--ntasks-per-node=4",
        "--cpus-per-task=5",
        "--gres=gpu:4",
        "--exclude=node3",
    ):
        assert option in told
    assert "srun --kill-on-bad-exit --cpus-per-task=5 posereg train" in _slurm_queue.script(run, Options())


def test_no_gpu_without_one_and_no_requeue_where_none_is_wanted() -> None:
    told = _slurm_queue.sbatch_options(job(accelerator="cpu"), Options(requeues=0))
    assert "--no-requeue" in told
    assert not [option for option in told if option.startswith("--gres")]


def test_the_script_keeps_words_whole_and_runs_what_comes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    text = _slurm_queue.script(job(accelerator="cpu"), Options(setup=["echo before"]))
    program = text.replace("exec ", "printf '[%s]' ").replace("echo before", "echo before $OMP_NUM_THREADS")
    said = subprocess.run(["sh"], input=program, capture_output=True, text=True, check=True).stdout
    assert "[row='a b']" in said
    assert _slurm_queue.script(job(), Options(), threads=3).count("OMP_NUM_THREADS=3") == 1


def test_squeues_answer() -> None:
    told = "12                  |RUNNING             |0                   |node[3-4]           \n" \
           "13                  |FAILED              |256                 |node1               \n"  # fmt: skip
    assert _slurm_queue.parse(told) == {
        "12": State("RUNNING", 0, "node[3-4]"),
        "13": State("FAILED", 256, "node1"),
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [(0, 0), (256, 1), (2 * 256, 2), (138 * 256, 138), (137 * 256, -9), (139 * 256, -11), (15, -15)],
)
def test_exit_codes_are_those_of_a_process_here(status: int, code: int) -> None:
    assert _slurm_queue.exit_code(status) == code


@pytest.mark.parametrize(
    ("state", "place", "code", "words"),
    [
        (State("PENDING", 0, ""), None, None, ""),
        (State("RUNNING", 0, "node1"), "node1", None, ""),
        (State("COMPLETING", 0, "node1"), "node1", None, ""),
        (State("COMPLETED", 0, "node1"), "node1", 0, ""),
        (State("FAILED", 256, "node1"), "node1", 1, ""),
        (State("CANCELLED", 0, ""), "Slurm", 1, "Slurm ended its job 5: CANCELLED"),
        (State("NODE_FAIL", 0, "node1"), "node1", 1, "NODE_FAIL"),
        (State("OUT_OF_MEMORY", 137 * 256, "node1"), "node1", -9, ""),
        (None, None, 1, "Slurm has forgotten its job 5"),
    ],
)
def test_what_becomes_of_a_job(monkeypatch, tmp_path: Path, state, place, code, words) -> None:
    monkeypatch.setattr(_slurm_queue.shutil, "which", lambda name: name)
    queue = Queue(Options())
    queue.states, queue.asked, queue.tried = (
        ({} if state is None else {"5": state}),
        float("inf"),
        float("inf"),
    )
    found = _slurm_queue.SlurmJob("5", job(tmp_path), queue)
    assert (found.place(), found.poll()) == (place, code)
    assert words in found.reason


def test_a_job_that_slurm_has_forgotten_is_what_its_folder_says(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_slurm_queue.shutil, "which", lambda name: name)
    queue = Queue(Options())
    queue.asked = queue.tried = float("inf")
    found = _slurm_queue.SlurmJob("5", job(tmp_path), queue)
    runs.write_status(tmp_path, "interrupted", config_hash="hash")
    assert found.poll() == 143
    runs.write_status(tmp_path, "done", config_hash="hash")
    (tmp_path / runs.RESULT).write_text("{}")
    assert found.poll() == 0


def test_a_job_is_queued_until_squeue_was_asked_after_it(monkeypatch, tmp_path: Path) -> None:
    answers = iter([subprocess.CompletedProcess([], 1, "", "the controller is away")])
    monkeypatch.setattr(_slurm_queue.shutil, "which", lambda name: name)
    monkeypatch.setattr(_slurm_queue, "_ask", lambda command, **more: next(answers))
    found = _slurm_queue.SlurmJob("5", job(tmp_path), Queue(Options()))
    assert (found.place(), found.poll()) == (None, None)


def test_without_slurm(monkeypatch) -> None:
    monkeypatch.setattr(_slurm_queue.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="login node"):
        Queue(Options())


@pytest.fixture(scope="class")
def cluster(tmp_path_factory):
    if name := slurm.missing():
        pytest.skip(f"{name} is not installed: apt-get install slurm-wlm")
    processes, variables = slurm.start(tmp_path_factory.mktemp("slurm"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", variables["SLURM_CONF"])
        yield
    slurm.stop(processes)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
class TestRealSlurm:
    def test_folders_logs_summary_and_exit_status_are_the_pools(self, tmp_path: Path) -> None:
        rows = ("row=raises,dies,preempted,H1", "seed=0")
        ended = {
            name: sweep(write(tmp_path / name), *rows, launcher=launcher, timeout=240)
            for name, launcher in (("pool", POOL), ("slurm", (*SLURM, "hydra.launcher.requeues=0")))
        }
        assert ended["slurm"].returncode == ended["pool"].returncode == 1, ended["slurm"].stderr
        assert files(tmp_path / "slurm") == files(tmp_path / "pool")
        assert closing(ended["slurm"], tmp_path / "slurm") == closing(ended["pool"], tmp_path / "pool")
        assert status(tmp_path / "slurm", "H1/seed0")["state"] == "done"
        again = sweep(tmp_path / "slurm", "row=H1", "seed=0", launcher=SLURM, timeout=120)
        assert "queued" not in again.stdout
        assert again.returncode == 0

    def test_what_slurm_refuses_fails_with_its_words(self, tmp_path: Path) -> None:
        refused = sweep(write(tmp_path), "seed=0", launcher=(*SLURM, "hydra.launcher.partition=nowhere"))
        assert refused.returncode == 1
        assert "invalid partition" in refused.stdout

    @pytest.mark.parametrize("notice", ["USR1", "preemption"])
    def test_a_run_whose_machine_is_taken_goes_on_bitwise(self, tmp_path: Path, notice: str) -> None:
        def trained(folder: Path, *launcher: str) -> subprocess.Popen[str]:
            own = [
                one
                for one in tiny.overrides("mpii", folder)
                if not one.startswith(("trainer.ep", "trainer.val"))
            ]
            own += ["method=R1", "trainer.accelerator=cpu", "trainer.epochs=60", "trainer.validate_every=60"]
            command = [sys.executable, "-m", "posereg.cli.main", "train", "-m", *own, *launcher]
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        whole = trained(tmp_path / "whole", "hydra.launcher.slots=1")
        assert whole.wait(300) == 0, whole.communicate()[0]
        cut = trained(tmp_path / "cut", *SLURM[2:], "hydra.launcher.partition=low")
        (metrics,) = wait_for(tmp_path / "cut", "metrics.csv")
        if notice == "USR1":  # what Slurm sends before the time limit
            number = subprocess.check_output(["squeue", "-h", "-o", "%i", "--name=R1-s0"], text=True).strip()
            subprocess.run(["scancel", "--signal=USR1", number], check=True)
        else:
            whole_machine = ["--partition=high", f"--cpus-per-task={_slots.cores()}", "--mem=100"]
            subprocess.run(["sbatch", *whole_machine, "--output=/dev/null", "--wrap=sleep 1"], check=True)
        output, _ = cut.communicate(timeout=300)
        assert cut.returncode == 0, output
        assert "(resumes)" in output
        assert "the job goes back into the queue" in (metrics.parent / "log.txt").read_text()
        other = next((tmp_path / "whole").rglob("metrics.csv")).parent
        weights = [
            torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]
            for folder in (metrics.parent, other)
        ]
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])
        assert (metrics.parent / "metrics.csv").read_text() == (other / "metrics.csv").read_text()

    def test_a_job_that_somebody_cancels_stays_away(self, tmp_path: Path) -> None:
        app = write(tmp_path)
        queue = Queue(Options(mem_gb=0.5, gpus_per_node=0, cpus_per_task=1))
        run = Job(0, "H1", 0, app / "runs/H1/seed0", "hash", ["sleep", "60"])
        run.directory.mkdir(parents=True)
        started = queue.start(run, Slot("Slurm"))
        while started.place() is None:
            time.sleep(0.2)
        subprocess.run(["scancel", started.number], check=True)
        limit = time.monotonic() + 60
        while started.poll() is None and time.monotonic() < limit:
            time.sleep(0.2)
        assert started.poll() not in (None, 0)


def wait_for(folder: Path, name: str, seconds: float = 120) -> list[Path]:
    limit = time.monotonic() + seconds
    while not (found := list(folder.rglob(name))) and time.monotonic() < limit:
        time.sleep(0.2)
    return found
