"""The runs that a row starts from or averages: reused if they are done, trained first if they are not.

`method.pretrain: H1` in row I1 means: the same command with row H1 in place of I1 (or `method=H1` outside a
table). The sibling trains in a process of its own under its folder's lock, so rows that need the same one train it
once. A sibling whose settings are not the row's plain ones has a folder of its own, `H1-3f9a2c`. `flip@100` is row
flip with a seed that is 100 higher: an ensemble of one network trained several times.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posereg import config as configs
from posereg.errors import Interrupted, UserError
from posereg.runs import folder as runs
from posereg.runs import processes

# What rows share of `method.*`; beside it all that is not the method's: data, loader, trainer, trunk, seed and so on.
SHARED = ("network", "optimizer", "schedule")
# What is one run's own, beside its method: where it lies, what it starts from and what it is held against.
OWN = ("hydra", "run_dir", "row", "overwrite", "evaluate_only", "init_weights", "paper", "compare_to")
PRETRAIN, MEMBERS = "method.pretrain", "method.members"  # the keys that name rows a run needs
GRACE_SECONDS = 25.0  # for a sibling's step and checkpoint when this run is told to end


@dataclass(frozen=True)
class Sibling:
    """A run that another one needs.

    Attributes:
        name: what the other one's config calls it.
        overrides: the command that trains it.
        config: resolved.
        needs: the runs that it needs itself.
    """

    name: str
    overrides: list[str]
    config: dict[str, Any]
    needs: tuple[Sibling, ...] = ()

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return runs.run_dir(self.config)

    @property
    def digest(self) -> str:
        """Hash of what decides the run's numbers."""
        return runs.config_hash(self.config)


