"""What makes training faster on a GPU and leaves alone what is trained (`trainer=gpu`)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.optim import Optimizer

Factory = Callable[..., Optimizer]


class FastSteps(Callback):
    """TF32 and cudnn's autotuning for training steps alone.

    TF32 has ten binary digits, an eighth of a pixel at 256, so coordinates that are predicted are multiplied in whole
    float32. Training crops are all of one size; images that are evaluated may each be of another, and autotuning would
    start anew for each.

    Args:
        tf32: multiply float32 matrices in TF32.
        autotune: let cudnn try its algorithms for each size of input, and keep the fastest.
        fused: update all parameters in one kernel, where the optimiser has one.
    """

    def __init__(self, tf32: bool, autotune: bool, fused: bool) -> None:
        self.tf32, self.autotune, self.fused = tf32, autotune, fused
        self._before: tuple[str, bool] | None = None

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Tell the module, before it builds its optimiser. Scaled float16 gradients cannot be clipped in one kernel."""
        module.fused_optimizer = self.fused and trainer.precision != "16-mixed"  # type: ignore[assignment]

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Fast from here."""
        self._quicken()

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Exact while people are predicted."""
        self._restore()

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Fast again, where training goes on."""
        if trainer.state.fn == "fit":
            self._quicken()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """As it was."""
        self._restore()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        """As it was."""
        self._restore()

    def _quicken(self) -> None:
        if self._before is None:
            self._before = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
        if self.tf32:
            torch.set_float32_matmul_precision("high")
        if self.autotune:
            torch.backends.cudnn.benchmark = True

    def _restore(self) -> None:
        if self._before is None:
            return
        precision, torch.backends.cudnn.benchmark = self._before
        torch.set_float32_matmul_precision(precision)
        self._before = None


def fused(factory: Factory) -> Factory:
    """The factory of the same optimiser with its fused kernel; the same factory where it has none, or where the recipe
    has chosen another way to loop over parameters."""
    inner = inspect.unwrap(factory)
    chosen = inner.keywords if isinstance(inner, functools.partial) else {}
    taken: Any = inspect.signature(inner).parameters
    if "fused" not in taken or chosen.keys() & {"fused", "foreach", "differentiable"}:
        return factory
    return functools.partial(factory, fused=True)
