"""Starting the processes of a run on several devices of this machine: torchrun, called as a library."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from posereg.errors import Interrupted, UserError
from posereg.runs import folder as runs
from posereg.runs.signals import SIGNALS

GRACE_SECONDS = 25  # for the step that is running and its checkpoint; less than the pool waits for a run
PARENT = "POSEREG_PARENT"  # the process that a rank must not outlive


def launch(arguments: Sequence[str], count: int, folder: Path, digest: str) -> None:
    """Run `posereg train` with these arguments in `count` processes, and wait for all of them.

    When one fails the others are ended. A signal is passed on to them; they may finish their step.

    Args:
        folder, digest: of the run. A process that is killed cannot note the reason there itself.

    Raises:
        Interrupted: a signal came.
        SystemExit: with the exit code of the process that failed first.
        UserError: a process was killed.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(
        logging.CRITICAL
    )  # the processes speak themselves
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    os.environ[PARENT] = str(os.getpid())
    free = [s for s in SIGNALS if signal.getsignal(s) in (signal.SIG_DFL, signal.default_int_handler)]
    before = {number: signal.getsignal(number) for number in free}
    with tempfile.TemporaryDirectory(prefix="posereg-") as scratch:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=digest,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=scratch),
            signals_to_handle=",".join(signal.Signals(number).name for number in free),
            shutdown_timeout=GRACE_SECONDS,
        )
        try:
            elastic_launch(config, sys.executable)("-m", "posereg.cli.main", "train", *arguments)
        except SignalException as caught:
            raise Interrupted(int(caught.sigval)) from None
        except ChildFailedError as failed:
            codes = {rank: failure.exitcode for rank, failure in failed.failures.items()}
            _end(codes, count, folder, digest)
        finally:
            del os.environ[PARENT]
            for number, handler in before.items():
                with suppress(ValueError):  # not the main thread, so nothing was changed
                    signal.signal(number, handler)


def _end(codes: dict[int, int], count: int, folder: Path, digest: str) -> None:
    """Tell how the run's processes ended, by their exit codes; those that the launcher ended itself count last."""
    killed = {rank: -code for rank, code in codes.items() if code < 0 and -code != signal.SIGTERM}
    if not killed:
        raise SystemExit(next((code for code in codes.values() if code > 0), 1))
    rank, number = min(killed.items())
    name = signal.Signals(number).name
    hint = " (out of memory?)" if number == signal.SIGKILL else ""
    message = f"process {rank + 1} of this run's {count} was killed by {name}{hint}"
    status = runs.read_status(folder)
    if status is not None and status["state"] != "done" and status.get("config_hash") == digest:
        runs.write_status(folder, "failed", config_hash=digest, error=message)
    error = UserError(message)
    error.exit_code = 128 + number
    raise error


def end_with_parent() -> None:
    """Let the kernel kill this process when the one that launched it is gone, which could no longer end it (Linux)."""
    parent = os.environ.pop(PARENT, None)
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
    if os.getppid() != int(parent):
        raise SystemExit(1)
