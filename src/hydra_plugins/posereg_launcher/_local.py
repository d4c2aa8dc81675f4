"""Runs as processes of this machine, for the `pool` launcher."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import UserError


def start(job: Job, slot: Slot) -> LocalProcess:
    """Start a run with its slot's device; what it prints goes to the log in its folder.

    Raises:
        UserError: it cannot be started.
    """
    return LocalProcess(job, slot)


class LocalProcess:
    """A `_jobs.Process` in a session of its own: Ctrl-C reaches only the sweep, and killing the group also ends loader
    workers and ranks."""

    name = reason = ""

    def __init__(self, job: Job, slot: Slot) -> None:
        self.slot = slot
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **slot.environment}
        try:
            with open(job.log, "ab") as log:
                self.process = subprocess.Popen(
                    job.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise UserError(f"cannot be started: {error}") from error

    def place(self) -> str:
        """The name of its slot."""
        return self.slot.name

    def poll(self) -> int | None:
        """Its exit code once it has ended; what a failed one left behind still holds the device, and is killed."""
        code = self.process.poll()
        if code:
            self.end(signal.SIGKILL)
        return code

    def end(self, number: int) -> None:
        """Send the signal to its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
