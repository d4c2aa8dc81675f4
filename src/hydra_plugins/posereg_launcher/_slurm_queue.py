"""Runs as jobs of Slurm: sbatch queues them, squeue tells where they are and how they ended, scancel ends them.

squeue alone is asked, as many clusters keep no accounts that sacct could read.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._needs import Needs, needs
from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import Interrupted, UserError
from posereg.runs import folder as runs
from posereg.runs.signals import SIGNALS

ASK_SECONDS = 3.0  # between two questions to the queue
PATIENCE_SECONDS = 60.0  # of one of them
FORMAT = "JobID:|,State:|,exit_code:|,NodeList:"
# States in which a job will still run, or is being put back into the queue.
QUEUED = (
    "PENDING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "RESV_DEL_HOLD",
)
RUNNING = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING")


@dataclass(frozen=True)
class Options:
    """What sbatch is told of each run; what is None is left to the cluster or follows from the run.

    Attributes:
        timeout_min: minutes after which Slurm takes the machine back; the run is queued again then.
        signal_delay_s: seconds before that in which it writes its checkpoint.
        requeues: how many times a run is queued again at most.
        cpus_per_task: of one process; with one machine that is the run, whatever its devices.
        setup: shell lines before the run, as `module load cuda`.
        additional_parameters: more of sbatch's, by its long names.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    timeout_min: int = 1440
    signal_delay_s: int = 120
    requeues: int = 100
    cpus_per_task: int | None = None
    gpus_per_node: int | None = None
    mem_gb: float | None = None
    setup: Sequence[str] = ()
    additional_parameters: Mapping[str, Any] = field(default_factory=dict)


class State(NamedTuple):
    """Of a job: Slurm's word for it, its exit status as wait(2) gives it, and its machines."""

    word: str
    status: int
    machines: str


class Queue:
    """Queues runs, and knows what became of them.

    Raises:
        UserError: this machine has no Slurm.
    """

    def __init__(self, options: Options, threads: int | None = None) -> None:
        if shutil.which("sbatch") is None:
            raise UserError(
                "hydra/launcher=slurm: there is no sbatch here; start the sweep on a login node of Slurm's"
            )
        self.options, self.threads = options, threads
        self.states: dict[str, State] = {}
        self.asked = self.tried = float("-inf")

    def start(self, job: Job, slot: Slot) -> SlurmJob:
        """Queue a run.

        Raises:
            UserError: Slurm refuses it.
        """
        environment = dict(os.environ)
        command = ["sbatch", *sbatch_options(job, self.options)]
        made = _ask(command, input=script(job, self.options, self.threads), env=environment)
        if made.returncode:
            raise UserError(
                " ".join(made.stderr.split()) or f"sbatch failed with exit code {made.returncode}"
            )
        return SlurmJob(made.stdout.strip().split(";")[0], job, self)

    def find(self, number: str, since: float) -> State | None:
        """What became of a job, as far as is known from after a moment; None if Slurm has forgotten it."""
        now = time.monotonic()
        if now - self.tried > ASK_SECONDS:
            self.tried = now
            told = _ask(["squeue", "--me", "--states=all", "--noheader", f"--Format={FORMAT}"])
            if told.returncode == 0:  # else the controller is busy or restarts: what was known counts
                self.states, self.asked = parse(told.stdout), now
        return self.states.get(number) if self.asked > since else State("PENDING", 0, "")


