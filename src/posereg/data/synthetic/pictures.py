"""Draw many pictures, in one process or several, and save them as JPEG."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2

from posereg.data.synthetic.scene import Scene, Setting, plain, render
from posereg.errors import UserError
from posereg.terminal.progress import tracked

T = TypeVar("T")
QUALITY = 92
STYLES = ("textured", "plain")  # everybody as in life; two-coloured suits before a wall, easy to learn


@dataclass(frozen=True)
class Job:
    """One picture: which of the seed's streams, what setting, where to."""

    index: int
    path: Path
    setting: Setting
    subject: int | None = None


@dataclass(frozen=True)
class Options:
    """What the user asked for; `count` is people (MPII, LSP, LSPET) or pictures (the other sets)."""

    count: int
    seed: int = 0
    size: int = 256
    workers: int = 1
    style: str = "textured"  # one of STYLES


def _one(job: Job, options: Options, annotate: Callable[[Scene, Job], T]) -> T:
    setting = plain(job.setting) if options.style == "plain" else job.setting
    scene = render(options.seed, job.index, setting, job.subject)
    # Otherwise parallel workers compete for the cores.
    cv2.setNumThreads(1)
    if not cv2.imwrite(str(job.path), scene.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
        raise UserError(f"cannot write {job.path}: is the disk full?")
    return annotate(scene, job)


def draw_all(
    jobs: Sequence[Job], options: Options, annotate: Callable[[Scene, Job], T], title: str
) -> list[T]:
    """Draw and save every job; returns what `annotate` (a module-level function) gives for each, in order.

    Raises:
        UserError: a picture cannot be written.
    """
    for folder in {job.path.parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    work = partial(_one, options=options, annotate=annotate)
    if options.workers <= 1:
        return list(tracked(map(work, jobs), len(jobs), title))
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context(method)) as pool:
        return list(tracked(pool.map(work, jobs, chunksize=8), len(jobs), title))
