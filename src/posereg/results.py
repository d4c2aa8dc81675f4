"""result.json: the one record a run leaves behind, and what tables, reports and claims read."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path
from typing import Any, TypedDict

from posereg.files import read_json, write_json

PACKAGES = ("posereg", "torch", "torchvision", "pytorch-lightning", "timm", "numpy", "albumentations")


class Result(TypedDict, total=False):
    """One evaluated run.

    `metrics` are in percent (or mm for MPJPE) by name, e.g. `PCKh@0.5`, `PCKh@0.5/Head`, `AUC`. `protocol`
    holds every setting that makes two numbers comparable: dataset, split, annotation_hash, images, people,
    box_source, flip_test, scales, nms, score_rule, metric, metric_version, input_size, convention, and
    `train_images` with `train_steps`. Rows of one table column must agree on it (reporting decides which keys).
    """

    schema: int
    table: str | None  # e.g. integral/table2
    row: str
    seed: int
    metrics: dict[str, float]
    curve: dict[str, list[float]]  # thresholds, values
    protocol: dict[str, Any]
    paper: dict[str, float]  # the published numbers of this row
    config_hash: str
    config: dict[str, Any]
    git_revision: str | None
    versions: dict[str, str]
    training: dict[str, float]  # epochs, steps, images, seconds, images_per_s, data_wait (share)
    complexity: dict[str, Any]  # params, macs, activation_bytes, measured rates (complexity.py)
