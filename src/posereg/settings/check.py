"""The check of a whole config before anything is built: every problem at once, each with its key and what is valid."""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from posereg.errors import nearest
from posereg.settings import remembered, targets
from posereg.settings.cross import cross_problems, local_problems, others
from posereg.settings.logger import LOGGERS
from posereg.settings.model import is_node, mistake
from posereg.settings.parts import disagreements
from posereg.settings.problem import Problem
from posereg.settings.ranges import Names
from posereg.settings.run import GROUPS, METHOD_KEYS, Run
from posereg.settings.sketch import Unsketched, sketched
from posereg.settings.targets import target_problems
from posereg.settings.words import shown

# Groups that other nodes hold once more under these names.
REPEATED = {"source": "data", "augment": "augment", "schedule": "schedule", "backbone": "backbone"}
# Arguments that are made from another setting.
DERIVED = {"joints": "skeleton", "keypoints": "skeleton"}
# Groups that may be left empty (`method.schedule: null` under phases).
OPTIONAL = {"augment", "schedule", "backbone"}


def problems(config: Mapping[str, Any], hardware: bool = True) -> list[str]:
    """One line for each thing that is wrong with a resolved config, without Hydra's own part; with `hardware` also what
    this machine lacks."""
    if remembered.is_known(config):
        return list(map(str, local_problems(config, hardware)))
    mistakes = [*_keys(config), *_groups(config)]
    if mistakes:
        # Settings that are wrong by themselves are not held against others.
        wrong = {problem.key for problem in mistakes}
        mistakes += [problem for problem in others(config, hardware) if problem.key not in wrong]
    else:
        mistakes = list(cross_problems(config, hardware))
    if not mistakes:
        remembered.remember(config)
    return list(dict.fromkeys(map(str, _once(mistakes))))


def problems_without_torch(config: Mapping[str, Any], hardware: bool = True) -> list[str] | None:
    """As `problems`, in a process that imports no torch; None where that cannot be told without it."""
    if "torch" in sys.modules:
        return problems(config, hardware)
    targets.forget()
    try:
        with sketched():
            return problems(config, hardware)
    except Unsketched:
        return None
    finally:
        targets.forget()


def data_problems(node: Any) -> list[str]:
    """One line for each thing that is wrong with a data set's config, without the rest of a run's."""
    if not is_node(node):
        return [str(Problem("data", "must be a config node with _target_", node))]
    return list(dict.fromkeys(map(str, nodes(node, "data", {"data": node}))))


def method_problems(node: Any) -> list[str]:
    """One line for each thing that is wrong with a method's config, without the rest of a run's."""
    if not is_node(node):
        return [str(Problem("method", "must be a config node with _target_", node))]
    mistakes = list(nodes(node, "method", {})) or list(disagreements(node, "method"))
    return list(dict.fromkeys(map(str, mistakes)))


def _once(mistakes: list[Problem]) -> Iterator[Problem]:
    """A setting that a group only repeats is told of once, where it is given."""
    wrong = {p.key.removeprefix("data.") for p in mistakes if p.key.count(".") == p.key.startswith("data.")}
    for problem in mistakes:
        leaf = problem.key.rpartition(".")[2]
        source = DERIVED.get(leaf, leaf)
        if problem.key in (source, f"data.{leaf}") or source not in wrong:
            yield problem


def _keys(config: Mapping[str, Any]) -> Iterator[Problem]:
    own = {key: value for key, value in config.items() if key not in GROUPS}
    yield from typed(own, Run, "", extra=GROUPS)


def typed(node: Any, model: Any, path: str, extra: typing.Iterable[str] = ()) -> Iterator[Problem]:
    """A mapping against a TypedDict: its keys, and the value of each."""
    if not isinstance(node, Mapping):
        yield Problem(path, "must be a mapping", node)
        return
    hints = {**typing.get_type_hints(model, include_extras=True)}
    for key, value in node.items():
        where = f"{path}.{shown(key)}" if path else shown(key)
        if key not in hints:
            yield Problem(where, f"no such key{nearest(str(key), {*hints, *extra})}")
            continue
        hint = hints[key]
        if typing.get_origin(hint) is typing.NotRequired:
            hint = typing.get_args(hint)[0]
        if typing.is_typeddict(hint):
            yield from typed(value, hint, where)
        elif (wrong := mistake(hint, value)) is not None:
            yield Problem(where, wrong, value)
    for key in sorted(model.__required_keys__ - set(node)):
        yield Problem(f"{path}.{key}" if path else key, "is missing")


def _groups(config: Mapping[str, Any]) -> Iterator[Problem]:
    for group in GROUPS:
        node = config.get(group)
        if node is None:
            if group not in OPTIONAL:
                yield Problem(group, "is missing")
        elif group == "logger":
            yield from _logger(node)
        elif not is_node(node):
            yield Problem(group, "must be a config node with _target_", node)
        else:
            if bool(node.get("_partial_")) != (group in ("trainer", "schedule")):
                yield Problem(
                    f"{group}._partial_", "must stay as the group's files have it", node.get("_partial_")
                )
            yield from nodes(node, group, config)
            if group == "method" and (wrong := mistake(Names | None, node.get("pretrain"))) is not None:
                yield Problem("method.pretrain", wrong, node["pretrain"])


def _logger(node: Any) -> Iterator[Problem]:
    name = node.get("name") if isinstance(node, Mapping) else node
    if not isinstance(name, str) or name not in LOGGERS:
        yield Problem("logger.name", f"no such logger{nearest(str(name), LOGGERS)}", name)
        return
    yield from typed(node, LOGGERS[name], "logger")


def nodes(node: Any, path: str, config: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of every `_target_` node below, whatever mappings and lists lie between."""
    if isinstance(node, list):
        for k, item in enumerate(node):
            yield from nodes(item, f"{path}[{k}]", config)
    if not isinstance(node, Mapping):
        return
    group = REPEATED.get(path.rpartition(".")[2])
    if "." in path and group is not None and node == config.get(group):
        return
    if is_node(node):
        yield from target_problems(node, path, METHOD_KEYS if path == "method" else frozenset())
    for key, value in node.items():
        yield from nodes(value, f"{path}.{shown(key)}", config)
