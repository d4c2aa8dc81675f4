"""metrics.csv across resumption, W&B offline runs as they lie on disk, and plain progress lines."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from posereg import config as configs
from posereg.errors import UserError
from posereg.runs import metrics_csv
from posereg.train import train
from posereg.training import loggers
from posereg.training.progress import PlainProgress, progress_callbacks
from tiny import overrides

CONFIG = {"table": "integral/table2", "row": "I1", "seed": 3, "tags": ["short"], "method": {"lr": 0.1}}


class Line(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        loss = (self.layer(batch[0]) - 2 * batch[0]).square().mean()
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", (self.layer(batch[0]) - 2 * batch[0]).square().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(folder: Path, epochs: int) -> pl.Trainer:
    pl.seed_everything(0, verbose=False)
    batches = DataLoader(TensorDataset(torch.linspace(0, 1, 8)[:, None]), batch_size=4)
    made = loggers.build_loggers({"name": "csv"}, CONFIG, folder)
    trainer = pl.Trainer(
        max_epochs=epochs, logger=made, accelerator="cpu", enable_model_summary=False, num_sanity_val_steps=0,
        enable_checkpointing=False, callbacks=progress_callbacks(), log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(Line(), batches, batches)
    loggers.finish(made, 0)
    return trainer


def test_csv_has_a_row_an_epoch_and_starts_anew_with_the_run(tmp_path: Path) -> None:
    fit(tmp_path, 2)
    fit(tmp_path, 6)
    epochs, losses = metrics_csv.series(metrics_csv.read(tmp_path / "metrics.csv"), "train/loss")
    assert epochs == [0, 1, 2, 3, 4, 5]
    assert losses == sorted(losses, reverse=True)


def test_final_figures_stay_out_of_the_curves(tmp_path: Path) -> None:
    log = loggers.MetricsCsv(tmp_path / "metrics.csv")
    log.log_metrics({"train/loss": 1.5, "epoch": 0}, 9)
    log.log_metrics({"val/loss": 2.5, "epoch": 0}, 9)
    log.log_metrics({"final/AUC": 50.25})
    log.finalize("success")
    assert metrics_csv.read(tmp_path / "metrics.csv") == [
        {"epoch": 0, "step": 9, "train/loss": 1.5, "val/loss": 2.5}
    ]


def test_series_skips_what_is_not_finite(tmp_path: Path) -> None:
    rows = [{"epoch": 0, "a": float("nan")}, {"epoch": 1, "a": 2.0}, {"epoch": 2}]
    metrics_csv.write(tmp_path / "m.csv", [{"step": k, **row} for k, row in enumerate(rows)])
    assert metrics_csv.series(metrics_csv.read(tmp_path / "m.csv"), "a") == ([1], [2.0])
    assert metrics_csv.read(tmp_path / "absent.csv") == []


def test_plain_progress_is_a_line_an_epoch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(progress_callbacks()[0], PlainProgress)  # the tests' output is no terminal
    fit(tmp_path, 3)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "train/loss" in lines[0]
    assert "val/loss" in lines[2]
    assert re.search(r"  \d+ s  \d+s left$", lines[0])
    assert re.search(r"  \d+ s$", lines[2])


@pytest.mark.parametrize(
    ("logger", "message"),
    [
        ({"name": "wandbb"}, "logger.name: no logger 'wandbb', did you mean 'wandb'?"),
        ({"name": "csv", "project": "x"}, "logger.project: no such key for logger=csv"),
        (
            {"name": "wandb", "projekt": "x"},
            "logger.projekt: no such key for logger=wandb, did you mean 'project'?",
        ),
        ({"name": "wandb", "mode": "of"}, "logger.mode: no mode 'of'"),
    ],
)
def test_mistakes_name_the_key(tmp_path: Path, logger: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as refused:
        loggers.build_loggers(logger, CONFIG, tmp_path)
    assert message in str(refused.value)


def test_wandb_goes_online_only_for_who_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert loggers.wandb_mode() == "offline"
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password secret\n")
    assert loggers.wandb_mode() == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert loggers.wandb_mode() == "offline"
    assert loggers.wandb_mode("online") == "online"


def test_tensorboard_has_the_rows_of_metrics_csv_the_learning_rate_and_pictures(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    given = overrides("mpii", tmp_path, "method=H1", "logger=tensorboard")
    result = train(configs.compose(given), given)
    (run,) = (path.parent for path in tmp_path.rglob("metrics.csv"))
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    rows = metrics_csv.read(run / "metrics.csv")
    assert len(rows) == 2
    for name in ("lr", "train/loss", "val/loss", "val/AUC"):
        expected = [(row["step"], row[name]) for row in rows]
        assert [(e.step, e.value) for e in events.Scalars(name)] == [
            (step, pytest.approx(value, rel=1e-5)) for step, value in expected
        ]
    assert events.Scalars("final/AUC")[0].value == pytest.approx(result["metrics"]["AUC"], abs=1e-3)
    assert "examples/0" in events.Tags()["images"]
    assert "batch_size: 4" in (run / "tensorboard/hparams.yaml").read_text(encoding="utf-8")


def test_a_missing_tensorboard_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*args: Any, **kwargs: Any) -> None:
        raise ModuleNotFoundError("neither tensorboard nor tensorboardX")

    monkeypatch.setattr("pytorch_lightning.loggers.TensorBoardLogger", missing)
    with pytest.raises(UserError, match=r"pip install 'posereg\[tensorboard\]'"):
        loggers.build_loggers({"name": "tensorboard"}, CONFIG, tmp_path)


WANDB_RUNS = """
import sys
from pathlib import Path
import numpy as np
from posereg.training.loggers import build_loggers, finish, log_pictures
config = {"data": {"name": "lsp"}, "table": "integral/table2", "row": "I1", "seed": 3, "tags": ["short"]}
config["method"] = {"lr": 0.1}
for code in (0, 1):
    folder = Path(sys.argv[1]) / str(code)
    made = build_loggers({"name": "wandb", "project": "p", "entity": None, "mode": "auto"}, config, folder)
    for step in range(3):
        for logger in made:
            logger.log_metrics({"train/loss": 1 / (step + 1)}, step)
    log_pictures(made, "examples", [np.zeros((8, 8, 3), np.uint8)], ["someone"])
    for logger in made:
        logger.log_metrics({"final/AUC": 58.3})
    finish(made, code)
