"""The output of a sweep: a line per start and finish, and one a minute with the time left; a live view in a
terminal instead; and a closing table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hydra_plugins.posereg_launcher._jobs import Job, log_tail
from hydra_plugins.posereg_launcher._left import Forecast
from hydra_plugins.posereg_launcher._slots import Slot
from posereg.errors import Interrupted, UserError
from posereg.reporting.columns import columns_of
from posereg.runs import results
from posereg.runs.folder import RESULT
from posereg.terminal.counted import counted
from posereg.terminal.duration import elapsed

SILENCE_SECONDS = 60.0
STYLES = {"done": "green", "skipped": "cyan", "failed": "bold red", "stopped": "yellow", "running": "blue"}


class Display:
    """A watcher of the pool (`_jobs.Watcher`); as a context it owns the live view."""

    def __init__(
        self,
        jobs: Sequence[Job],
        slots: Sequence[Slot],
        console: Console | None = None,
        unread: Callable[[], int] = int,
    ) -> None:
        self.jobs, self.slots, self.unread = jobs, slots, unread
        self.console = console or Console(soft_wrap=True)
        self.live = Live(console=self.console, refresh_per_second=2) if self.console.is_terminal else None
        self.drawn = self.spoke = time.monotonic()
        self.forecast = Forecast(jobs, len(slots), unread)

    def __enter__(self) -> Display:
        skipped = sum(job.state == "skipped" for job in self.jobs)
        places = ", ".join(dict.fromkeys(slot.name for slot in self.slots))
        begun = f" of the first {len(self.jobs)}" if self.unread() else ""
        self._line(
            f"{counted(self._total(), 'run')}, {skipped}{begun} done before"
            + (f"; on {places}" if places else "")
        )
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.update(Text(""))
            self.live.stop()
        if kind in (KeyboardInterrupt, Interrupted):
            left = sum(job.state == "stopped" for job in self.jobs) + self.unread()
            self._line(
                f"stopped with {counted(left, 'run')} left; the same command goes on where this one ended"
            )

    def queued(self, job: Job) -> None:
        name = job.process.name if job.process else ""
        self._line(f"queued  {job.name} as {name}" + (f" ({job.note})" if job.note else ""))

    def started(self, job: Job) -> None:
        self._line(f"start   {job.name} on {job.place}" + (f" ({job.note})" if job.note else ""))

    def finished(self, job: Job) -> None:
        over = sum(j.state in ("done", "failed", "skipped", "stopped") for j in self.jobs)
        end = (
            job.note
            if job.state in ("failed", "stopped")
            else "  ".join(f"{k} {v}" for k, v in metrics(job).items())
        )
        self._line(
            f"{job.state:<7} {job.name} in {elapsed(job.seconds)} [{over}/{self._total()}]  {end}{self._time_left()}"
        )

    def tick(self) -> None:
        now = time.monotonic()
        if self.live and now - self.drawn > 0.5:
            self.live.update(self._running())
            self.drawn = now
        if not self.live and now - self.spoke > SILENCE_SECONDS:
            self.spoke = now
            running = [
                f"{job.name} {self.forecast.share(job):.0%}" for job in self.jobs if job.state == "running"
            ]
            queued = [job.name for job in self.jobs if job.state == "queued"]
            told = [f"running {', '.join(running)}"] if running else []
            told += [f"queued {', '.join(queued)}"] if queued else []
            self._line("; ".join(told) + self._time_left())

    def summary(self) -> None:
        """The closing table, then where the logs of failed runs are."""
        shown = {job.number: metrics(job) for job in self.jobs}
        columns = list(dict.fromkeys(name for row in shown.values() for name in row))
        table = Table("row", "seed", "state", "time", *columns)
        for column in table.columns[3:]:
            column.justify = "right"
        for job in self.jobs:
            cells = [shown[job.number].get(name, "") for name in columns]
            state = Text(job.state, style=STYLES.get(job.state, ""))
            seed = "" if job.seed is None else str(job.seed)
            table.add_row(job.row, seed, state, elapsed(job.seconds) if job.seconds else "", *cells)
        self.console.print(table)
        if self.unread():
            self._line(f"{self.unread()} more runs were not started")
        for job in self.jobs:
            if job.state == "stopped" and job.note:
                self._line(f"stopped: {job.name}: {job.note}; the same command goes on where it stopped")
            if job.state == "failed":
                log = f"\n        log: {job.log}" if job.log.exists() else ""
                self._line(f"failed: {job.name}: {job.note}{log}", style="red")

    def _total(self) -> int:
        return len(self.jobs) + self.unread()

    def _running(self) -> Table:
        title = f"running{self._time_left()}"
        table = Table(title, "on", "time", "last line", box=None, padding=(0, 2, 0, 0))
        for job in self.jobs:
            if job.state == "running":
                lines = log_tail(job, 2048).replace("\r", "\n").split("\n")
                last = next((line.strip() for line in reversed(lines) if line.strip()), "")
                table.add_row(job.name, job.place, elapsed(time.monotonic() - job.started), Text(last[:100]))
        return table

    def _time_left(self) -> str:
        left = self.forecast.left()
        return "" if left is None else f"; about {elapsed(left)} left"

    def _line(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, highlight=False, markup=False)


def metrics(job: Job) -> dict[str, str]:
    """The run's main metrics from its result.json, formatted; empty while there is none."""
    if job.state not in ("done", "skipped"):
        return {}
    try:
        result = results.read(job.directory / RESULT)
    except UserError:
        return {}
    values = result.get("metrics", {})
    return {name: f"{values[name]:.1f}" for name in columns_of(result) if name in values}
