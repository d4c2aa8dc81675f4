"""Staged training as data: phases with their losses, learning rates and frozen parts, in one run.

    phases:
      detection:  {epochs: 50, losses: {detector: 1}, lr: {detector: [1, 0.025]}, law: geometric, freeze: [regressor]}
      regression: {epochs: 40, losses: {regressor: 1}, lr: {regressor: [0.1, 0.025]}, freeze: [detector]}
      joint:      {epochs: 50, losses: {detector: 1, regressor: 1}, lr: [0.025]}

`epochs` are the paper's; a run of another length gives each phase its share. Everything is a function of the
optimiser step, so a run that is cut off anywhere goes on as if it had not been. Parts are the network's
submodules. A phase of 0 epochs is left out.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from posereg.errors import UserError, nearest
from posereg.settings.ranges import Annotated, Len, NotNegative, Positive

Factors = Annotated[Sequence[Positive], Len(1)]
REST = "rest"  # the parameters of no named part


@dataclass(frozen=True)
class Phase:
    """
    Attributes:
        epochs: length as published; only the proportions between the phases count.
        losses: weight of each of the method's losses; one that is not named is not computed.
        lr: factors on the optimiser's `lr`, passed through during the phase; for all parts, or by part (a part
            that is not named keeps factor 1).
        law: `steps`: each factor for an equal stretch; `geometric`: from factor to factor in equal ratios.
        freeze: parts whose parameters and batch statistics stay as they are, dropout off.
    """

    epochs: NotNegative
    losses: Mapping[str, NotNegative] = field(default_factory=dict)
    lr: Factors | Mapping[str, Factors] = (1.0,)
    law: Literal["steps", "geometric"] = "steps"
    freeze: Sequence[str] = ()

    def rate(self, part: str, progress: float) -> float:
        """The part's factor at `progress` in [0, 1] through the phase; 0 for a frozen part."""
        if part in self.freeze:
            return 0.0
        factors = list(self.lr.get(part, (1.0,)) if isinstance(self.lr, Mapping) else self.lr)
        if self.law == "steps" or len(factors) == 1:
            return factors[min(int(progress * len(factors)), len(factors) - 1)]
        place = progress * (len(factors) - 1)
        left = min(int(place), len(factors) - 2)
        return float(factors[left] * (factors[left + 1] / factors[left]) ** (place - left))


def in_use(phases: Mapping[str, Phase]) -> dict[str, Phase]:
    """The phases that have epochs, in order.

    Raises:
        UserError: a phase whose numbers make no sense, or none is left.
    """
    for name, phase in phases.items():
        rates = phase.lr.values() if isinstance(phase.lr, Mapping) else [phase.lr]
        if phase.epochs < 0:
            raise UserError(f"method.phases.{name}.epochs is {phase.epochs}; 0 leaves the phase out")
        if phase.law not in ("steps", "geometric"):
            laws = nearest(phase.law, ("steps", "geometric"))
            raise UserError(f"method.phases.{name}.law: no law '{phase.law}'{laws}")
        if any(len(factors) == 0 or min(factors) <= 0 for factors in rates):
            raise UserError(
                f"method.phases.{name}.lr: factors on optimizer.lr, each above 0; freeze stops a part"
            )
    kept = {name: phase for name, phase in phases.items() if phase.epochs > 0}
    if phases and not kept:
        raise UserError("method.phases: every phase has 0 epochs")
    return kept


def first_steps(shares: Sequence[float], epochs: int, steps_per_epoch: int) -> list[int]:
    """The optimiser step at which each phase starts: at whole epochs, one at least for each phase; in a run of
    fewer epochs than phases (a trial) anywhere."""
    ends = [end / sum(shares) for end in accumulate(shares)]
    if epochs < len(shares):
        return [0, *(math.ceil(end * epochs * steps_per_epoch) for end in ends[:-1])]
    starts = [0]
    for k, end in enumerate(ends[:-1], start=1):
        latest = epochs - (len(shares) - k)
        starts.append(min(max(round(end * epochs), starts[-1] + 1), latest))
    return [start * steps_per_epoch for start in starts]


