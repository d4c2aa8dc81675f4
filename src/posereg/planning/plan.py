"""The plan of one or several sweeps: a line a row, with everything that its seeds cost together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posereg.planning.amount import Amount, amount, processes, trains_scorer
from posereg.planning.cost import FORWARD_FLOPS, TRAINING_FLOPS, Cost, cost, fitting, memory
from posereg.planning.makespan import makespan
from posereg.planning.rates import Rate
from posereg.planning.sizes import Sizes, sizes
from posereg.planning.sweep import Planned

GB = 1e9


@dataclass(frozen=True)
class Line:
    """The runs of one row, which differ in their seeds alone.

    Attributes:
        runs: all of them.
        needs: the rows that it starts from or averages.
        flops: of one run, training and evaluation.
        memory: bytes of one device in training; 0 where nothing is trained.
        fits: None where it fits the device as it is; else the `(accumulate, images a pass)` that would, or (0, 0).
        hours: device-hours of one run.
    """

    runs: tuple[Planned, ...]
    needs: tuple[str, ...]
    sizes: Sizes
    amount: Amount
    cost: Cost
    flops: float
    memory: float
    fits: tuple[int, int] | None
    hours: float

    @property
    def key(self) -> tuple[str, str, str]:
        """Data, table and row."""
        return self.runs[0].key

    @property
    def asked(self) -> bool:
        """Whether the command names it; if not, others need it."""
        return any(run.asked for run in self.runs)

    @property
    def left(self) -> float:
        """Device-hours of the runs that are not done."""
        return self.hours * sum(run.state != "done" for run in self.runs)


@dataclass(frozen=True)
class Plan:
    """All lines, in an order in which they can be run.

    Attributes:
        devices: that the makespan is for.
        makespan: hours until the last run is done.
    """

    lines: tuple[Line, ...]
    devices: int
    makespan: float

    @property
    def hours(self) -> float:
        """Device-hours of all runs that are not done."""
        return sum(line.left for line in self.lines)


def plan(
    runs: Sequence[Planned],
    rate: Rate,
    devices: int,
    available: float,
    samples: int | None = None,
    val_samples: int | None = None,
) -> Plan:
    """What the runs cost.

    Args:
        runs: as `sweep.planned` gives them.
        rate: operations a second of a device.
        devices: how many there are.
        available: bytes of a device.
        samples, val_samples: of a pass over the training and the validation split, where the data are not here and
            nobody has published it.

    Raises:
        UserError: a data set whose size nobody knows, or that does not fill a batch.
    """
    groups: dict[tuple[str, str, str], list[Planned]] = {}
    for run in runs:
        groups.setdefault(run.key, []).append(run)
    lines = [_line(group, rate, available, samples, val_samples) for group in groups.values()]
    # Of a run on several devices all are busy at once.
    each = {id(run): line.hours / processes(run.config["trainer"]) for line in lines for run in line.runs}
    widest = max((processes(run.config["trainer"]) for run in runs), default=1)
    time = makespan(runs, lambda run: each[id(run)], max(1, devices // widest))
    return Plan(tuple(lines), devices, time)


def _line(
    runs: Sequence[Planned], rate: Rate, available: float, samples: int | None, val_samples: int | None
) -> Line:
    config = runs[0].config
    size = sizes(config, samples, val_samples)
    done = amount(config, size, trains_scorer(config, [other.config for other in runs[0].needs]))
    network = cost(config)
    flops = network.macs * (TRAINING_FLOPS * done.images + FORWARD_FLOPS * done.forwards)
    needed = memory(config, network, config["loader"]["batch_size"]) if done.steps else 0.0
    fits = None if needed <= available else fitting(config, network, available) or (0, 0)
    needs = dict.fromkeys(other.key[2] for run in runs for other in run.needs)
    hours = flops / rate(config) / 3600
    return Line(tuple(runs), tuple(needs), size, done, network, flops, needed, fits, hours)
