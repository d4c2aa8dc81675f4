"""Soft-argmax and other networks that were never trained, saved as a run saves them."""

from pathlib import Path

import torch

from posereg import config as configs
from posereg.build import build_method
from tiny import overrides

SOFTARGMAX = (
    "method=softargmax_context",
    "method.network.blocks=1",
    "method.network.width=32",
    "input_scale=0.5",
)


def checkpoint(folder: Path, *more: str) -> Path:
    """`<row>.ckpt` in the folder; the maps of its network are not flat."""
    plain = configs.plain(configs.compose(overrides("mpii", folder, *more)))
    torch.manual_seed(0)
    module = build_method(plain, weights=False)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if ".maps." in name:
                parameter.mul_(20)
    path = folder / f"{plain['row']}.ckpt"
    torch.save({"state_dict": module.state_dict(), "posereg_config": plain}, path)
    return path
