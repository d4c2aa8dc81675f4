"""A data loader that resumes at the exact batch and gives every rank and worker count the same samples.

The order of an epoch is a function of the epoch's number, the randomness of a sample one of (seed, epoch, index);
so all there is to remember is the epoch and how many batches were handed out. training/checkpoints.py keeps that
(Lightning discards the loader's state of a finished epoch); and since `Loader` is no torch DataLoader, Lightning
does not put a sampler of its own in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from posereg.data.samples.dataset import Key
from posereg.runs.processes import member
from posereg.runs.signals import spare_worker

Order = Callable[[int], NDArray[np.int64]]


class SampleSource(Protocol):
    """A map-style data set whose keys are (epoch, index)."""

    def __getitem__(self, key: Key) -> dict[str, Any]: ...


def sequential(length: int) -> Order:
    """0, 1, ... in every epoch."""
    return lambda epoch: np.arange(length, dtype=np.int64)


def shuffled(length: int, seed: int) -> Order:
    """A fresh permutation for each epoch."""
    return lambda epoch: np.random.default_rng([seed, epoch]).permutation(length)


class Loader:
    """Batches of `dataset[(epoch, index)]`, in the order `order(epoch)` gives.

    In a run of several processes each takes every so many-th index, so that together they take a step's samples of one
    process. They get equally many batches: with `drop_last` the rest is left out; else a process that runs out earlier
    gets the first sample again, as a batch of its own with the key `repeated`, which no evaluation counts.

    Args:
        collate: list of samples -> batch.
        check: called before each batch in the main process; raises to stop (too many bad images).
        taken: the batches the trainer takes of an epoch if it takes fewer than there are.
    """

    def __init__(
        self,
        dataset: SampleSource,
        order: Order,
        batch_size: int,
        workers: int = 0,
        drop_last: bool = False,
        collate: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None,
        check: Callable[[], None] | None = None,
        taken: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self._order, self._drop_last, self._check = order, drop_last, check
        self._limit = taken
        self._epoch, self._batch = 0, 0
        self._loaded = False
        self._plan = _Plan()
        self._inner: DataLoader[Any] = DataLoader(
            dataset,  # type: ignore[arg-type]
            batch_sampler=self._plan,  # type: ignore[arg-type]
            num_workers=workers,
            collate_fn=collate,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=workers > 0,
            worker_init_fn=quiet_worker,
        )

    @property
    def samples(self) -> int:
        """The samples of a pass, of all processes together, before they are put into batches."""
        return len(self._order(0))

    def __len__(self) -> int:
        count = self._share(self.samples)
        return count // self.batch_size if self._drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        # A new iteration is a new epoch, unless it goes on from a loaded state or nothing was taken yet.
        taken = min(len(self), self._limit or len(self))
        if self._batch and (not self._loaded or self._batch >= taken):
            self._epoch, self._batch = self._epoch + 1, 0
        self._loaded = False
        batches = self._batches(self._epoch)
        own = len(batches)
        batches += [[(self._epoch, int(self._order(self._epoch)[0]))]] * (len(self) - own)
        self._plan.batches = batches[self._batch :]
        for batch in self._inner:
            if self._check is not None:
                self._check()
            self._batch += 1
            yield batch if self._batch <= own else {**batch, "repeated": True}
        if self._check is not None:
            self._check()

    def state_dict(self) -> dict[str, int]:
        """Where the training stands: the epoch, and the batches of it that were handed out."""
        return {"epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a `state_dict`: the next pass begins after the batches that it counts."""
        self._epoch, self._batch = int(state["epoch"]), int(state["batch"])
        self._loaded = True

    def _share(self, count: int) -> int:
        world = member().size
        return count // world if self._drop_last else -(-count // world)

    def _batches(self, epoch: int) -> list[list[Key]]:
        order = self._order(epoch)
        rank, world = member()
        mine = order[rank::world][: self._share(len(order))]
        keys = [(epoch, index) for index in mine.tolist()]
        batches = [keys[k : k + self.batch_size] for k in range(0, len(keys), self.batch_size)]
        return batches[: len(self)]


class _Plan:
    """The batch sampler: whatever batches the loader planned."""

    def __init__(self) -> None:
        self.batches: list[list[Key]] = []

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def taken_batches(trainer: Any, batches: int) -> int:
    """How many of an epoch's batches the Lightning trainer takes: its `limit_train_batches` is a number or a share."""
    limit = None if trainer is None else trainer.limit_train_batches
    if limit is None:
        return batches
    return min(batches, limit) if isinstance(limit, int) else int(limit * batches)


def quiet_worker(worker: int) -> None:
    """A worker process uses one core (threads of libraries would only compete for it) and leaves it to the main
    process to answer signals."""
    import cv2

    spare_worker()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
