"""A finished run as a model that can be passed on: half-precision weights and a card beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from posereg import __version__
from posereg.build import load_method, without_weights
from posereg.data.modules.base import collate
from posereg.errors import UserError
from posereg.files import sha256_of
from posereg.methods.base import PoseModule
from posereg.models import cards, weights_file
from posereg.models.cards import Card
from posereg.models.resolve import checkpoint_file
from posereg.runs import results
from posereg.runs.folder import CHECKPOINT, RESULT
from posereg.runs.results import Result

# What a card says of how a figure was measured.
PROTOCOL = (
    "split", "images", "people", "box_source", "flip_test", "scales", "metric", "metric_version", "annotation_hash",
    "joints_lacking",
)  # fmt: skip


def pack(
    checkpoint: Path | str,
    name: str,
    out: Path,
    figures: Sequence[Path] = (),
    about: str = "",
    licence: str = "",
) -> Card:
    """Write out/<name>/<name>.safetensors and out/<name>/card.yaml, and read them back.

    Args:
        checkpoint: anything `checkpoint=` takes. A run trained with averaged weights (`trainer.ema`) has the average
            in its checkpoint, so that is what is packed.
        figures: result.json files whose figures the card states (`posereg evaluate`); without one the run's own.
        about, licence: of the model, and of the data it was trained on; text for the card.

    Raises:
        UserError: no such run, weights that half precision cannot hold, or files that cannot be written.
    """
    if Path(name).name != name or name in ("", ".", ".."):
        raise UserError(f"name={name}: a model's name is the name of a folder, without '/'")
    source = checkpoint_file(checkpoint)
    module = load_method(source)
    if "_target_" not in module.plain_config["method"]:
        raise UserError(
            f"checkpoint: {source.parent} is a model's file of Hugging Face already; take it as it is"
        )
    folder = out / name
    path = folder / f"{name}{weights_file.SUFFIX}"
    config = {
        "row": module.plain_config.get("row", ""),
        "method": without_weights(module.plain_config["method"]),
    }
    weights_file.write(path, module.state_dict(), config, list(module.skeleton.joints))
    _check(module, path)
    trained = _result_of(source)
    stated = [results.read(file) for file in figures]
    if not stated and trained is not None:
        stated = [trained]
    facts = _facts(module, path, trained) | {"about": about, "licence": licence}
    facts |= {"results": [_stated(result) for result in stated]}
    card = Card(folder, name, path.name, sha256_of(path), {k: v for k, v in facts.items() if v})
    cards.write_card(card)
    return card


def _check(module: PoseModule, path: Path) -> None:
    """
    Raises:
        UserError: what was written builds another model, or one that predicts nothing.
    """
    again = load_method(path)
    wanted = weights_file.half(module.state_dict())
    for name, tensor in again.state_dict().items():
        if not torch.equal(tensor.to(wanted[name].dtype), wanted[name]):
            raise UserError(f"{path}: {name} was not read back as it was written; is the disk full?")
    if not again.finds_people:
        width, height = again.input_size
        image = torch.randint(0, 256, (height, width, 3), generator=torch.Generator().manual_seed(0))
        batch = collate([{"image": image.to(torch.uint8).numpy()}])
        with torch.inference_mode():
            keypoints, _ = again.predict(again.images(batch))
        if not bool(torch.isfinite(keypoints).all()):
            raise UserError(f"{path}: in half precision the model predicts nothing")


def _result_of(checkpoint: Path) -> Result | None:
    """The result of the run whose last checkpoint this is."""
    path = checkpoint.parent / RESULT
    return results.read(path) if checkpoint.name == CHECKPOINT and path.exists() else None


def _facts(module: PoseModule, path: Path, trained: Result | None) -> dict[str, Any]:
    """What the module, its file and its training say of themselves."""
    method = module.plain_config["method"]
    network = method.get("network", {})
    backbone = network.get("backbone", {}) if isinstance(network, dict) else {}
    facts: dict[str, Any] = {
        "method": module.name,
        "backbone": str(backbone.get("name", "")).partition(".")[0],
        "skeleton": module.skeleton.name,
        "joints": list(module.skeleton.joints),
        "input_size": list(module.input_size),
        "parameters": sum(p.numel() for p in module.parameters()),
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "posereg": __version__,
    }
    if trained is None:
        return facts
    protocol, config = trained.get("protocol", {}), trained.get("config", {})
    trainer = config.get("trainer", {})
    return facts | {
        "trained_on": {
            "data": protocol.get("dataset"),
            "split": protocol.get("train_split"),
            "people": protocol.get("train_people"),
        },
        "training": {
            **{k: trained.get("training", {}).get(k) for k in ("epochs", "steps", "images", "seconds")},
            "batch_size": config.get("batch_size"),
            "ema": trainer.get("ema"),
            "seed": trained["seed"],
        },
        "config_hash": trained.get("config_hash"),
        "git_revision": trained.get("git_revision"),
    }


def _stated(result: Result) -> dict[str, Any]:
    """The figures of one evaluation, their intervals, and how they were measured."""
    protocol = result.get("protocol", {})
    intervals = result.get("intervals", {})
    rounded = {k: round(v, 2) for k, v in result["metrics"].items() if v is not None}
    return {
        "data": protocol.get("dataset"),
        "metrics": rounded,
        **({"intervals_95": intervals} if intervals else {}),
        "protocol": {k: protocol[k] for k in PROTOCOL if protocol.get(k) is not None},
    }
