"""One run, from config to result.json: the path that every row of every table takes.

The run's folder is locked while the run trains. A run that is done under the same configuration is skipped, one
that was cut off resumes from last.ckpt, and a folder that holds a finished run of another configuration is refused.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

from posereg import config as configs
from posereg.build import build_method, load_network
from posereg.data.modules.base import ImageData
from posereg.errors import Interrupted, UserError
from posereg.files import read_json, remove_leftovers, write_json
from posereg.methods.base import STARTED_FROM, PoseModule
from posereg.networks.complexity import counts, rates
from posereg.records.predictions import load as load_predictions
from posereg.reporting import lineage
from posereg.reporting.learning import record
from posereg.runs import collector, launch, metrics_csv, processes, results
from posereg.runs import folder as runs
from posereg.runs.results import Result
from posereg.runs.siblings import PRETRAIN, checkpoint_of, config_name, finished_sibling, needed, siblings
from posereg.runs.signals import Signals
from posereg.training.callbacks import Throughput
from posereg.training.checkpoint_files import last_good
from posereg.training.checkpoint_files import read as read_checkpoint
from posereg.training.checkpoints import Position
from posereg.training.fit import Progress, fit, validate
from posereg.training.trainer import connect_processes


def train(config: DictConfig, overrides: Sequence[str] = ()) -> Result:
    """Run what the config describes, unless it is done already.

    Args:
        overrides: the command-line overrides behind the config; a sibling row (`method.pretrain`) is composed
            from them.

    Raises:
        UserError: a config, a data set or a folder that cannot be used.
    """
    plain = configs.plain(config)
    configs.validate(plain)
    folder, digest = runs.run_dir(plain), runs.config_hash(plain)
    first = processes.place().rank == 0
    with Signals() as signals:
        if processes.place().size > 1:
            processes.check(plain["trainer"])
        connect = partial(connect_processes, plain["trainer"])
        # The first process holds the lock and keeps the record; the others wait until it has begun.
        with processes.joined(connect), runs.lock(folder) if first else nullcontext():
            return _locked(plain, folder, digest, overrides, signals)


def _locked(
    plain: dict[str, Any], folder: Path, digest: str, overrides: Sequence[str], signals: Signals
) -> Result:
    """One run in its locked folder: nothing if it is done, and else its state on record, however it ends."""
    if processes.shared(lambda: runs.is_done(folder, digest)):
        processes.say(f"{folder}: done already, same configuration")
        return results.read(folder / runs.RESULT)
    processes.shared(lambda: _begin(plain, folder, digest, overrides))
    if processes.place().rank > 0:
        return _run(plain, folder, digest, overrides, signals)
    start = time.monotonic()
    try:
        result = _run(plain, folder, digest, overrides, signals)
    except BaseException as caught:
        error = _recorded(processes.explained(caught), folder, digest)
        if error is caught:
            raise
        raise error from caught
    seconds = round(time.monotonic() - start, 1)
    runs.write_status(folder, "done", config_hash=digest, seconds=seconds)
    return result


def _recorded(error: BaseException, folder: Path, digest: str) -> BaseException:
    """Note in the run's folder how it ended; returns the error to end with."""
    stopped = isinstance(error, Interrupted | KeyboardInterrupt)
    message = str(error).splitlines()[0] if str(error) else "interrupted" if stopped else type(error).__name__
    with suppress(UserError):  # a full disk must not hide what went wrong
        runs.write_status(folder, "interrupted" if stopped else "failed", config_hash=digest, error=message)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{folder}: {error.strerror}; what was written before is intact")
    return error


def _begin(plain: dict[str, Any], folder: Path, digest: str, overrides: Sequence[str]) -> None:
    """Refuse what cannot be run, before anything is trained or written; then say that it is running."""
    if processes.place().size == 1:
        processes.check(plain["trainer"])
    siblings(plain, overrides, config_name())
    _refuse_other(folder, plain, digest)
    remove_leftovers(folder)
    write_json(folder / runs.CONFIG, plain)
    runs.write_status(folder, "running", config_hash=digest)


def _refuse_other(folder: Path, plain: dict[str, Any], digest: str) -> None:
    """Clear the folder of another configuration's run if the user asked for that, else refuse it."""
    status = runs.read_status(folder)
    if status is None or status.get("config_hash") == digest:
        return
    if plain["overwrite"] or not runs.holds_work(folder):
        for name in (runs.RESULT, runs.CHECKPOINT, runs.CHECKPOINT_BEFORE, runs.PREDICTIONS, runs.METRICS,
                     runs.EVALUATION):  # fmt: skip
            (folder / name).unlink(missing_ok=True)
        return
    old = folder / runs.CONFIG
    changed = configs.differences(runs.identity(read_json(old)), runs.identity(plain)) if old.exists() else []
    detail = "; ".join(changed[:5]) + (f"; and {len(changed) - 5} more" if len(changed) > 5 else "")
    raise UserError(
        f"{folder} holds a run of another configuration ({detail or 'its config is gone'}); give another folder with "
        "runs=DIR, or overwrite=true to throw the old run away"
    )


