"""What no single setting says: settings that have to agree with one another, and with this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from posereg.settings.hardware import device_count, hardware_problems
from posereg.settings.learning import learning_problems
from posereg.settings.model import is_node
from posereg.settings.parts import file_problems, part_problems
from posereg.settings.problem import Problem
from posereg.settings.splits import split_problems
from posereg.settings.targets import locate

MULTIPLE = 32  # of the input's sides, unless a network says another `input_multiple`


def cross_problems(config: Mapping[str, Any], hardware: bool = True) -> Iterator[Problem]:
    """Disagreements of a config whose single values are all valid; with `hardware` also with this machine."""
    for check in CHECKS if hardware else ELSEWHERE:
        yield from check(config)


def others(config: Mapping[str, Any], hardware: bool = True) -> Iterator[Problem]:
    """Disagreements of a config some of whose values are not valid, as far as the checks get with them."""
    for check in CHECKS if hardware else ELSEWHERE:
        with suppress(Exception):  # of an invalid value, which is told of by itself
            yield from list(check(config))


def local_problems(config: Mapping[str, Any], hardware: bool = True) -> Iterator[Problem]:
    """What this machine has not got of a config that is right by itself: files and, with `hardware`, devices."""
    if hardware:
        yield from _hardware(config)
    yield from file_problems(config)


def _sizes(config: Mapping[str, Any]) -> Iterator[Problem]:
    size, scale = config["loader"].get("input_size", config["input_size"]), config["input_scale"]
    step = max(_multiples(config["method"].get("network")), default=MULTIPLE)
    for side in sorted(set(size)):
        if side % step:
            near = max(step, round(side / step) * step)
            yield Problem(
                "input_size", f"{side} is no multiple of {step}, as the network needs; near: {near}", size
            )
    if scale != 1 and min(config["input_size"]) * scale < 16:
        yield Problem(
            "input_scale", f"leaves less than one cell of 32 pixels of {config['input_size']}", scale
        )


def _multiples(node: Any) -> Iterator[int]:
    """What the networks of a node, and those inside it, want an input side to be a multiple of."""
    if not is_node(node):
        return
    network, _ = locate(node["_target_"])
    wanted = getattr(network, "input_multiple", None)
    if wanted is not None:
        yield wanted(node) if callable(wanted) else wanted
    for inner in node.values():
        yield from _multiples(inner)


def _batches(config: Mapping[str, Any]) -> Iterator[Problem]:
    trainer, batch = config["trainer"], config["batch_size"]
    devices, accumulate = (
        device_count(trainer) * trainer.get("num_nodes", 1),
        trainer.get("accumulate", 1),
    )
    parts = devices * accumulate
    if batch % parts:
        near = max(parts, round(batch / parts) * parts)
        yield Problem(
            "batch_size",
            f"is shared by {devices} devices x {accumulate} batches a step (trainer.devices, trainer.num_nodes, "
            f"trainer.accumulate), so it must be a multiple of {parts}; near: {near}",
            batch,
        )
    limit, own = config["loader"].get("limit_train"), config["loader"].get("batch_size", 1)
    if limit is not None and limit < own and not config["evaluate_only"]:
        yield Problem("loader.limit_train", f"does not fill one batch of {own} (batch_size)", limit)


def _kinds(config: Mapping[str, Any]) -> Iterator[Problem]:
    """The method against the loader and the data set, by what their classes say of themselves."""
    method, _ = locate(config["method"]["_target_"])
    loader, _ = locate(config["loader"]["_target_"])
    wanted, gives = getattr(method, "looks_at", None), getattr(loader, "gives", None)
    if wanted and gives and wanted != gives:
        right = {"scenes": "bottomup", "people": "topdown (3D: mixed)"}[wanted]
        yield Problem("loader", f"gives {gives}, but this method looks at {wanted}: loader={right}")
    metric = config["data"].get("evaluate")
    function, _ = locate(metric["_target_"]) if is_node(metric) else (None, "")
    space = getattr(sys.modules.get(getattr(function, "__module__", "")), "DIMENSIONS", 2)
    needed = getattr(method, "dimensions", None)
    if needed and function is not None and needed != space:
        yield Problem(
            "data", f"has {space}D joints, but this method predicts {needed}D ones", config["data"]["name"]
        )
    if config["crop_scales"] != [1.0] and wanted == "scenes":
        yield Problem(
            "crop_scales", "sizes of people's crops; a bottom-up method has none", config["crop_scales"]
        )


def _hardware(config: Mapping[str, Any]) -> Iterator[Problem]:
    yield from hardware_problems(config["trainer"])


# ELSEWHERE: of a run that is planned here and made on another machine.
ELSEWHERE = (_sizes, _batches, _kinds, learning_problems, part_problems, split_problems)
CHECKS = (_hardware, *ELSEWHERE)