def needed(plain: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`(key, row)` of each run that a resolved config needs; a row that is given weights needs none to start from."""
    method = plain["method"]
    pretrain = method.get("pretrain") if not plain.get("init_weights") else None
    rows = [(PRETRAIN, str(pretrain))] if pretrain else []
    return rows + [(MEMBERS, str(row)) for row in method.get("members") or ()]


def siblings(
    plain: Mapping[str, Any],
    overrides: Sequence[str],
    name: str = "train",
    claimed: Mapping[Path, str] | None = None,
    hardware: bool = True,
) -> list[Sibling]:
    """The runs that this one needs, and in turn what they need; nothing is run.

    Args:
        plain: this run's resolved config.
        overrides: the command behind it.
        name: the topmost config.
        claimed: folders that other runs are about to write, with their config hashes.
        hardware: also check that this machine has what they ask for.

    Raises:
        UserError: a sibling that cannot be composed or makes no sense, or rows that start from one another.
    """
    above = {runs.run_dir(plain): str(plain["row"])}
    return _siblings(plain, overrides, name, claimed or {}, above, hardware)


def _siblings(
    plain: Mapping[str, Any],
    overrides: Sequence[str],
    name: str,
    claimed: Mapping[Path, str],
    above: Mapping[Path, str],
    hardware: bool,
) -> list[Sibling]:
    siblings = []
    for key, row in needed(plain):
        swapped = sibling_overrides(row, overrides)
        try:
            config = configs.plain(configs.compose(swapped, name))
            folder = runs.run_dir(config)
            if folder in above:
                chain = " -> ".join([*above.values(), row])
                raise UserError(
                    f"{key}: {chain} leads back to {folder}; start from another row, or give row=NAME"
                )
            placed, config = _place(swapped, config, name, claimed)
            configs.validate(config, hardware)
        except UserError as error:
            message = str(error)
            raise error if message.startswith("method.") else UserError(f"{key}={row}: {message}") from None
        inner = _siblings(config, placed, name, claimed, {**above, folder: row}, hardware)
        siblings.append(Sibling(row, placed, config, tuple(inner)))
    return siblings


def _place(
    overrides: list[str], config: dict[str, Any], name: str, claimed: Mapping[Path, str]
) -> tuple[list[str], dict[str, Any]]:
    """The sibling in its row's folder, or with a hash in its name where that folder is another configuration's."""
    folder, digest = runs.run_dir(config), runs.config_hash(config)
    if _holder(folder, claimed) == digest:
        return overrides, config
    row = f"{config['row']}-{digest[:6]}".replace("\\", "\\\\").replace("'", "\\'")
    aside = [*overrides, f"row='{row}'"]
    other = configs.plain(configs.compose(aside, name))
    began = _holder(runs.run_dir(other), claimed) == runs.config_hash(other)
    if began or _holder(folder, claimed) is not None or _is_tuned(overrides, digest, name):
        return aside, other
    return overrides, config


def _holder(folder: Path, claimed: Mapping[Path, str]) -> str | None:
    """The config hash of the run that a folder holds or is about to hold, None while it is free."""
    if folder.absolute() in claimed:
        return claimed[folder.absolute()]
    status = runs.read_status(folder)
    return str(status.get("config_hash")) if status is not None else None


def _is_tuned(overrides: Sequence[str], digest: str, name: str) -> bool:
    """Whether settings of the method make a row another configuration than it is by itself."""
    untuned = [text for text in overrides if not _is_shared(text.partition("=")[0])]
    return untuned != overrides and runs.config_hash(configs.plain(configs.compose(untuned, name))) != digest


def sibling_overrides(sibling: str, overrides: Sequence[str]) -> list[str]:
    """The overrides of the sibling row: its name in place of this row's.

    Args:
        sibling: a row of the same table, `<paper>/<table>/<row>` of another, or a method outside a table; `@N`
            behind it adds N to the seed.

    Raises:
        UserError: what follows the `@` is no number.
    """
    sibling, _, more = sibling.partition("@")
    table, _, row = sibling.rpartition("/")
    in_table = any(override.lstrip("+").startswith("experiments/") for override in overrides)
    swapped = []
    for override in overrides:
        key, _, _ = override.partition("=")
        if key.lstrip("+").startswith("experiments/"):
            swapped.append(f"+experiments/{table}={row}" if table else f"{key}={row}")
        elif key.lstrip("+~").split(".")[0] in OWN or (
            key.lstrip("+~").split(".")[0] == "method" and not _is_shared(key)
        ):
            continue
        else:
            swapped.append(override)
    swapped = swapped if in_table else [*swapped, f"method={sibling}"]
    return _reseeded(swapped, more) if more else swapped


def _reseeded(overrides: list[str], more: str) -> list[str]:
    """The same command with a higher seed, which is 0 where it is not given."""
    if not more.isdecimal():
        raise UserError(
            f"'@{more}' behind a row adds to its seed, so it must be a whole number, as in flip@100"
        )
    given = [override.partition("=")[2] for override in overrides if override.startswith("seed=")]
    rest = [override for override in overrides if not override.startswith("seed=")]
    return [*rest, f"seed={int(given[-1] if given else 0) + int(more)}"]


def _is_shared(key: str) -> bool:
    """Whether a setting of the method is the sibling's too: how it learns and what it learns with. Losses, decoding,
    names and starting rows are a row's own, and so is the choice of the method."""
    parts = key.lstrip("+~").split(".")
    return len(parts) > 1 and parts[0] == "method" and parts[1] in SHARED


def finished_sibling(row: str, plain: Mapping[str, Any], overrides: Sequence[str]) -> Path:
    """Folder of the finished run of a row that this run needs; it is run first if need be.

    Raises:
        UserError: the sibling cannot be composed, or its run failed or was interrupted.
    """
    name = config_name()
    sibling = next(one for one in siblings(plain, overrides, name) if one.name == row)
    if processes.shared(lambda: runs.is_done(sibling.folder, sibling.digest)):
        return sibling.folder
    processes.say(f"{plain['row']} needs {row}: running that first, in {sibling.folder}")
    flags = [] if name == "train" else [f"--config-name={name}"]
    # Each process of this run starts one of the sibling's, on its own device.
    code = _call([sys.executable, "-m", "posereg.cli.main", "train", *flags, *sibling.overrides])
    if code != 0 or not runs.is_done(sibling.folder, sibling.digest):
        raise UserError(f"{plain['row']} needs {row}, whose run in {sibling.folder} {_ending(sibling, code)}")
    return sibling.folder


def _ending(sibling: Sibling, code: int) -> str:
    """How its run ended without a result: what it wrote of it itself, or its exit code."""
    status = runs.read_status(sibling.folder) or {}
    ended = status.get("state") in ("failed", "interrupted") and status.get("config_hash") == sibling.digest
    if ended and status.get("error"):
        return f"{'was stopped' if status['state'] == 'interrupted' else 'failed'}: {status['error']}"
    return f"was killed by signal {-code}" if code < 0 else f"failed (exit code {code})"


def _call(command: list[str]) -> int:
    """Run a command; when this process is told to end, the command is told too and may finish its step."""
    # Its own session: Ctrl-C reaches this process alone, which passes it on once; twice would mean "at once".
    process = subprocess.Popen(
        command, start_new_session=True, env={**os.environ, **processes.of_another_run()}
    )
    try:
        return process.wait()
    except BaseException as error:
        if isinstance(error, Interrupted):
            process.send_signal(error.number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
        process.kill()
        process.wait()
        raise


def config_name() -> str:
    """The topmost config of this process's run."""
    from hydra.core.hydra_config import HydraConfig

    return (HydraConfig.get().job.config_name if HydraConfig.initialized() else None) or "train"


def checkpoint_of(folder: Path) -> Path:
    """last.ckpt of a finished run that another one starts from.

    Raises:
        UserError: it is gone.
    """
    checkpoint = folder / runs.CHECKPOINT
    if not checkpoint.exists():
        raise UserError(f"{PRETRAIN}: {checkpoint} is gone; delete {folder} to train that row again")
    return checkpoint