def parts_of(phases: Mapping[str, Phase], network: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Parameters by part, for the parts that any phase names, and the rest.

    Raises:
        UserError: a part that the network does not have, or one inside another.
    """
    names: dict[str, None] = {}
    for phase in phases.values():
        named = [*phase.freeze, *(phase.lr if isinstance(phase.lr, Mapping) else ())]
        names.update(dict.fromkeys(named))
    taken: dict[int, str] = {}
    parts: dict[str, list[nn.Parameter]] = {}
    for part in names:
        parts[part] = list(_part(network, part).parameters())
        for parameter in parts[part]:
            other = taken.setdefault(id(parameter), part)
            if other != part:
                raise UserError(f"method.phases: parts '{other}' and '{part}' of the network overlap")
    rest = [parameter for parameter in network.parameters() if id(parameter) not in taken]
    return {**parts, **({REST: rest} if rest else {})}


def phased_optimizer(
    network: nn.Module,
    factory: Callable[[Iterable[Any]], Optimizer],
    phases: Mapping[str, Phase],
    starts: Sequence[int],
    total: int,
) -> dict[str, Any]:
    """What `configure_optimizers` returns: one optimiser for the whole run with a parameter group for each part,
    and the learning rate of every group at every step. Moments of a part are kept while it is frozen.

    Args:
        starts: first step of every phase (`first_steps`).
        total: steps of the whole run.
    """
    parts = parts_of(phases, network)
    optimizer = factory([{"params": parameters, "part": part} for part, parameters in parts.items()])
    ends, stages = [*starts[1:], total], list(phases.values())

    def rate(part: str) -> Callable[[int], float]:
        def at(step: int) -> float:
            k = bisect_right(starts, step) - 1
            phase = stages[k]
            # The last step of the phase has the last factor of a geometric law.
            length = ends[k] - starts[k] - (phase.law == "geometric")
            return phase.rate(part, min(1.0, (step - starts[k]) / max(1, length)))

        return at

    scheduler = LambdaLR(optimizer, [rate(part) for part in parts])
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Phases(Callback):
    """Puts the module into the phase of the step, by its `phases` and `phase_starts`; logs its number.

    Freezing waits for the first batch: a distributed wrapper must have seen every parameter as trainable, or it
    would never average the gradients of a part that was frozen when the run was resumed.
    """

    def __init__(self) -> None:
        self._entered: str | None = None

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Let DDP expect parameters without a gradient: frozen ones have none."""
        if isinstance(trainer.strategy, DDPStrategy):
            # Frozen parameters get no gradient.
            trainer.strategy._ddp_kwargs.setdefault("find_unused_parameters", True)

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Enter the phase anew, also in a run that goes on."""
        self._entered = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Enter the phase that this step belongs to."""
        pose: Any = module
        name = list(pose.phases)[bisect_right(pose.phase_starts, trainer.global_step) - 1]
        if name != self._entered:
            apply_phase(pose, name)
            self._entered = name

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Log the phase's number, from 1."""
        if self._entered is None:
            return
        pose: Any = module
        module.log("phase", float(list(pose.phases).index(self._entered) + 1))

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Free all parts: a trained model has no frozen ones."""
        network: Any = module.network
        network.requires_grad_(True)


def apply_phase(module: Any, name: str) -> None:
    """Freeze and free the network's parts for the phase, and name it on the module."""
    module.phase = name
    module.network.requires_grad_(True)
    module.network.train()
    for part in module.phases[name].freeze:
        _part(module.network, part).requires_grad_(False).eval()


def label(module: Any) -> str | None:
    """`detection 1/3`: the phase a module is in, for progress; None without phases."""
    phases = list(getattr(module, "phases", ()))
    if not phases:
        return None
    return f"{module.phase} {phases.index(module.phase) + 1}/{len(phases)}"


def idle_losses(module: Any) -> set[str]:
    """The losses that other phases have and the present one does not compute."""
    phases: dict[str, Phase] = getattr(module, "phases", {})
    if not phases:
        return set()
    return {name for phase in phases.values() for name in phase.losses} - set(phases[module.phase].losses)


def _part(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError as error:
        children = [child for child, _ in network.named_children()]
        raise UserError(
            f"method.phases: the network has no part '{name}'{nearest(name, children)}"
        ) from error