class SlurmJob:
    """A `_jobs.Process`."""

    def __init__(self, number: str, job: Job, queue: Queue) -> None:
        self.number, self.job, self.queue = number, job, queue
        self.name, self.reason = f"Slurm job {number}", ""
        self.queued = time.monotonic()

    def place(self) -> str | None:
        """The machines that it runs on."""
        state = self.queue.find(self.number, self.queued)
        return None if state is None or state.word in QUEUED else state.machines or "Slurm"

    def poll(self) -> int | None:
        """The run's exit code; 1 where the job was lost, whose `reason` says why."""
        state = self.queue.find(self.number, self.queued)
        if state is not None and state.word in (*QUEUED, *RUNNING):
            return None
        if state is None:  # it ended so long ago that Slurm has forgotten how; its folder has not
            return self._from_folder()
        code = exit_code(state.status)
        if code == 0 and state.word != "COMPLETED":
            code = 1
        if code == 1 and state.word not in ("COMPLETED", "FAILED"):
            self.reason = f"Slurm ended its job {self.number}: {state.word}"
        return code

    def end(self, number: int) -> None:
        """Cancel the job; Slurm gives it time for a checkpoint and kills it then."""
        if number == signal.SIGTERM:
            _ask(["scancel", self.number])

    def _from_folder(self) -> int:
        status = runs.read_status(self.job.directory) or {}
        if runs.is_done(self.job.directory, self.job.config_hash):
            return 0
        if status.get("state") == "interrupted":
            return Interrupted(signal.SIGTERM).exit_code
        self.reason = str(
            status.get("error") or f"Slurm has forgotten its job {self.number}, which left no result"
        )
        return 1


def sbatch_options(job: Job, options: Options) -> list[str]:
    """Those of a run's job."""
    wants = needs(job.config)
    gpus = wants.gpus if options.gpus_per_node is None else options.gpus_per_node
    values: dict[str, Any] = {
        "job-name": job.short_name,
        "output": str(job.log).replace("%", "%%"),
        "open-mode": "append",
        "chdir": os.getcwd(),
        "signal": f"USR1@{options.signal_delay_s}",
        "time": options.timeout_min,
        "nodes": wants.machines,
        "ntasks-per-node": _tasks(wants),
        "cpus-per-task": _cores(job, options),
        "gres": f"gpu:{gpus}" if gpus else None,
        "mem": None if options.mem_gb is None else f"{round(options.mem_gb * 1024)}M",
        **{name: getattr(options, name) for name in ("partition", "account", "qos", "constraint")},
        **options.additional_parameters,
    }
    flags = ["--parsable", "--requeue" if options.requeues else "--no-requeue"]
    return flags + [f"--{name}={value}" for name, value in values.items() if value is not None]


def _tasks(wants: Needs) -> int:
    """Of each machine. On one machine the run starts its processes itself; on several srun starts one a device."""
    return wants.processes if wants.machines > 1 else 1


def _cores(job: Job, options: Options) -> int:
    """Of each task."""
    wants = needs(job.config)
    return options.cpus_per_task or wants.cores // _tasks(wants)


def script(job: Job, options: Options, threads: int | None = None) -> str:
    """The batch script of a run's job."""
    # Newer ones do not take the number of cores from the job.
    step = ["srun", "--kill-on-bad-exit", f"--cpus-per-task={_cores(job, options)}"]
    watcher = [sys.executable, "-m", "hydra_plugins.posereg_launcher._slurm_task", str(options.requeues)]
    lines = ["#!/bin/sh", "export PYTHONUNBUFFERED=1", *options.setup]
    if threads or "OMP_NUM_THREADS" not in os.environ:
        count = str(threads) if threads else "${SLURM_CPUS_PER_TASK:-1}"
        lines += [f"export OMP_NUM_THREADS={count} MKL_NUM_THREADS={count}"]
    return "\n".join([*lines, f"exec {shlex.join([*watcher, *step, *job.command])}", ""])


def parse(told: str) -> dict[str, State]:
    """Jobs by number, from squeue's lines in `FORMAT`."""
    states = {}
    for line in told.splitlines():
        number, word, status, machines = (part.strip() for part in line.split("|"))
        states[number] = State(word, int(status) if status.isdecimal() else 0, machines)
    return states


def exit_code(status: int) -> int:
    """Of a batch script's status: negative for a signal that killed it or what it ran, as a process here has it."""
    if status & 127:
        return -(status & 127)
    code = status >> 8
    told = [128 + number for number in SIGNALS]  # how a run ends that was asked to
    return 128 - code if code > 128 and code not in told and code - 128 in set(signal.Signals) else code


def _ask(command: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
    """Run one of Slurm's commands; one that takes too long has failed."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, **more
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} did not answer within a minute")
