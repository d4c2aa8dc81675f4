"""Runs as tasks of Ray: a task holds a machine's cores and GPUs, and starts the process that the pool would start.

A process of its own keeps a crash away from Ray's worker, gives a run on several GPUs its ranks, and has the run's
exit code. Its folder, and so its log, is on a file system that all machines see.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_plugins.posereg_launcher._jobs import GRACE_SECONDS, Job
from hydra_plugins.posereg_launcher._needs import needs
from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import UserError
from posereg.runs.launch import PARENT

# What a worker's machine says of its devices stays; all else is as where the sweep was started, as with Slurm.
OF_THE_MACHINE = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "HOSTNAME", "TMPDIR")
INSTALL = "hydra/launcher=ray needs Ray: pip install 'posereg[ray]'"


@dataclass(frozen=True)
class Cluster:
    """What each machine of a Ray cluster has: its resources by Ray's names."""

    machines: Sequence[Mapping[str, float]]

    @property
    def name(self) -> str:
        """`Ray (2 machines, 32 cores, 4 GPUs)`."""
        total = {key: int(sum(one.get(key, 0) for one in self.machines)) for key in ("CPU", "GPU")}
        count = "1 machine" if len(self.machines) == 1 else f"{len(self.machines)} machines"
        return f"Ray ({count}, {total['CPU']} cores, {total['GPU']} GPUs)"

    def most(self, resource: str) -> float:
        """The most of it that one machine has."""
        return max((one.get(resource, 0) for one in self.machines), default=0)


@contextmanager
def connected(init: Mapping[str, Any]) -> Iterator[Cluster]:
    """A connection to the cluster that `init` names, or to one of this machine alone, which ends with it.

    Raises:
        UserError: Ray is not installed, or there is no cluster at that address.
    """
    # Ray lowers its workers' priority by 15, and runs would inherit that: on a machine with other work they crawl.
    os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray
    except ImportError:
        raise UserError(INSTALL) from None
    try:
        ray.init(**init)
    except (ConnectionError, ValueError, RuntimeError, TypeError) as error:
        raise UserError(f"hydra.launcher.ray.init: {str(error).splitlines()[0]}") from None
    try:
        yield Cluster([node["Resources"] for node in ray.nodes() if node["Alive"]])
    finally:
        ray.shutdown()


class Queue:
    """Starts runs as tasks of the connected cluster.

    Args:
        remote: options of ray.remote; `num_cpus` and `num_gpus` that are not given follow from the run.
    """

    def __init__(self, cluster: Cluster, remote: Mapping[str, Any], threads: int | None) -> None:
        self.cluster, self.threads = cluster, threads
        self.remote = {key: value for key, value in remote.items() if value is not None}

    def start(self, job: Job, slot: Slot) -> RayTask:
        """Queue a run.

        Raises:
            UserError: no machine of the cluster has what it asks for, so Ray would wait for ever.
        """
        import ray

        options = self.options(job)
        environment = {name: value for name, value in os.environ.items() if name not in OF_THE_MACHINE}
        environment = {name: value for name, value in environment.items() if not name.startswith("RAY_")}
        if self.threads or "OMP_NUM_THREADS" not in os.environ:
            count = str(self.threads or max(1, int(options["num_cpus"])))
            environment |= {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count}
        if not options["num_gpus"]:
            environment["CUDA_VISIBLE_DEVICES"] = ""
        task = ray.remote(run).options(name=job.short_name, num_returns="streaming", max_retries=0, **options)
        return RayTask(task.remote(job.command, os.getcwd(), str(job.log), environment), job.short_name)

    def options(self, job: Job) -> dict[str, Any]:
        """Of this run's task: the cores that its loader can use, as far as a machine has them, and a GPU a device.

        Raises:
            UserError: a machine with that is not there.
        """
        wants = needs(job.config)
        if wants.machines > 1:
            raise UserError("trainer.num_nodes: a task of Ray's is on one machine; use hydra/launcher=slurm")
        gpus = wants.gpus if self.cluster.most("GPU") or not wants.any_device else 0
        options = {
            "num_cpus": min(wants.cores, self.cluster.most("CPU") or 1),
            "num_gpus": gpus,
            **self.remote,
        }
        for key, resource in (("num_cpus", "CPU"), ("num_gpus", "GPU")):
            if options[key] > self.cluster.most(resource):
                raise UserError(
                    f"hydra.launcher.ray.remote.{key}: the run needs {options[key]:g}, and no machine of the cluster "
                    f"has more than {self.cluster.most(resource):g}"
                )
        return options


class RayTask:
    """A `_jobs.Process`: a task that tells the name of its machine first, and then the run's exit code."""

    def __init__(self, stream: Any, name: str) -> None:
        self.stream, self.name, self.reason = stream, f"Ray task {name}", ""
        self.told: list[Any] = []

    def place(self) -> str | None:
        """The name of the machine that it runs on."""
        self._listen()
        return str(self.told[0]) if self.told else None

    def poll(self) -> int | None:
        """The run's exit code; 1 where the task was lost, whose `reason` says why."""
        self._listen()
        if self.reason:
            return 1
        return int(self.told[1]) if len(self.told) > 1 else None

    def end(self, number: int) -> None:
        """Cancel the task, which ends its run."""
        import ray

        with suppress(ray.exceptions.RayError, ValueError):
            ray.cancel(self.stream, force=number == signal.SIGKILL)

    def _listen(self) -> None:
        import ray

        if self.reason or len(self.told) > 1:
            return
        ready, _ = ray.wait([self.stream], timeout=0)
        if not ready:
            return
        try:
            self.told.append(ray.get(next(self.stream)))
        except StopIteration:
            self.reason = "Ray ended its task early"
        except ray.exceptions.RayError as error:
            self.reason = f"Ray lost its task: {str(error).strip().splitlines()[0]}"


def run(command: Sequence[str], folder: str, log: str, environment: Mapping[str, str]) -> Iterator[str | int]:
    """What a worker of Ray's does: start the run, wait for it, and end it when the task is cancelled.

    Yields:
        The machine's name, then the exit code, negative for a signal.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    own = {**os.environ, **environment, "PYTHONUNBUFFERED": "1", PARENT: str(os.getpid())}
    with open(log, "ab") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield socket.gethostname()
        while process.poll() is None:  # in short steps: a cancelled task is told between two of them
            time.sleep(0.1)
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        _kill(process)  # what it left behind still holds the device
    yield process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS - 5)
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
