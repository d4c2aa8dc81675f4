"""The keys of conf/train.yaml itself: the run's own settings beside its groups."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from annotated_types import Interval, Len

from posereg.settings.ranges import File, Name, Names, Seed, Size, Zoom

# Keys of the method node that the run reads, not the constructor.
METHOD_KEYS = frozenset({"pretrain"})
GROUPS = ("data", "backbone", "method", "schedule", "loader", "augment", "trainer", "logger")


class Report(TypedDict):
    """What a table shows of the run."""

    columns: list[str] | None
    complexity: bool


class Run(TypedDict):
    """conf/train.yaml without its groups; the comments there say what each key is."""

    table: Names
    row: Name
    seed: Seed
    tags: list[str | int | float]
    input_size: Size
    input_scale: Zoom
    width: Annotated[float, Interval(ge=1 / 32, le=16)]
    epochs: Annotated[int, Interval(ge=1, le=100_000)]
    batch_size: Annotated[int, Interval(ge=1, le=65_536)]
    flip_test: bool
    crop_scales: Annotated[list[Zoom], Len(1)]
    convention: Literal["center", "corner"]
    evaluate_only: bool
    init_weights: File | None
    runs: File
    run_dir: File
    overwrite: bool
    paper: dict[str, Any]
    compare_to: Name | None
    report: Report
