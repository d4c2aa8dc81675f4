"""Configs: where they are found, and how they are composed, checked (`settings/`) and turned into objects."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from posereg.errors import UserError
from posereg.settings import own_data, unheard
from posereg.settings.places import CONFIG_FOLDERS as CONFIG_FOLDERS
from posereg.settings.places import root as root
from posereg.settings.run import METHOD_KEYS as METHOD_KEYS
from posereg.skeletons import files as skeleton_files
from posereg.skeletons.skeleton import skeleton
from posereg.terminal.hydra_errors import one_line

# Modules and objects by their former names: configs in older results and checkpoints still name them.
RENAMED = {
    "posereg.data.augment": "posereg.data.samples.augment",
    "posereg.data.bottomup": "posereg.data.modules.scenes",
    "posereg.data.bottomup.SceneAugment": "posereg.data.samples.scenes.SceneAugment",
    "posereg.data.coco": "posereg.data.formats.coco",
    "posereg.data.crowdpose": "posereg.data.formats.crowdpose",
    "posereg.data.h36m": "posereg.data.formats.h36m",
    "posereg.data.h80k": "posereg.data.formats.h80k",
    "posereg.data.joined": "posereg.data.sources.joined",
    "posereg.data.lsp": "posereg.data.formats.lsp",
    "posereg.data.lspet": "posereg.data.formats.lspet",
    "posereg.data.mixed": "posereg.data.modules.mixed",
    "posereg.data.modules.scenes.SceneAugment": "posereg.data.samples.scenes.SceneAugment",
    "posereg.data.mpii": "posereg.data.formats.mpii",
    "posereg.data.projection": "posereg.data.formats.projection",
    "posereg.data.source": "posereg.data.sources.source",
    "posereg.data.topdown": "posereg.data.modules.topdown",
    "posereg.engine": "posereg.training.trainer",
    "posereg.inference.ensemble": "posereg.methods.ensemble",
    "posereg.losses": "posereg.losses.integral",
    "posereg.methods.bottomup": "posereg.methods.art",
    "posereg.phases": "posereg.training.phases",
    "posereg.schedules": "posereg.training.schedules",
}

# The accuracy that papers watch in training, by the module of a data set's metric.
ACCURACY = {"posereg.evaluation.pckh": "PCKh@0.5", "posereg.evaluation.lsp": "PCK@0.2", "posereg.evaluation.oks": "AP",
            "posereg.evaluation.crowdpose": "AP"}  # fmt: skip

# Overrides by their former spelling: recipes were trainers, which are only hardware now.
RESPELLED = {
    "trainer=demo": ("recipe=demo", "trainer.accelerator=cpu"),
    "trainer=softargmax": ("recipe=softargmax",),
    "trainer=softargmax_lsp": ("recipe=softargmax_lsp",),
    **{
        f"trainer={name}": (f"recipe={name}", "trainer=cpu")
        for name in ("reduced", "cascade_reduced", "softargmax_reduced", "art_reduced", "volume_reduced")
    },
}


def experiments() -> Path:
    """The rows of the tables. They are config groups, so Hydra must find them inside conf/: in the repository
    conf/experiments is a link. (The repository itself on Hydra's search path would turn every folder in it, runs/
    too, into a config group.)"""
    return root() / "conf" / "experiments"


def register_resolvers() -> None:
    """Register `${joints:mpii}`, `${scaled:[256,256],0.5}`, `${channels:256,0.25}`, `${shortened:140,17}`,
    `${divide:128,2}` and `${accuracy:posereg.evaluation.pckh.evaluate}`.

    What they cannot compute with they pass on as it is, for the check to name with its key.
    """

    def scaled(size: Sequence[int], factor: float) -> ListConfig:
        # Multiples of 32, the trunk's stride; a published size stays as it is.
        if factor == 1:
            return OmegaConf.create(list(size))
        return OmegaConf.create([max(32, round(side * factor / 32) * 32) for side in size])

    def lenient(function: Callable[..., Any]) -> Callable[..., Any]:
        def resolver(first: Any, *rest: Any) -> Any:
            try:
                return function(first, *rest)
            except (TypeError, ValueError, ArithmeticError, UserError):
                return first

        return resolver

    resolvers: dict[str, Callable[..., Any]] = {
        "joints": lambda name: len(skeleton(_container(name))),
        "scaled": scaled,
        "channels": lambda width, factor: max(8, round(width * factor)),
        "shortened": lambda epochs, factor: round(epochs / factor),  # 0 is refused by the check, by name
        # The figure that papers call accuracy, of a data set's metric.
        "accuracy": lambda target: ACCURACY.get(str(target).rpartition(".")[0], "AUC"),
        "divide": lambda whole, *parts: max(1, round(whole / math.prod(map(_count, parts)))),
    }
    OmegaConf.register_new_resolver("own", own_part, replace=True)
    for name, function in resolvers.items():
        OmegaConf.register_new_resolver(name, lenient(function), replace=True)


def own_part(part: str, file: str) -> Any:
    """One part of the file that describes a data set of the user's; its skeleton with all it says, so that a
    checkpoint knows its joints without the file.

    Raises:
        UserError: the file, or the skeleton that it names, is none.
    """
    described = own_data.read(file)
    found = described[part]
    if part == "skeleton":
        if isinstance(found, str):
            path = skeleton_files.path_of(found)
            if path.parent != root() / "conf" / "skeleton":
                found = {"name": path.stem, **skeleton_files.content(path)}
        else:
            found = {"name": described["name"], **found}
        try:
            skeleton(found)
        except UserError as error:
            raise UserError(f"{file}: {error}") from error
    return OmegaConf.create(found) if isinstance(found, dict | list) else found


def _container(value: Any) -> Any:
    return OmegaConf.to_container(value) if isinstance(value, DictConfig | ListConfig) else value


def _count(devices: int | str | Sequence[int]) -> int:
    """The number that a Trainer's `devices` (or `accumulate`) stands for."""
    if isinstance(devices, int) and devices > 0:
        return devices
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        return len(devices)
    import torch

    return max(1, torch.cuda.device_count())