"""


def wandb_records(folder: Path) -> list[Any]:
    """Everything in the run's offline file: a LevelDB log (32 KiB blocks, 7-byte record headers) of protobufs."""
    from wandb.proto import wandb_internal_pb2

    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    content, place, pending, records = file.read_bytes(), 7, b"", []
    assert content.startswith(b":W&B")
    while place + 7 <= len(content):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        _, size, kind = struct.unpack_from("<IHB", content, place)
        pending += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(pending)
            records.append(record)
            pending = b""
    return records


def test_offline_runs_with_names_config_summary_and_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    done = subprocess.run(
        [sys.executable, "-c", WANDB_RUNS, str(tmp_path)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    identities = set()
    for code in (0, 1):
        records = wandb_records(tmp_path / str(code))
        (run,) = [r.run for r in records if r.WhichOneof("record_type") == "run"]
        identities.add(run.run_id)
        assert (run.run_group, run.job_type, run.display_name) == ("lsp/integral/table2", "I1", "I1-s3")
        assert list(run.tags) == ["short"]
        assert run.project == "p"
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        assert config["method"] == {"lr": 0.1}
        assert [r.exit.exit_code for r in records if r.WhichOneof("record_type") == "exit"] == [code]
        items = [item for r in records for item in r.history.item]
        keys = {item.key or "/".join(item.nested_key) for item in items}
        assert {"train/loss", "examples/count", "final/AUC"} <= keys
        assert len(list(tmp_path.glob(f"{code}/wandb/offline-run-*/files/media/images/*.png"))) == 1
        last = metrics_csv.read(tmp_path / str(code) / "metrics.csv")[-1]
        assert last == {"step": 2, "train/loss": pytest.approx(1 / 3)}
    assert len(identities) == 2


@pytest.mark.slow
def test_a_run_with_wandb_has_the_learning_rate_and_the_figures(tmp_path: Path) -> None:
    given = overrides("mpii", tmp_path, "method=H1", "logger=wandb", "logger.mode=offline")
    command = [sys.executable, "-m", "posereg.cli.main", "train", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (run,) = (path.parent for path in tmp_path.rglob("metrics.csv"))
    items = [item for record in wandb_records(run) for item in record.history.item]
    names = {item.key or "/".join(item.nested_key) for item in items}
    assert {"lr", "train/loss", "val/loss", "val/AUC", "final/AUC"} <= names


def test_a_resumed_run_keeps_its_wandb_id_and_a_new_one_does_not(tmp_path: Path) -> None:
    first = loggers._run_id(tmp_path)
    assert loggers._run_id(tmp_path) != first
    kept = (tmp_path / "wandb_id.txt").read_text().strip()
    (tmp_path / "last.ckpt").touch()
    assert loggers._run_id(tmp_path) == kept


def test_the_csv_of_a_run_that_goes_on_stays_until_its_rows_are_back(tmp_path: Path) -> None:
    fit(tmp_path, 2)
    before = (tmp_path / "metrics.csv").read_text()
    (again,) = loggers.build_loggers({"name": "csv"}, CONFIG, tmp_path)
    again.save()
    again.finalize("failed")
    assert (tmp_path / "metrics.csv").read_text() == before
