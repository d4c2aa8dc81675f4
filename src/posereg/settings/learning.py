"""Settings of the training against one another: schedules, phases, and the metrics that they look at."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from posereg.errors import nearest
from posereg.settings.model import is_node
from posereg.settings.problem import Problem
from posereg.settings.targets import locate

LIGHTNING = ("pytorch_lightning.", "lightning.")


def learning_problems(config: Mapping[str, Any]) -> Iterator[Problem]:
    """What could only end a training early, or change nothing in it."""
    yield from _watched(config)
    yield from _phases(config["method"])
    yield from _length(config)


def _watched(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Metrics to look at are logged as `train/...` every epoch and `val/...` at every validation."""
    trainer, schedule = config["trainer"], config["method"].get("schedule") or {}
    monitors = {"schedule.monitor": schedule.get("monitor")}
    best = trainer.get("best")
    if isinstance(best, Mapping):
        monitors["trainer.best.metric"] = best.get("metric")
    callbacks = {key: node for key, node in (trainer.get("callbacks") or {}).items() if is_node(node)}
    foreign = [key for key, node in callbacks.items() if not node["_target_"].startswith(LIGHTNING)]
    for key in callbacks.keys() - foreign:
        monitors[f"trainer.callbacks.{key}.monitor"] = callbacks[key].get("monitor")
    # What a callback of the user's logs is not known here.
    known = logged(config) if not foreign else {}
    for key, name in monitors.items():
        kind, _, rest = str(name).partition("/")
        if name is None:
            continue
        if kind not in ("train", "val") or not rest:
            yield Problem(key, "must be a metric that runs log: val/loss, val/AUC, train/loss ...", name)
        elif key == "trainer.best.metric" and kind != "val":
            yield Problem(key, "must be a metric of the validation, val/...", name)
        elif known.get(kind) and name not in known[kind]:
            yield Problem(
                key, f"this method on these data logs no such metric{nearest(name, known[kind])}", name
            )
    every, between = schedule.get("every", 1), trainer.get("validate_every", 1)
    if str(schedule.get("monitor")).startswith("val/") and every % between:
        text = f"{schedule['monitor']} is only known every {between} epochs (trainer.validate_every); give {between}"
        yield Problem("schedule.every", text, every)


def logged(config: Mapping[str, Any]) -> dict[str, set[str]]:
    """The metrics that a run logs under `train/` and `val/`, by what its method and its data set's metric say of
    themselves; a kind is left out where one of them says nothing."""
    method, _ = locate(config["method"]["_target_"])
    losses = method.loss_names(config["method"]) if hasattr(method, "loss_names") else None
    if losses is None:
        return {}
    found = {"train": {f"train/{name}" for name in losses}}
    evaluate = config["data"].get("evaluate")
    metric, _ = locate(evaluate["_target_"]) if is_node(evaluate) else (None, "")
    totals = getattr(sys.modules.get(getattr(metric, "__module__", "")), "TOTALS", None)
    if totals is not None:
        found["val"] = {f"val/{name}" for name in (*losses, *totals)}
    return found


def _phases(method: Mapping[str, Any]) -> Iterator[Problem]:
    phases = {name: phase for name, phase in (method.get("phases") or {}).items() if is_node(phase)}
    used = {name: phase for name, phase in phases.items() if phase.get("epochs", 0) > 0}
    if phases and not used:
        yield Problem("method.phases", "every phase has 0 epochs")
    network = method.get("network") or {}
    parts = {name for name, node in network.items() if is_node(node)}
    for name, phase in used.items():
        where, losses = f"method.phases.{name}", phase.get("losses", {})
        if not any(losses.values()):
            yield Problem(f"{where}.losses", "no loss has a weight above 0, so nothing is learned", losses)
        rates = phase.get("lr")
        named = {"freeze": phase.get("freeze", []), "lr": rates if isinstance(rates, Mapping) else []}
        for key, part in [(k, part) for k in named for part in named[k]]:
            if parts and part.partition(".")[0] not in parts:
                yield Problem(f"{where}.{key}", f"the network has no part '{part}'{nearest(part, parts)}")
        if parts and parts <= set(named["freeze"]):
            yield Problem(f"{where}.freeze", "every part is frozen, so nothing is learned", named["freeze"])


def _length(config: Mapping[str, Any]) -> Iterator[Problem]:
    """A warm-up that no run of this length leaves, where the config alone says how long it is at most."""
    trainer, warmup = config["trainer"], (config["method"].get("schedule") or {}).get("warmup", 0)
    limit = trainer.get("limit_train_batches", 1.0)
    if isinstance(limit, int) and not config["evaluate_only"]:
        longest = trainer.get("epochs", 140) * limit
        if warmup > longest and trainer.get("epochs", 140) > 2:  # a trial of an epoch or two may stay in it
            yield Problem("schedule.warmup", f"the run has {longest} steps at most", warmup)
