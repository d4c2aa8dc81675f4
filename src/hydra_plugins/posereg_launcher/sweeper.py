"""`hydra/sweeper=rows`: Hydra's own sweeper, which leaves it to posereg's launchers to compose the rows.

Hydra's composes every row before the launcher does it again, 0.13 s each. Launchers of others may compose on another
machine, so for them it stays as it is. Hydra imports this file at every start, so it stays light.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore

from posereg.errors import FailedElsewhereError


@dataclass
class RowsConf(BasicSweeperConf):
    """As Hydra's `basic`."""

    _target_: str = "hydra_plugins.posereg_launcher.sweeper.RowsSweeper"


ConfigStore.instance().store(group="hydra/sweeper", name="rows", node=RowsConf, provider="posereg")


class RowsSweeper(BasicSweeper):
    """Every combination of the swept values, composed by the launcher."""

    def sweep(self, arguments: list[str]) -> Any:
        """Hydra's call; a failed run has been told of, and only ends the program with 1."""
        try:
            return super().sweep(arguments)
        except FailedElsewhereError:
            raise SystemExit(1) from None

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Nothing for posereg's launchers, which refuse what cannot be composed themselves."""
        if not type(self.launcher).__module__.startswith(str(__package__)):
            super().validate_batch_is_legal(batch)
