"""What `checkpoint=` may name, as one file on this machine: a run's folder, a file, a shipped model, an address, a
model of Hugging Face."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from posereg.errors import UserError, nearest
from posereg.files import sha256_of
from posereg.models import cards, hub
from posereg.runs.folder import CHECKPOINT

CACHE = "POSEREG_CACHE"  # a folder for downloaded models in place of the usual one


def checkpoint_file(checkpoint: Path | str) -> Path:
    """The file that holds the model.

    Args:
        checkpoint: a .ckpt or .safetensors file; a run's folder (its last.ckpt) or a model's (its card.yaml); the name
            of a shipped model; `https://.../model.safetensors#sha256=DIGEST` or `hf:OWNER/NAME`, downloaded once; a
            folder as Hugging Face keeps it (config.json, model.safetensors). What is on disk goes before a shipped
            model of that name.

    Raises:
        UserError: nothing of that name, or a download that failed or has another digest.
    """
    text = str(checkpoint)
    if re.match(r"https?://", text):
        return downloaded(text)
    if text.startswith(hub.PREFIX):
        return hub.fetched(text)
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if (path / CHECKPOINT).is_file():
        return path / CHECKPOINT
    if (path / cards.CARD).is_file():
        return cards.read_card(path).weights
    if (path / hub.WEIGHTS).is_file() and (path / hub.CONFIG).is_file():
        return path / hub.WEIGHTS
    names = cards.shipped()
    if text in names:
        return names[text].weights
    if path.is_dir():
        raise UserError(
            f"checkpoint: {path} is no run's folder (no {CHECKPOINT}) and no model's (no {cards.CARD})"
        )
    hint = f", and no model of that name comes with posereg{nearest(text, names)}" if names else ""
    raise UserError(f"checkpoint: no such file: {path}{hint}")


def downloaded(address: str) -> Path:
    """The local copy of `URL#sha256=DIGEST`, fetched if it is not there yet.

    Raises:
        UserError: no digest, a failed download, or content of another digest.
    """
    url, _, fragment = address.partition("#")
    match = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if match is None:
        raise UserError(
            f"checkpoint: {address}: put the file's SHA-256 behind it, {url}#sha256=DIGEST (64 hex digits), so that "
            "nobody can change it on the way"
        )
    digest = match[1].lower()
    name = Path(unquote(urlsplit(url).path)).name or "model"
    path = cache_folder() / digest[:16] / name
    if path.is_file() and sha256_of(path) == digest:
        return path
    from torch.hub import download_url_to_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        download_url_to_file(url, str(path), hash_prefix=digest, progress=os.isatty(2))
    except RuntimeError as error:  # torch's word for another digest
        raise UserError(
            f"checkpoint: {url}: what was downloaded has another SHA-256 than {digest}"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"checkpoint: {url} could not be downloaded ({error})") from error
    return path


def cache_folder() -> Path:
    """Where downloaded models are kept: $POSEREG_CACHE, else posereg/models below the user's cache folder."""
    if own := os.environ.get(CACHE):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posereg" / "models"
