"""The parts of a method against one another: joints and skeletons, trunk and head, files that are read first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from posereg.settings.model import is_node
from posereg.settings.problem import Problem
from posereg.settings.targets import HYDRA_KEYS, arguments, locate
from posereg.settings.words import shown


def part_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Parts that do not fit together, and files that are not there."""
    yield from _skeleton(config)
    yield from _trunk(config)
    yield from file_problems(config)
    yield from disagreements(config["method"], "method")


def disagreements(node: Any, path: str) -> Iterator[Problem]:
    """Valid values that do not go together, as the class of each node below says itself (`disagreements`)."""
    for where, inner in _nodes(node, path):
        part, _ = locate(inner["_target_"])
        for key, text in getattr(part, "disagreements", lambda node: ())(inner):
            yield Problem(f"{where}.{key}", text, _at(inner, key))


def _at(node: Any, key: str) -> Any:
    """The value at `a.b.c` below a node."""
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every node below and what leads to it."""
    if is_node(node):
        yield path, node
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield from _nodes(inner, f"{path}.{key}" if isinstance(node, Mapping) else f"{path}[{key}]")


def _skeleton(config: Mapping[str, Any]) -> Iterator[Problem]:
    joints = config["data"].get("skeleton")
    if (own := config["method"].get("skeleton", joints)) != joints:
        yield Problem("method.skeleton", f"the data have the joints of {joints}", own)


def _trunk(config: Mapping[str, Any]) -> Iterator[Problem]:
    for path, node in _nodes(config["method"], "method"):
        trunk: Any = node.get("backbone")
        if not is_node(trunk):
            continue
        made, _ = locate(trunk["_target_"])
        owner, _ = locate(node["_target_"])
        wanted = arguments(owner)[0]["backbone"].annotation if owner is not None else made
        if getattr(made, "joined", False) and wanted is not made:
            text = f"gives one joined map, but {path} needs a pyramid of maps: backbone=resnet50"
            yield Problem("backbone", text, trunk.get("name"))
    trunk = config.get("backbone")
    if not is_node(trunk) or trunk not in [node for _, node in _nodes(config["method"], "method")]:
        return  # a method without a trunk leaves the group's choice unused
    if trunk.get("width", 1.0) != 1.0 and (trunk.get("pretrained") or trunk.get("weights")):
        yield Problem(
            "backbone.width", "published weights need width 1; give backbone.pretrained=false", trunk["width"]
        )
    if trunk.get("weights") and trunk.get("pretrained") is False:
        yield Problem(
            "backbone.pretrained", "contradicts backbone.weights=FILE; leave one of them out", False
        )
    valid, open_ended = arguments(locate(trunk["_target_"])[0])
    options = {k: v for k, v in trunk.items() if k not in HYDRA_KEYS and k not in valid} if open_ended else {}
    known = str(trunk.get("name")).startswith(("resnet", "hrnet"))
    if open_ended and (options or not known) and (why := _refused(str(trunk.get("name")), repr(options))):
        yield Problem("backbone", f"timm refuses it: {why}", {"name": trunk.get("name"), **options})


@cache
def _refused(name: str, options: str) -> str:
    """What timm says to a trunk with these options, built without memory; empty where it takes it."""
    import ast

    import timm
    import torch

    try:
        with torch.device("meta"):
            timm.create_model(name, features_only=True, **ast.literal_eval(options))
    except Exception as error:  # whatever a network does with options that it does not know
        return shown(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
    return ""


def file_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Weights of trunks that are not there. `init_weights` may be of a run that is still to come (a row of another
    table); the run itself asks for it before it reads anything."""
    named: dict[str, Any] = {}
    if config.get("backbone") in [node for _, node in _nodes(config["method"], "method")]:
        named["backbone.weights"] = config["backbone"].get("weights")
    for path, node in _nodes(config["method"].get("network"), "method.network"):
        if node != config.get("backbone"):
            named[f"{path}.weights"] = node.get("weights")
    for key, file in named.items():
        if isinstance(file, str) and not Path(file).expanduser().is_file():
            yield Problem(key, "no such file", file)