@contextmanager
def config_folders(folders: Sequence[str]) -> Iterator[None]:
    """Look for configs in these folders too, in this process and in all that it starts.

    They travel in the environment, so sweep children, sibling rows and the ranks of a distributed run see them.
    """
    before = os.environ.get(CONFIG_FOLDERS)
    known = before.split(os.pathsep) if before else []
    everything = [os.path.abspath(folder) for folder in (*folders, *known)]
    if everything:
        os.environ[CONFIG_FOLDERS] = os.pathsep.join(dict.fromkeys(everything))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(CONFIG_FOLDERS, None)
        else:
            os.environ[CONFIG_FOLDERS] = before


@contextmanager
def hydra_session() -> Iterator[Any]:
    """Hydra, set up for posereg's configs and the user's folders: what every command composes with."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    register_resolvers()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(root() / "conf"), job_name="train", version_base="1.3"):
        yield GlobalHydra.instance().hydra


def top_level_keys() -> set[str]:
    """The topmost keys of a run's config and its groups, read without Hydra."""
    import yaml

    conf = root() / "conf"
    keys = set(yaml.safe_load((conf / "train.yaml").read_text(encoding="utf-8"))) - {"defaults", "hydra"}
    return keys | {path.name for path in conf.iterdir() if path.is_dir()} - {"hydra", "skeleton"}


def current_overrides(overrides: Sequence[str]) -> list[str]:
    """Overrides as they are spelled today (`RESPELLED`), and `backbone=timm/NAME` in full; the others stay."""
    return [new for override in overrides for new in RESPELLED.get(override, _timm_trunk(override))]


def _timm_trunk(override: str) -> tuple[str, ...]:
    """`backbone=timm/swin_t,timm/vit_s` names models, not files: `backbone=timm backbone.name=swin_t,vit_s`."""
    group, _, value = override.partition("=")
    names = [name.partition("timm/") for name in value.split(",")]
    if group != "backbone" or any(before or not slash for before, slash, _ in names):
        return (override,)
    return "backbone=timm", f"backbone.name={','.join(name for *_, name in names)}"


_composers: dict[tuple[str, str | None], Any] | None = None  # while many configs are composed


@contextmanager
def composing_many() -> Iterator[None]:
    """Meanwhile `compose` reads the files of each choice of groups once (`settings.composing`)."""
    global _composers
    before, _composers = _composers, {}
    try:
        yield
    finally:
        _composers = before


def compose(overrides: Sequence[str], name: str = "train") -> DictConfig:
    """The config that `posereg <name> <overrides>` runs with.

    Raises:
        UserError: an override that does not exist, does not parse, or that nothing follows.
    """
    from hydra.errors import HydraException

    try:
        spelled = current_overrides(overrides)
        quick = _composer(name)(spelled) if _composers is not None else None
        return unheard.heard(spelled, quick if quick is not None else _composed(spelled, name))
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UserError(one_line(error) or f"config: {' '.join(str(error).split())}") from error


def _composed(overrides: list[str], name: str) -> DictConfig:
    from hydra import compose as hydra_compose

    with hydra_session():
        return hydra_compose(name, overrides=overrides)


def _composer(name: str) -> Any:
    """The composer of a topmost config and of the user's folders."""
    from posereg.settings.composing import Composer

    assert _composers is not None
    key = name, os.environ.get(CONFIG_FOLDERS)
    if key not in _composers:
        with hydra_session() as hydra:
            is_group = hydra.config_loader.repository.group_exists
        _composers[key] = Composer(lambda groups: _composed(groups, name), is_group)
    return _composers[key]


