from itertools import chain

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from posereg.data.modules import loader
from posereg.data.modules.loader import Loader, sequential, shuffled
from posereg.data.samples.augment import stream
from posereg.runs.processes import Place


class Numbers:
    """Samples that show their key and the randomness they would use."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, key):
        epoch, index = key
        draw = stream(5, epoch, index).random(2).astype(np.float32)
        return {"key": np.array([epoch, index]), "x": draw}


def stack(samples):
    return {name: torch.from_numpy(np.stack([s[name] for s in samples])) for name in samples[0]}


def make(count=23, batch=4, workers=0, drop_last=True, **kwargs):
    return Loader(Numbers(count), shuffled(count, 3), batch, workers, drop_last, collate=stack, **kwargs)


def epochs(made, number):
    return [[batch["x"].numpy().tobytes() for batch in made] for _ in range(number)]


def keys(made):
    return np.concatenate([batch["key"].numpy() for batch in made])


def test_each_epoch_is_a_new_permutation_and_counts_itself():
    made = make(24, 4)
    first, second = keys(made), keys(made)
    assert len(made) == 6
    assert sorted(first[:, 1]) == sorted(second[:, 1]) == list(range(24))
    assert (first[:, 1] != second[:, 1]).any()
    assert set(first[:, 0]) == {0}
    assert set(second[:, 0]) == {1}


def test_last_partial_batch_is_dropped_or_kept():
    assert [len(b["x"]) for b in make(23, 4)] == [4] * 5
    assert [len(b["x"]) for b in make(23, 4, drop_last=False)] == [4] * 5 + [3]
    assert len(make(23, 4, drop_last=False)) == 6


@pytest.mark.parametrize("workers", [1, 3])
def test_worker_count_changes_nothing(workers):
    assert epochs(make(workers=workers), 2) == epochs(make(), 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 12), st.integers(5, 30), st.integers(1, 7))
def test_resumed_loader_goes_on_with_the_next_batch(taken, count, batch):
    """Stop after any number of batches; a fresh loader with that state yields exactly what is left."""
    whole = [b for epoch in epochs(make(count, batch), 3) for b in epoch] if count >= batch else []
    if not whole:
        return
    first = make(count, batch)
    seen, per_epoch = [], len(first)
    while len(seen) < min(taken, 2 * per_epoch):
        for found in first:
            seen.append(found["x"].numpy().tobytes())
            if len(seen) == min(taken, 2 * per_epoch):
                break
    again = make(count, batch)
    again.load_state_dict(first.state_dict())
    rest = []
    while len(rest) < len(whole) - len(seen):
        rest.extend(b["x"].numpy().tobytes() for b in again)
    assert seen + rest == whole


def test_state_of_a_loader_with_workers_does_not_count_what_was_only_prefetched():
    made = make(40, 4, workers=2)
    iterator = iter(made)
    next(iterator), next(iterator), next(iterator)
    assert made.state_dict() == {"epoch": 0, "batch": 3}
    again = make(40, 4)
    again.load_state_dict(made.state_dict())
    assert epochs(again, 1)[0] == epochs(make(40, 4), 1)[0][3:]


def test_processes_share_the_steps_of_one(monkeypatch):
    """Each step of four processes holds the samples of one step of one process, whose batch is four times as large."""
    steps = []
    for rank in range(4):
        monkeypatch.setattr(loader, "member", lambda rank=rank: Place(rank, 4))
        steps.append([batch["key"][:, 1].tolist() for batch in make(23, 2)])
    monkeypatch.undo()
    alone = [sorted(batch["key"][:, 1].tolist()) for batch in make(23, 8)]
    assert [sorted(chain(*step)) for step in zip(*steps, strict=True)] == alone


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(1, 7), st.integers(1, 5))
def test_processes_look_at_everyone_once_in_equally_many_batches(count, batch, size):
    """Batches that are there only to make as many are marked; else a collective would hang, or someone count twice."""
    seen, lengths = [], set()
    for rank in range(size):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loader, "member", lambda rank=rank: Place(rank, size))
            made = make(count, batch, drop_last=False)
            batches = list(made)
            assert len(made) == len(batches)
        lengths.add(len(batches))
        seen += [k for b in batches if "repeated" not in b for k in b["key"][:, 1].tolist()]
    assert len(lengths) == 1
    assert sorted(seen) == list(range(count))


def test_validation_order_is_the_sets():
    made = Loader(Numbers(7), sequential(7), 3, collate=stack)
    assert keys(made)[:, 1].tolist() == list(range(7))


class Line(pl.LightningModule):
    """A tiny model whose weights depend on every batch and its order."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(2, 1)
        self.seen = []

    def training_step(self, batch, index):
        self.seen.append(batch["key"].numpy().tolist())
        return self.layer(batch["x"]).square().mean()

    def validation_step(self, batch, index):
        self.log("loss", self.layer(batch["x"]).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.3, momentum=0.9)


class KilledError(Exception):
    pass


class Kill(Callback):
    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, module, batch, index):
        if trainer.global_step == self.step:
            raise KilledError


def fit(folder, callbacks=(), resume=None, workers=0, limit=None):
    module = Line()
    trainer = pl.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_train_batches=limit,
        num_sanity_val_steps=1,
        default_root_dir=folder,
        callbacks=[
            *callbacks,
            ModelCheckpoint(
                folder, filename="{step}", every_n_train_steps=1, save_top_k=-1, save_last="link"
            ),
        ],
    )
    val = Loader(Numbers(6), sequential(6), 3, collate=stack)
    trainer.fit(module, make(21, 4, workers, taken=limit), val, ckpt_path=resume, weights_only=True)
    return module


@pytest.mark.parametrize("limit", [None, 3])
@pytest.mark.parametrize("killed_at", [1, 5, 6])
def test_training_that_was_killed_ends_with_the_same_weights(tmp_path, killed_at, limit):
    whole = fit(tmp_path / "whole", limit=limit)
    with pytest.raises(KilledError):
        fit(tmp_path / "part", [Kill(killed_at)], limit=limit)
    checkpoint = next((tmp_path / "part").glob(f"step={killed_at}.ckpt"))
    resumed = fit(tmp_path / "rest", resume=checkpoint, workers=int(killed_at == 5), limit=limit)
    assert resumed.seen == whole.seen[killed_at:]
    assert torch.equal(resumed.layer.weight, whole.layer.weight)
    assert torch.equal(resumed.layer.bias, whole.layer.bias)
