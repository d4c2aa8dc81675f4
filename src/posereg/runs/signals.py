"""What a run does when it is told to end.

The first signal lets the training finish its optimiser step and write last.ckpt; outside of training steps, and at
the second signal, the run ends at once. Either way it ends with `Interrupted`, so with exit code 128 + signal.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from posereg.errors import Interrupted

# Ctrl-C, kill, a closed terminal, and what Slurm sends before it takes the node away (`--signal=USR1@60`).
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Signals:
    """Context that catches the signals which nobody else has claimed (nohup ignores SIGHUP, submitit takes
    SIGUSR2); in another thread than the main one it catches none.

    Attributes:
        deferred: a safe place to stop will come soon (set while training steps run).
        number: the signal that came, None if none did.
    """

    def __init__(self) -> None:
        self.deferred = False
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before in (signal.SIG_DFL, signal.default_int_handler):
                    self._before[number] = before
        self.catch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def catch(self) -> None:
        """(Again) catch the signals: Lightning puts a handler of its own on SIGTERM when it starts."""
        for number in self._before:
            signal.signal(number, self._handle)

    def check(self) -> None:
        """
        Raises:
            Interrupted: a signal came.
        """
        if self.number is not None:
            raise Interrupted(self.number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again = self.number is not None
        self.number = number
        if again or not self.deferred:
            raise Interrupted(number)
        name = signal.Signals(number).name
        print(f"{name}: stopping after this step, with a checkpoint; once more to stop at once", flush=True)


def spare_worker() -> None:
    """For worker processes: a signal to the whole group is the main process's to answer, which still needs the
    workers' batches. A second SIGTERM, the loader's own, ends the worker."""

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)

    for number in SIGNALS:
        signal.signal(number, once if number == signal.SIGTERM else signal.SIG_IGN)