def plain(config: DictConfig) -> dict[str, Any]:
    """The config as plain, resolved dicts and lists, without Hydra's own part.

    Raises:
        UserError: a missing value or an interpolation that leads nowhere.
    """
    register_resolvers()
    try:
        resolved: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise UserError(f"config: {one_line(error) or str(error).splitlines()[0]}") from error
    resolved.pop("hydra", None)
    return dict(resolved)


def validate(config: Mapping[str, Any], hardware: bool = True, alone: bool = False) -> None:
    """
    Args:
        hardware: also check that this machine has what the trainer asks for.
        alone: the process does nothing else that needs torch, so spare it the import where that can be.

    Raises:
        UserError: everything that is wrong with a resolved config, one line each, in one message.
    """
    from posereg.settings.check import problems

    mistakes = known_mistakes(config, hardware) if alone else None
    if mistakes is None:
        mistakes = problems(with_current_targets(config), hardware)
    if mistakes:
        raise UserError("config: " + "\n        ".join(mistakes))


def known_mistakes(config: Mapping[str, Any], hardware: bool = True) -> list[str] | None:
    """What is wrong with a resolved config, with `hardware` also what this machine has not got of it; None where that
    cannot be told without torch."""
    from posereg.settings.check import problems_without_torch

    return problems_without_torch(with_current_targets(config), hardware)


def validate_data(node: Mapping[str, Any]) -> None:
    """
    Raises:
        UserError: everything that is wrong with a data set's config, for commands that train nothing.
    """
    from posereg.settings.check import data_problems

    if mistakes := data_problems(with_current_targets(node)):
        raise UserError("config: " + "\n        ".join(mistakes))


def current_target(target: str) -> str:
    """Today's name of a `_target_` (`package.module.name`), which may be a former one of `RENAMED`."""
    module, _, name = target.rpartition(".")
    return RENAMED.get(target) or (f"{RENAMED[module]}.{name}" if module in RENAMED else target)


def with_current_targets(node: Any) -> Any:
    """A copy of a config whose `_target_` entries, at any depth, have today's names."""
    if isinstance(node, list):
        return [with_current_targets(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: current_target(value)
        if key == "_target_" and isinstance(value, str)
        else with_current_targets(value)
        for key, value in node.items()
    }


def instantiate(node: Mapping[str, Any], **extra: Any) -> Any:
    """Build the object a `_target_` node describes; the node may come from an older run (`RENAMED`).

    Raises:
        UserError: the constructor refused its values; names the target and the reason.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate as hydra_instantiate

    try:
        return hydra_instantiate(with_current_targets(node), _convert_="all", **extra)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, UserError):
                raise cause from None
            cause = cause.__cause__
        if isinstance(error.__cause__, ImportError) or "Error locating target" in str(error):
            raise UserError(
                f"config: cannot import '{node.get('_target_')}': not of this version of posereg?"
            ) from error
        told = str(error)
        target, key = re.search(r"target '([^']+)'", told), re.search(r"full_key: (\S+)", told)
        what = f"'{target[1] if target else node.get('_target_')}'" + (f" ({key[1]})" if key else "")
        reason = " ".join(str(error.__cause__ or error).split())
        raise UserError(f"config: {what} cannot be built: {reason:.300}") from error


def stored(node: Mapping[str, Any], where: Path | str) -> dict[str, Any]:
    """A config out of a file under today's names, once it is known that it builds only what posereg's configs, or
    those of the user's --config-dir, build.

    Args:
        where: the file, for the message.

    Raises:
        UserError: it asks for anything else.
    """
    from posereg.settings.stored import check_stored

    renamed: dict[str, Any] = with_current_targets(node)
    own = os.environ.get(CONFIG_FOLDERS, "")
    folders = [root() / "conf", experiments(), *(Path(name) for name in own.split(os.pathsep) if name)]
    check_stored(renamed, where, folders)
    return renamed


def stored_method(node: Mapping[str, Any], where: Path | str) -> dict[str, Any]:
    """As `stored`, of a config whose `method` is to be built: its values are held to what a run's may be.

    Raises:
        UserError: as `stored`, or a value that no run may have; names the file and each key.
    """
    from posereg.settings.check import method_problems

    found = stored(node, where)
    if mistakes := method_problems(found.get("method")):
        raise UserError(f"{where}: its config: {'; '.join(mistakes)}")
    return found


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[str]:
    """`key: old -> new` for every leaf that differs; a former name of a `_target_` does not count as a difference."""
    old, new = with_current_targets(old), with_current_targets(new)
    lines: list[str] = []
    for key in sorted({*old, *new}, key=str):
        before, after = old.get(key), new.get(key)
        where = f"{path}.{key}" if path else str(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lines += differences(before, after, where)
        elif before != after:
            lines.append(f"{where}: {before} -> {after}")
    return lines
