"""Models of Hugging Face: `hf:OWNER/NAME` as a folder on this machine, with config.json and model.safetensors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from posereg.errors import UserError
from posereg.files import read_object

PREFIX = "hf:"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
FILES = (CONFIG, WEIGHTS, "preprocessor_config.json")


def fetched(address: str) -> Path:
    """The weights of `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`, downloaded once into Hugging Face's own cache.

    A revision (a commit's 40 digits, a tag or a branch) says which version; none takes the newest, and the one that is
    here where there is no network.

    Raises:
        UserError: no such model, no network and nothing here, or no weights as safetensors.
    """
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", address)
    if match is None:
        raise UserError(f"checkpoint: {address}: not hf:OWNER/NAME or hf:OWNER/NAME@REVISION")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    name, revision = match[1], match[2]
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except LocalEntryNotFoundError as error:
        raise UserError(
            f"checkpoint: {address} could not be downloaded, and is not in Hugging Face's cache; connect to the "
            f"network once, or name a local folder with its {CONFIG} and {WEIGHTS}"
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise UserError(f"checkpoint: {address}: {' '.join(str(error).split())[:200]}") from error
    if not (folder / WEIGHTS).is_file() or not (folder / CONFIG).is_file():
        raise UserError(f"checkpoint: {address} holds no {WEIGHTS} with a {CONFIG}; nothing else is loaded")
    return folder / WEIGHTS


def config_of(weights: Path) -> dict[str, Any] | None:
    """The config.json beside a weights file of Hugging Face; None where the file is no such one.

    Raises:
        UserError: a config.json that cannot be read.
    """
    path = weights.parent / CONFIG
    if weights.name != WEIGHTS or not path.is_file():
        return None
    return read_object(path, "a model's config of Hugging Face")


def model_name(path: Path) -> str:
    """What a weights file is called in tables: its own name, or its model's where every model calls it alike."""
    if path.name != WEIGHTS:
        return path.stem
    # Hugging Face's cache: models--OWNER--NAME/snapshots/COMMIT/model.safetensors
    cached = re.search(r"models--[^/]*?--([^/]+)/snapshots/", path.as_posix())
    return cached[1] if cached else path.parent.name