def _run(
    plain: dict[str, Any], folder: Path, digest: str, overrides: Sequence[str], signals: Signals
) -> Result:
    from posereg.training.loggers import build_loggers, finish, log_examples
    from posereg.training.progress import progress_callbacks

    trains = not plain["evaluate_only"]
    # What is wrong with the data is told before a network is built or a sibling trained.
    data: ImageData = configs.instantiate(plain["loader"])
    for split in dict.fromkeys((data.train_split, data.val_split)):
        data.poses(split)
    saved = _saved(folder) if trains else None
    start, folders = (None, []) if saved else _starting_weights(plain, overrides)
    # A damaged result of theirs is told before anything is computed.
    sources = [] if trains else lineage.sources_of(folders)
    began = lineage.before(start.parent) if trains and start else None
    pl.seed_everything(plain["seed"], workers=True, verbose=False)
    module = _method(plain, start, resumes=saved is not None)
    module.plain_config, module.overrides = plain, list(overrides)
    module.started_from = saved[1].get(STARTED_FROM) if saved else began
    loggers = build_loggers(plain["logger"], plain, folder)
    throughput = Throughput()
    collector.usual()
    code = 1
    try:
        trainer: pl.Trainer = configs.instantiate(plain["trainer"])(
            run_dir=folder,
            seed=plain["seed"],
            loggers=loggers,
            signals=signals,
            run_callbacks=[throughput, *progress_callbacks()],
        )
        progress = fit(trainer, module, data, saved) if trains else Progress(Position(0, 0, 0))
        validate(trainer, module, data, progress)
        if not trains:
            trainer.save_checkpoint(folder / runs.CHECKPOINT, weights_only=True)
        from posereg.predict.final import final_result  # with all evaluators, which training does without

        result = final_result(plain, folder, digest, module, data, trainer)
        result["overrides"] = list(overrides)
        result["training"] = {
            **_amount(progress, plain["batch_size"]),
            **throughput.summary(),
            **data.lost_images(),
        }
        if not trains:
            lineage.inherit(result, sources)
        elif module.started_from:
            result["started_from"] = dict(module.started_from)
        if trainer.is_global_zero:
            cost = _counted(plain)
            if plain["report"].get("complexity"):
                cost |= rates(module.network, module.input_size, trainer.strategy.root_device)
            if trains:
                loggers[0].save()
                result["learning"] = record(
                    metrics_csv.read(folder / runs.METRICS), result["metrics"], result["lower_is_better"]
                )
            result["complexity"] = cost
            results.write(folder / runs.RESULT, result)
            log_examples(loggers, data.poses(data.val_split), load_predictions(folder / runs.PREDICTIONS))
        for logger in loggers:
            logger.log_metrics({f"final/{k}": v for k, v in result["metrics"].items() if v is not None})
        code = 0
    finally:
        finish(loggers, code)
    return result


def _counted(plain: dict[str, Any]) -> dict[str, Any]:
    """Parameters and multiply-adds of a network made anew, as the run's own may have been compiled; nothing of one that
    cannot be counted, for by now it has been trained."""
    module = build_method(plain, weights=False)
    try:
        return counts(module.network, module.input_size)
    except Exception as error:  # whatever a network of the user's makes of tensors without data
        processes.say(f"complexity: left out, as the network cannot be counted ({error})")
        return {}


def _saved(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The checkpoint to go on from, if there is one; the first process looks, as it sets damaged ones aside."""
    read: list[tuple[Path, dict[str, Any]] | None] = []

    def look() -> Path | None:
        read.append(last_good(folder))
        return read[0][0] if read[0] else None

    path = processes.shared(look)
    if read:
        return read[0]
    return (path, read_checkpoint(path)) if path else None


def _method(plain: dict[str, Any], start: Path | None, resumes: bool) -> PoseModule:
    """The method with the weights it starts from; those of a run that goes on are still in its checkpoint."""
    trains = not plain["evaluate_only"]
    module = build_method(plain, weights=trains and not resumes and start is None)
    if start is not None:
        load_network(module, start, whole=not trains)
    elif not trains and module.needs_weights:
        raise UserError("evaluate_only: nothing to evaluate; name init_weights=FILE or method.pretrain=ROW")
    return module


def _amount(progress: Progress, batch_size: int) -> dict[str, float]:
    """How much was trained."""
    position = progress.position
    return {
        "epochs": position.epoch,
        "steps": position.step,
        "images": position.step * batch_size,
        "seconds": round(progress.seconds, 1),
    }


def _starting_weights(plain: dict[str, Any], overrides: Sequence[str]) -> tuple[Path | None, list[Path]]:
    """The checkpoint this run starts from, `init_weights` or that of the row it names, and the folders of the runs it
    comes from, or of the ensemble's members. Rows it needs are run first."""
    if plain["init_weights"]:
        path = Path(plain["init_weights"])
        if not path.is_file():
            raise UserError(f"init_weights: no such file: {path}")
        return path, [path.parent]
    # All that it needs is run now, before this run has processes and devices of its own.
    folders = [(key, finished_sibling(row, plain, overrides)) for key, row in needed(plain)]
    start = next((checkpoint_of(folder) for key, folder in folders if key == PRETRAIN), None)
    return start, [start.parent] if start else [folder for _, folder in folders]


def train_on_devices(config: DictConfig, overrides: Sequence[str]) -> Result | None:
    """`train` for Hydra's main, which adds a node of its own to the config; a run on several devices of this machine
    gets a process for each of them.

    Returns:
        The result; None where other processes trained, which have told of it.

    Raises:
        UserError: as `train`.
    """
    plain = configs.plain(OmegaConf.create({k: v for k, v in config.items() if k != "hydra"}))
    launch.end_with_parent()
    count, nodes = processes.wanted(plain["trainer"]), plain["trainer"].get("num_nodes", 1)
    started = processes.place().size
    if started == 1 < count and nodes == 1:
        configs.validate(plain)
        folder, digest = runs.run_dir(plain), runs.config_hash(plain)
        if not runs.is_done(folder, digest):
            flags = [] if config_name() == "train" else [f"--config-name={config_name()}"]
            launch.launch([*flags, *overrides], count, folder, digest)
            return None
    return train(OmegaConf.create(plain), overrides)
