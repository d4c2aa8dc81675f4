"""What makes steps faster on a GPU: when it is on, and that it changes no optimiser's arithmetic."""

import functools

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch.utils.data import DataLoader

from posereg.methods.integral import scaled_rate
from posereg.training.hardware import FastSteps, fused


class Told(LightningModule):
    """One weight, and what was set at each step."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = {"train": set(), "validate": set()}

    def note(self, when):
        self.seen[when].add((torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark))

    def training_step(self, batch, index):
        self.note("train")
        return (self.weight - batch).square().sum()

    def validation_step(self, batch, index):
        self.note("validate")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def run(folder, module, *settings):
    data = DataLoader(torch.ones(4), batch_size=1)
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=2,
        callbacks=[FastSteps(*settings)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data, data)
    trainer.validate(module, data, verbose=False)


@pytest.mark.parametrize(
    ("settings", "training"),
    [
        ((True, True, False), ("high", True)),
        ((True, False, False), ("high", False)),
        ((False, True, False), ("highest", True)),
        ((False, False, False), ("highest", False)),
    ],
)
def test_only_training_steps_are_rounded_and_autotuned(tmp_path, settings, training):
    module = Told()
    run(tmp_path, module, *settings)
    assert module.seen == {"train": {training}, "validate": {("highest", False)}}
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == ("highest", False)


def test_a_failure_leaves_nothing_behind(tmp_path):
    class Fails(Told):
        def training_step(self, batch, index):
            raise ValueError("stops here")

    with pytest.raises(ValueError, match="stops here"):
        run(tmp_path, Fails(), True, True, False)
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == ("highest", False)


@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_the_module_is_told_before_it_builds_its_optimiser(tmp_path, precision):
    module = Told()
    FastSteps(False, False, True).setup(type("Of", (), {"precision": precision})(), module, "fit")
    assert module.fused_optimizer == (precision == "32-true")


def stepped(factory):
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    optimizer = factory([weight])
    for scale in (1.0, 0.5, 2.0):
        weight.grad = scale * torch.tensor([0.1, -0.3, 0.2])
        optimizer.step()
    return weight.detach(), optimizer


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_the_fused_kernel_takes_the_same_steps(kind):
    factory = functools.partial(kind, lr=0.1)
    (plain, _), (quick, optimizer) = stepped(factory), stepped(fused(factory))
    assert optimizer.param_groups[0]["fused"] is True
    torch.testing.assert_close(quick, plain)


def test_a_method_that_scales_the_rate_has_the_fused_kernel_too():
    """The integral methods (`method.rate_factor`)."""
    _, optimizer = stepped(fused(scaled_rate(functools.partial(torch.optim.Adam, lr=0.1), 0.5)))
    assert (optimizer.param_groups[0]["fused"], optimizer.param_groups[0]["lr"]) == (True, 0.05)
    chosen = scaled_rate(functools.partial(torch.optim.Adam, lr=0.1, foreach=True), 0.5)
    assert fused(chosen) is chosen


@pytest.mark.parametrize(
    "factory",
    [
        functools.partial(torch.optim.RMSprop, lr=0.1),  # has none
        functools.partial(torch.optim.Adam, lr=0.1, foreach=True),
        functools.partial(torch.optim.Adam, lr=0.1, fused=False),
    ],
)
def test_an_optimiser_without_one_and_a_recipes_own_choice_stay(factory):
    assert fused(factory) is factory
