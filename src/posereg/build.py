"""Builds methods from configs and from checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posereg import config as configs
from posereg.errors import UserError
from posereg.files import reading
from posereg.methods.base import PoseModule
from posereg.models import hub, weights_file
from posereg.models.resolve import checkpoint_file
from posereg.networks.weights import load_fitting, read_checkpoint, read_weights, tensors_of, without_prefix


def build_method(plain: dict[str, Any], weights: bool = True) -> PoseModule:
    """The LightningModule of a resolved config; without fetching backbone weights if `weights` is false."""
    node = {k: v for k, v in plain["method"].items() if k not in configs.METHOD_KEYS}
    if not weights:
        node = without_weights(node)
    module: PoseModule = configs.instantiate(node)
    return module


def without_weights(node: Any) -> Any:
    """A method's config that fetches no weights and names no file of them, at any depth."""
    if isinstance(node, list):
        return [without_weights(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {k: without_weights(v) for k, v in node.items()}
    return {**node, **{k: v for k, v in (("pretrained", False), ("weights", None)) if k in node}}


def load_network(module: PoseModule, path: Path, whole: bool = False) -> None:
    """Load the network's tensors from any weights file where names and shapes agree, and print how many did.

    A network for another number of joints keeps its trunk and starts its last layers anew, which is said.

    Args:
        whole: every tensor must be there: the module is evaluated as it is.

    Raises:
        UserError: a file that cannot be read, nothing in it fits, or with `whole` a tensor is missing.
    """
    content = read_weights(path, "init_weights")
    tensors = tensors_of(content, path, "init_weights")
    missing = load_fitting(module, without_prefix(tensors, module.state_dict()), f"starting from {path}")
    missing = [name for name in missing if name.startswith("network.")]
    if whole and missing:
        raise UserError(
            f"{path}: {len(missing)} tensors of the network are not in it (first: {missing[0]}), so there is nothing "
            "to evaluate; train it, or name the checkpoint of this network"
        )
    module.inherit(_method_node(content))


def _method_node(content: Any) -> Mapping[str, Any]:
    """The `method` node of a posereg checkpoint's config; empty for any other weights file."""
    config = content.get("posereg_config") if isinstance(content, Mapping) else None
    node = config.get("method") if isinstance(config, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def load_method(checkpoint: Path | str) -> PoseModule:
    """The trained module of whatever `checkpoint=` names (`models.resolve.checkpoint_file`), in evaluation mode.
    Nothing else is built from the file.

    Raises:
        UserError: nothing of that name, a missing or damaged file, not a model of posereg, or one whose stored method
            holds a value that no run may have.
    """
    path = checkpoint_file(checkpoint)
    if (foreign := hub.config_of(path)) is not None:
        from posereg.methods.vitpose import load_vitpose

        return load_vitpose(path, foreign)
    config, joints, tensors = (
        weights_file.read(path) if path.suffix == weights_file.SUFFIX else _read_checkpoint(path)
    )
    with reading(path, "a posereg checkpoint"):
        plain = configs.stored_method(config, path)
        configs.register_resolvers()
        module = build_method(plain, weights=False)
        module.load_state_dict(tensors)
    if joints is not None and list(module.skeleton.joints) != joints:
        raise UserError(
            f"{path}: its skeleton {module.skeleton.name} has other joints than the one of that name here"
        )
    module.plain_config = plain
    return module.eval()


def _read_checkpoint(path: Path) -> tuple[dict[str, Any], None, dict[str, Any]]:
    """Config and tensors of a training's checkpoint, which says nothing of the joints' names."""
    content = read_checkpoint(path)
    if not isinstance(content, dict) or not isinstance(content.get("posereg_config"), dict):
        raise UserError(f"checkpoint: {path} is not a posereg checkpoint: it holds no posereg_config")
    with reading(path, "a posereg checkpoint"):
        return content["posereg_config"], None, content["state_dict"]
