"""The runs of a sweep and those that they need, in an order in which they can be made; nothing is run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posereg import config as configs
from posereg.errors import UserError
from posereg.runs import folder as runs
from posereg.runs.siblings import Sibling, siblings
from posereg.terminal.hydra_errors import one_line


@dataclass(eq=False)
class Planned:
    """One run.

    Attributes:
        config: resolved.
        asked: whether the command names it; the others are what those start from or average.
        needs: the runs it waits for.
        state: done, begun (it goes on), changed (its folder holds another configuration's run), or empty.
    """

    config: dict[str, Any]
    asked: bool
    needs: list[Planned] = field(default_factory=list)
    state: str = ""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return runs.run_dir(self.config)

    @property
    def key(self) -> tuple[str, str, str]:
        """Its line in the plan, which the seeds of a row share: data, table and row. `@100` and the like, which only
        raise the seed, do not count."""
        return str(self.config["data"]["name"]), str(self.config.get("table")), str(self.config["row"])


def planned(commands: Sequence[Sequence[str]], name: str = "train") -> list[Planned]:
    """The runs of one or several sweeps, each once, those that others need before them.

    Args:
        commands: the overrides of each sweep, as behind `posereg train -m`.
        name: the topmost config.

    Raises:
        UserError: overrides that do not exist or make no sense, or that match no row.
    """
    asked = []
    for overrides in commands:
        for one in combinations(overrides):
            config = configs.plain(configs.compose(one, name))
            configs.validate(config, hardware=False)
            asked.append((one, config))
    claimed = {runs.run_dir(config).absolute(): runs.config_hash(config) for _, config in asked}
    known: dict[tuple[Path, str], Planned] = {}
    order: list[Planned] = []

    def add(config: dict[str, Any], needs: Sequence[Sibling], is_asked: bool) -> Planned:
        key = (runs.run_dir(config).absolute(), runs.config_hash(config))
        run = known.get(key)
        if run is None:
            run = known[key] = Planned(config, is_asked, state=_state(*key))
            run.needs = [add(sibling.config, sibling.needs, False) for sibling in needs]
            order.append(run)
        run.asked |= is_asked
        return run

    for overrides, config in asked:
        add(config, siblings(config, overrides, name, claimed, hardware=False), True)
    return order


def combinations(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each run of a sweep: every combination of `key=a,b` and `key=glob(*)`, the last one fastest.

    Raises:
        UserError: an override that does not parse, or a glob that matches nothing.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        with configs.hydra_session() as hydra:
            parser = OverridesParser.create(config_loader=hydra.config_loader)
            choices = []
            for override in parser.parse_overrides(configs.current_overrides(overrides)):
                values = [str(override.input_line)]
                if override.is_sweep_override():
                    key = override.get_key_element()
                    values = [f"{key}={value}" for value in override.sweep_string_iterator()]
                if not values:
                    raise UserError(f"{override.input_line}: matches nothing")
                choices.append(values)
    except HydraException as error:
        raise UserError(one_line(error) or f"config: {' '.join(str(error).split())}") from error
    return [list(combination) for combination in itertools.product(*choices)]


def _state(folder: Path, digest: str) -> str:
    status = runs.read_status(folder)
    if status is None:
        return ""
    if runs.is_done(folder, digest):
        return "done"
    return "begun" if status.get("config_hash") == digest else "changed"
