"""What a run's network costs: parameters, operations, and the memory of a device in training. Nothing is computed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from posereg.build import build_method
from posereg.networks.complexity import complexity
from posereg.planning.amount import processes

# The backward pass is two products for each of the forward's; a multiply-add is two operations.
TRAINING_FLOPS, FORWARD_FLOPS = 6, 2
SLACK = 1.15  # losses, cuDNN's workspaces, what the allocator cannot use
MOMENTS = {
    "Adam": 2,
    "AdamW": 2,
    "NAdam": 2,
    "RMSprop": 1,
    "SGD": 1,
}  # tensors an optimiser keeps of each weight


class Cost(NamedTuple):
    """Of one network.

    Attributes:
        params: parameters.
        macs: multiply-adds of one image's forward pass.
        activations: bytes that one image leaves for the backward pass, in the run's precision.
    """

    params: int
    macs: int
    activations: int


_known: dict[str, Cost] = {}


def cost(config: Mapping[str, Any]) -> Cost:
    """The cost of a run's network; an equal network is counted once.

    Raises:
        UserError: a config that describes no network.
    """
    method, precision = config["method"], config["trainer"]["precision"]
    key = json.dumps(
        [method["_target_"], method.get("network"), method["input_size"], precision], default=str
    )
    if key not in _known:
        module = build_method(dict(config), weights=False)
        width, height = module.input_size
        dtype = None if precision.startswith(("32", "64")) else torch.bfloat16
        _known[key] = Cost(*complexity(module.network, (3, height, width), autocast=dtype))
    return _known[key]


def memory(config: Mapping[str, Any], cost: Cost, batch: int) -> float:
    """Bytes of a device in training with so many images a pass: weights, gradients, the optimiser's moments, averaged
    weights and activations, and `SLACK` for the rest."""
    optimizer = str(config["method"]["optimizer"]["_target_"]).rpartition(".")[2]
    copies = 2 + MOMENTS.get(optimizer, 2) + bool(config["trainer"].get("ema"))
    return SLACK * (4 * cost.params * copies + batch * cost.activations)


def fitting(config: Mapping[str, Any], cost: Cost, available: float) -> tuple[int, int] | None:
    """The `(accumulate, images a pass)` with the fewest passes a step that fit a device; None if no image does.

    The step keeps its images, so the only figures that change are the batch statistics.
    """
    share = config["batch_size"] // processes(config["trainer"])
    for passes in range(int(config["trainer"]["accumulate"]), share + 1):
        if share % passes == 0 and memory(config, cost, share // passes) <= available:
            return passes, share // passes
    return None
