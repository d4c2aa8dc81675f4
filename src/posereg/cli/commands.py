"""All commands by name. A new one is a module with COMMAND and `run`, and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from posereg.cli.spec import Command

# name as it is typed -> module of this package, in the order of `posereg --help`
MODULES = {
    "train": "train",
    "plan": "plan",
    "table": "table",
    "score": "score",
    "predict": "predict",
    "evaluate": "evaluate",
    "models": "models",
    "pack": "pack",
    "export": "export",
    "data init": "data_init",
    "data convert": "data_convert",
    "data make": "data_make",
    "data check": "data_check",
    "data project": "data_project",
    "info": "info",
    "config": "config",
    "doctor": "doctor",
    "claims": "claims",
    "detect": "detect",
    "errors": "error_analysis",
    "readings": "readings",
    "figures": "figures",
    "report": "report",
    "dashboard": "dashboard",
    "submit": "submit",
    "completion": "completion",
    "version": "version",
}
GROUPS = {"data": "describe, convert, make, check and project data sets"}


def specification(name: str) -> Command:
    """The declared specification of a command. Importing its module is cheap: heavy imports are inside `run`."""
    command: Command = importlib.import_module(f"posereg.cli.{MODULES[name]}").COMMAND
    return command


def runner(name: str) -> Callable[..., int]:
    """The function that runs a command."""
    run: Callable[..., int] = importlib.import_module(f"posereg.cli.{MODULES[name]}").run
    return run
