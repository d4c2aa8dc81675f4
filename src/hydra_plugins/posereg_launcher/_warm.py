"""Runs that start warm: one process imports what every run needs and forks itself for each of them.

To import torch, Lightning and timm takes six seconds of a core and 800 MB; a fork takes milliseconds and shares the
memory. The process that imports computes nothing, starts no thread and touches no device, so what it forks is as fresh
as a process of its own. It also forks to check configs, as it has imported all that they may name.

    python -m hydra_plugins.posereg_launcher._warm      (its standard input: the pool's end of a socket)

`("check", configs)` is answered by `("mistakes", [[text ...] ...])`, `("run", arguments, environment, log)` by
`("started", pid)`, both in their order; `("ended", pid, code)` comes by itself.
"""

from __future__ import annotations

import gc
import importlib
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import UserError

POLL_SECONDS = 0.05
PROGRAM = 3  # words of a run's command before its arguments: python -m posereg.cli.main
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}  # or it could not fork
# What all runs import, most of it through posereg.train.
MODULES = ("posereg.train", "posereg.training.loggers", "posereg.training.progress", "posereg.settings.check",
           "posereg.data.modules.topdown", "posereg.networks.backbone", "timm", "torch._dynamo")  # fmt: skip


def available() -> bool:
    """Whether this system forks safely what has imported torch."""
    return sys.platform == "linux"


class Run:
    """A forked run, as a `_jobs.Process`."""

    name = reason = ""

    def __init__(self, slot: Slot, read: Callable[[float], None]) -> None:
        self.slot, self._read = slot, read
        self.pid: int | None = None  # once it is forked
        self.code: int | None = None

    def place(self) -> str:
        """The name of its slot."""
        return self.slot.name

    def poll(self) -> int | None:
        """Its exit code once it has ended; what a failed one left behind still holds the device, and is killed."""
        self._read(0.0)
        if self.code:
            self.end(signal.SIGKILL)
        return self.code

    def end(self, number: int) -> None:
        """Send the signal to its group, once it is there."""
        while self.pid is None and self.code is None:
            self._read(1.0)
        with suppress(ProcessLookupError, PermissionError):
            if self.pid is not None:
                os.killpg(self.pid, number)


class Warm:
    """The pool's side of the process that imports and forks; as a context, which ends that process and no run."""

    def __init__(self) -> None:
        self._forking: list[Run] = []
        self._running: dict[int, Run] = {}
        self._checks: list[Callable[[list[list[str]]], None]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None and self._connection is not None:
            self._connection.close()
            self._process.terminate()  # it may still import
            self._process.wait()

    def check(
        self,
        configs: Sequence[Mapping[str, Any]],
        then: Callable[[list[list[str]]], None],
        hardware: bool = True,
    ) -> None:
        """Call `then` with what is wrong with each resolved config, once that is known; with `hardware` also what this
        machine has not got."""
        self._checks.append(then)
        self._send(("check", list(configs), hardware))

    def start(self, job: Job, slot: Slot) -> Run:
        """Start a run in a session of its own, with its slot's device; what it prints goes to the log in its folder."""
        return self.run(job.command[PROGRAM:], slot, job.log)

    def run(self, arguments: Sequence[str], slot: Slot, log: Path) -> Run:
        """Start `posereg ARGUMENTS`, its output behind that of the log."""
        self._forking.append(Run(slot, self.read))
        self._send(("run", list(arguments), {**os.environ, **slot.environment}, str(log)))
        return self._forking[-1]

    def read(self, patience: float = 0.0) -> None:
        """Take what the process has said, waiting for it at most so many seconds.

        Raises:
            UserError: it was killed before it had checked the configs.
        """
        try:
            while self._connection is not None and self._connection.poll(patience):
                self._heard(*self._connection.recv())
                patience = 0.0
        except (EOFError, OSError):
            self._lost()

    def _lost(self) -> None:
        """Without the process that forked them nobody can tell how runs end, so they are ended too; the next run gets
        a new one."""
        assert self._process is not None
        self._connection = None
        self._process.wait()
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for run in [*self._forking, *self._running.values()]:
            run.code = -signal.SIGKILL
        self._forking, self._running = [], {}
        if self._checks:
            raise UserError("the process that checks the rows was killed (out of memory?)")

    def _send(self, message: tuple[Any, ...]) -> None:
        if self._connection is None:
            self._connection, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    stdin=theirs.fileno(),
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **ONE_THREAD},
                    start_new_session=True,  # Ctrl-C is the pool's to answer
                )
        self._connection.send(message)

    def _heard(self, what: str, *said: Any) -> None:
        if what == "mistakes":
            self._checks.pop(0)(said[0])
        elif what == "started":
            run = self._forking.pop(0)
            run.pid, self._running[said[0]] = said[0], run
        else:
            self._running.pop(said[0]).code = said[1]


def serve(connection: Connection[Any, Any]) -> list[str]:
    """Answer the pool until it is gone; returns in each forked process, with the arguments of its run."""
    for name in MODULES:
        with suppress(Exception):  # whatever fails to import fails in the runs, which write it to their logs
            importlib.import_module(name)
    gc.freeze()  # or the first collection of each run would copy the memory that they share
    runs: set[int] = set()
    while True:
        for pid in list(runs):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                runs.remove(pid)
                connection.send(("ended", pid, os.waitstatus_to_exitcode(status)))
        if not connection.poll(POLL_SECONDS):
            continue
        try:
            what, *said = connection.recv()
        except EOFError:
            raise SystemExit(0) from None
        if what == "check":
            _check(connection, *said)
            continue
        arguments, environment, log = said
        if (pid := os.fork()) == 0:
            connection.close()
            _become(environment, log)
            return list(arguments)
        runs.add(pid)
        _await_session(pid)
        connection.send(("started", pid))


def _await_session(pid: int) -> None:
    """Wait until a child leads a session of its own, so that whoever hears of it can end the whole group."""
    for _ in range(1000):
        if os.getpgid(pid) == pid:
            return
        time.sleep(0.001)


def _check(connection: Connection[Any, Any], configs: Sequence[dict[str, Any]], hardware: bool) -> None:
    """Check in a process that is thrown away: to look for devices opens them, which a fork does not survive."""
    if (pid := os.fork()) != 0:
        os.waitpid(pid, 0)
        return
    code = 1
    try:
        from posereg.config import with_current_targets
        from posereg.settings.check import problems

        found = [problems(with_current_targets(config), hardware) for config in configs]
        connection.send(("mistakes", found))
        code = 0
    except BaseException as error:
        connection.send(("mistakes", [[f"{type(error).__name__}: {error}"]] * len(configs)))
    finally:
        os._exit(code)


def _become(environment: Mapping[str, str], log: str) -> None:
    """Make a forked process what `Popen(start_new_session=True, stdin=DEVNULL, stdout=log, stderr=log)` starts."""
    os.setsid()
    os.environ.clear()
    os.environ.update({**environment, "PYTHONUNBUFFERED": "1"})
    if (threads := os.environ.get("OMP_NUM_THREADS", "")).isdecimal():
        import torch

        torch.set_num_threads(max(1, int(threads)))
    with open(log, "ab") as output, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)


def main() -> None:
    """Import, serve, and be a run."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    arguments = serve(Connection(os.dup(0)))
    sys.argv[1:] = arguments
    runpy.run_module("posereg.cli.main", run_name="__main__", alter_sys=True)  # as `python -m` does


if __name__ == "__main__":
    main()
