"""Averaged weights (`trainer.ema`): what is validated, evaluated and saved in place of the last step's."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

RAW = "raw_state_dict"  # of a checkpoint: the weights that training goes on with


class WeightAverage(Callback):
    """Exponential moving average over optimiser steps: of weights and batch statistics; counters are copied.

    Not Lightning's: that one averages index buffers too (a joint order 6 becomes 0.9 * 6 + 0.1 * 6 = 5).

    Args:
        decay: share of the old average in the new one, in (0, 1).
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._average: dict[str, Tensor] = {}
        self._step = 0

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the weights into the average, once per optimiser step."""
        if trainer.global_step <= self._step:
            return  # inside an accumulation window
        self._step = trainer.global_step
        state = module.state_dict()
        if not self._average:
            self._average = {name: tensor.clone() for name, tensor in state.items()}
        for name, tensor in state.items():
            average = self._average[name] = self._average[name].to(tensor.device)
            if tensor.is_floating_point():
                average.lerp_(tensor, 1 - self.decay)
            else:
                average.copy_(tensor)

    def on_validation_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Validate the average."""
        self._swap(module)

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Go on with the weights of the last step."""
        self._swap(module)

    @torch.no_grad()
    def _swap(self, module: pl.LightningModule) -> None:
        for name, tensor in module.state_dict().items() if self._average else ():
            other = self._average[name] = self._average[name].to(tensor.device)
            kept = tensor.clone()
            tensor.copy_(other)
            other.copy_(kept)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Leave the average in the module: it is what is evaluated and saved."""
        self._swap(module)
        self._average = {}

    def state_dict(self) -> dict[str, Any]:
        """The step of the average; its weights are in the checkpoint's own place."""
        return {"step": self._step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the step over."""
        self._step = int(state_dict["step"])

    def on_save_checkpoint(
        self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the average as the weights, and those that training goes on with beside it."""
        if self._average:
            checkpoint[RAW] = checkpoint["state_dict"]
            checkpoint["state_dict"] = dict(self._average)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take both over."""
        # Lightning has put the average into the module by now.
        if RAW in checkpoint:
            self._average = {name: tensor.clone() for name, tensor in checkpoint["state_dict"].items()}
            module.load_state_dict(checkpoint[RAW])
