"""`posereg train`: one run, or with -m a sweep of them."""

from __future__ import annotations

import os
from typing import Any

from posereg.cli.spec import Command, Flag
from posereg.errors import UserError

COMMAND = Command(
    "train",
    "train and evaluate a method, or with -m every row of a table",
    """
    A run's folder is runs/<data>/<table>/<row>/seed<seed>: a run that is done there is not repeated, one that was
    cut off goes on. With -m, values separated by commas and glob(*) are swept over, several runs at a time
    (hydra.launcher.slots=2, hydra.launcher.devices=[0,1]).
    """,
    config="all",
    flags=(
        Flag(("-m", "--multirun"), "run every combination of key=a,b and key=glob(*)"),
        Flag(("-c", "--cfg"), "print the config as Hydra composes it, and stop", "job|hydra|all"),
        Flag(("--resolve",), "with --cfg: interpolations resolved"),
        Flag(("-p", "--package"), "with --cfg: this part of the config", "PACKAGE"),
        Flag(
            ("-i", "--info"),
            "print how the config is composed, and stop",
            "all|config|defaults|defaults-tree|plugins|searchpath",
            bare="all",
        ),
        Flag(("--hydra-help",), "Hydra's own settings, and stop"),
        Flag(("-cn", "--config-name"), "another topmost config than train", "NAME"),
    ),
    examples=(
        "posereg train method=I1 data=mpii data.root=data/mpii",
        "posereg train -m '+experiments/integral/table2=glob(*)' data=mpii seed=0,1,2",
        "posereg train --config-dir my_configs data=mine method=H1",
    ),
)


def run(
    overrides: list[str],
    multirun: bool = False,
    cfg: str | None = None,
    resolve: bool = False,
    package: str | None = None,
    info: str | None = None,
    hydra_help: bool = False,
    config_name: str | None = None,
) -> int:
    """Run what the overrides describe, in this process or, with `multirun`, by Hydra's launcher.

    Raises:
        UserError: a config, a data set or a folder that cannot be used.
        SystemExit: 1, when a run of a sweep failed.
    """
    from posereg import config as configs
    from posereg.runs import collector
    from posereg.runs.processes import place

    collector.seldom()
    name, overrides = config_name or "train", configs.current_overrides(overrides)
    with configs.hydra_session() as hydra:
        if hydra_help:
            # The one part of Hydra's program that wants its own argument parser.
            from hydra._internal.utils import get_args_parser

            parser = get_args_parser()
            hydra.hydra_help(config_name=name, args_parser=parser, args=parser.parse_args(overrides))
        elif info:
            hydra.show_info(info, config_name=name, overrides=overrides)
        elif cfg:
            hydra.show_cfg(name, overrides, cfg_type=cfg, package=package, resolve=resolve)
        elif multirun or "hydra.mode=MULTIRUN" in overrides:
            if place().size > 1:
                raise UserError(
                    f"{place().size} processes would each run this sweep: start it once, without torchrun or with srun "
                    "--ntasks 1; its runs get processes of their own (trainer.devices=2)"
                )
            if os.environ.get(configs.CONFIG_FOLDERS):
                # Workers on other machines do not inherit the environment.
                overrides = [f"hydra.job.env_copy=[{configs.CONFIG_FOLDERS}]", *overrides]
            hydra.multirun(name, train_one, [*overrides, "hydra.mode=MULTIRUN"])
        else:
            _run_here(hydra, name, overrides)
    return 0


def _run_here(hydra: Any, name: str, overrides: list[str]) -> None:
    mistakes: list[UserError] = []

    def task(config: Any) -> None:
        try:
            train_one(config)
        except UserError as error:  # Hydra would print lines of its own about it
            mistakes.append(error)

    hydra.run(name, task, [*overrides, "hydra.mode=RUN"])
    if mistakes:
        raise mistakes[0]


def train_one(config: Any) -> None:
    """What Hydra calls for each run: train, and print the metrics in one line.

    Raises:
        UserError: as `posereg.train.train`.
    """
    from hydra.core.hydra_config import HydraConfig

    from posereg.runs import collector
    from posereg.runs.processes import say
    from posereg.settings.unheard import heard
    from posereg.train import train_on_devices

    collector.imported()
    overrides = list(HydraConfig.get().overrides.task)
    result = train_on_devices(heard(overrides, config), overrides)
    if result is not None:
        shown = {k: v for k, v in result["metrics"].items() if "/" not in k and v is not None}
        say(f"{config.row} seed {config.seed}: " + "  ".join(f"{k} {v:.2f}" for k, v in shown.items()))
