"""`posereg doctor`: versions, devices, the state of W&B, and the data sets found."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from posereg.cli.spec import DIR, Command, Option

COMMAND = Command(
    "doctor",
    "show versions, devices and the data sets found",
    options=(Option("root", DIR, "folder to search for data sets", default_text="POSEREG_DATA or ./data"),),
)

# Files by which an official data set is known, relative to the data folder or a folder in it.
MARKS = {
    "MPII": ("mpii_human_pose_v1_u12_1.mat", "annot/valid.h5", "valid.h5", "annot/valid.json"),
    "LSP / LSPET": ("joints.mat",),
    "COCO": ("annotations/person_keypoints_*.json", "person_keypoints_*.json"),
    "CrowdPose": ("crowdpose_*.json", "json/crowdpose_*.json"),
    "CHALL_H80K": ("*/POSE",),
}


def run(root: Path | None) -> int:
    """Print versions, devices and the data sets below `root`."""
    root = root or Path(os.environ.get("POSEREG_DATA", "data"))
    sections = {
        "versions": _versions(),
        "devices": _devices(),
        "logging": _logging(),
        f"data below {root}": data_sets(root) or ["nothing known found; give root=DIR"],
    }
    for title, lines in sections.items():
        print(title)
        print("\n".join(f"  {line}" for line in lines))
    return 0


def data_sets(root: Path) -> list[str]:
    """`name: folder` of every data set whose files lie in `root` or up to two folders below."""
    folders = [root, *root.glob("*/"), *root.glob("*/*/")] if root.is_dir() else []
    lines = []
    for name, marks in MARKS.items():
        here = [folder for folder in sorted(folders) if any(next(folder.glob(mark), None) for mark in marks)]
        lines += [f"{name}: {folder}" for folder in here if folder.parent not in here]
    return lines


def _versions() -> list[str]:
    from posereg.runs.results import git_revision, versions

    source = Path(__file__).resolve().parent
    lines = [f"python {platform.python_version()} ({sys.executable})"]
    lines += [f"{name} {version}" for name, version in versions().items()]
    return [*lines, f"posereg from {source.parent}" + (f", git {g}" if (g := git_revision(source)) else "")]


def _devices() -> list[str]:
    import torch

    from posereg.settings.cores import cores

    free = shutil.disk_usage(".").free / 2**30
    lines = [
        f"cpu: {cores()} cores, torch uses {torch.get_num_threads()} threads; disk: {free:.0f} GiB free here"
    ]
    for k in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(k)
        lines.append(f"gpu {k}: {card.name}, {card.total_memory / 2**30:.0f} GiB")
    return lines if torch.cuda.is_available() else [*lines, "gpu: none visible to torch"]


def _logging() -> list[str]:
    from posereg.training.loggers import wandb_mode

    return [f"logger=wandb would run {wandb_mode()}"]
