"""Kill real runs at random moments and compare what they come to with runs that nothing happened to, bit by bit.

    python scripts/stress_resume.py [--kills 100] [--seed 0] [--cases plateau,phases]

Every run is a process of its own that is sent SIGKILL, SIGTERM or SIGINT at a random moment of its life, once or
twice, and is then run again to its end. Weights, optimiser and schedule states, metrics, predictions, evaluation and
metrics.csv must equal those of the uninterrupted run; exit codes and status.json must tell the truth. Prints a line
for each run that differs, and `100 of 100 equal`; exits with 1 if any differs.

Processes are forked from this one, which has imported everything, so that a hundred take minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

SMALL = (
    "recipe=demo", "trainer.accelerator=cpu", "trainer.epochs=3", "trainer.limit_train_batches=5",
    "trainer.validate_every=1", "batch_size=4", "loader.workers=0", "input_scale=0.125", "width=0.125",
)  # fmt: skip
OFTEN = "trainer.checkpoint_minutes=0.0001"  # 6 ms: at every optimiser step
CASES: dict[str, tuple[str, ...]] = {
    "plateau": ("method=H3", "schedule=plateau", "schedule.patience=0", "schedule.monitor=train/loss", OFTEN),
    "accumulation": ("method=I_star", "schedule.warmup=0", "trainer.accumulate=2", "batch_size=8", OFTEN),
    "ema": ("method=R1", "schedule.warmup=0", "trainer.ema=0.9", "trainer.validate_every=2", OFTEN),
    "everything": (
        "method=H3", "schedule=plateau", "schedule.patience=0", "schedule.monitor=val/loss", "trainer.accumulate=2",
        "batch_size=8", "trainer.ema=0.9", "trainer.checkpoint_minutes=0.005",
    ),
    "epochs_only": ("method=MS_H1", "schedule.warmup=0", "trainer.checkpoint_minutes=null"),
    "workers": ("method=R1", "schedule.warmup=0", "loader.workers=2", OFTEN),
    "phases": ("method=cascade_res", "backbone=resnet10", "augment=none", "input_scale=0.25", OFTEN),
    "art": (
        "method=art", "method.scoring_epochs=2", "loader=bottomup", "augment=art", "augment.scale=[0.8,1.2]",
        "schedule.warmup=2", "backbone=hrnet_w18_small",
        "data=synthetic_coco", "data.root={root}/coco", "input_size=[128,128]", "input_scale=1.0", OFTEN,
    ),
    "volume": (
        "method=volume", "loader=mixed", "loader.use=[mpii]", "augment=volume", "schedule=plateau",
        "schedule.patience=0", "schedule.monitor=train/loss", "data=synthetic_h80k", "data.root={root}/h80k",
        "loader.others.mpii.root={root}/mpii", OFTEN,
    ),
    "softargmax": (
        "method=softargmax_context", "augment=softargmax", "schedule=softargmax", "method.network.blocks=2",
        "input_scale=0.25", OFTEN,
    ),
}  # fmt: skip
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def command(data: Path, folder: Path, case: str) -> list[str]:
    """The overrides of a case; later ones take the place of earlier ones.

    Args:
        data: the folder of the data sets, one a kind.
    """
    words = ["data.root={root}/mpii", f"runs={folder}", "data=synthetic", *SMALL, *CASES[case]]
    return list({text.partition("=")[0]: text.replace("{root}", str(data)) for text in words}.values())


def make_data(root: Path) -> None:
    """Synthetic sets in every layout that a case reads, with the 2D predictions that the 3D one needs."""
    from posereg.data.synthetic.make import make

    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/support"))
    from pose2d import write_pose2d

    for kind, count in (("mpii", 40), ("coco", 10), ("h80k", 24)):
        make(kind, root / kind, count, seed=1, size=64)
    write_pose2d(root / "h80k")


def start(arguments: list[str], log: Path) -> int:
    """Fork a process that runs `posereg train`; its id."""
    process = os.fork()
    if process:
        return process
    code = 99
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):  # as a fresh process has them
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        with open(log, "ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        from posereg.cli.main import main

        code = main(["train", *arguments])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finish(process: int) -> int:
    """Wait for a process; its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def left_behind(folder: Path) -> dict[str, Any]:
    """What a finished run says of itself, as comparable values."""
    import numpy as np
    import torch

    from posereg.files import read_json
    from posereg.records import predictions
    from posereg.training import checkpoint_files

    (status,) = folder.rglob("status.json")
    run = status.parent
    checkpoint = checkpoint_files.read(run / "last.ckpt")
    poses = predictions.load(run / "predictions.npz")
    result = read_json(run / "result.json")
    evaluation = np.load(run / "evaluation.npz")

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.numpy().tobytes()
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, list | tuple) else value

    return {
        "state": read_json(status)["state"],
        "weights": plain(checkpoint["state_dict"]),
        "optimiser": plain(checkpoint["optimizer_states"]),
        "schedules": plain(checkpoint["lr_schedulers"]),
        "position": checkpoint["posereg"]["position"],
        "metrics": result["metrics"],
        "steps": {k: result["training"][k] for k in ("epochs", "steps", "images")},
        "predictions": [poses.ids.tobytes(), poses.keypoints.tobytes(), poses.keypoint_scores.tobytes()],
        "evaluation": {k: evaluation[k].tobytes() for k in evaluation.files},
        "metrics.csv": (run / "metrics.csv").read_text(),
        "leftovers": [p.name for p in run.glob(".*") if p.name != ".lock"],
    }


def state_of(folder: Path) -> str | None:
    from posereg.files import read_json

    files = list(folder.rglob("status.json"))
    return read_json(files[0])["state"] if files else None


def killed_run(arguments: list[str], folder: Path, seconds: float, draw: random.Random) -> list[str]:
    """A run that is killed once or twice and then runs to its end: what was wrong about the way."""
    wrong = []
    log = folder / "log.txt"
    for _ in range(draw.choice((1, 1, 2))):
        sent = draw.choice(SIGNALS)
        process = start(arguments, log)
        time.sleep(draw.uniform(0, seconds))
        over, status = os.waitpid(process, os.WNOHANG)
        if not over:
            os.kill(process, sent)
            over, status = os.waitpid(process, 0)
        code = os.waitstatus_to_exitcode(status)
        expected = {0, -9} if sent == signal.SIGKILL else {0, 128 + sent}
        # Before the run has taken the signals over, Python's own answers count.
        if code not in expected | {-sent}:
            wrong.append(f"exit {code} after {sent.name}")
        if code == 128 + sent and state_of(folder) not in ("interrupted", "done", None, "running"):
            wrong.append(f"{sent.name}: status is {state_of(folder)}")
        if code == 0 and state_of(folder) != "done":
            wrong.append(f"exit 0 after {sent.name}, status is {state_of(folder)}")
        if os.path.exists(folder) and sent == signal.SIGKILL:
            end_group(process)
    code = finish(start(arguments, log))
    return [*wrong, *([f"exit {code} at the end"] if code else [])]


def end_group(process: int) -> None:
    """The loader's workers that a killed run has left."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def stress(kills: int, seed: int, cases: list[str], say: Callable[[str], None] = print) -> int:
    """Runs the cases in turn until so many runs were killed; how many of them differ from an uninterrupted one."""
    # Imported before the first fork, so that no run has to.
    import pytorch_lightning  # noqa: F401

    import posereg.data.modules.mixed
    import posereg.data.modules.scenes
    import posereg.data.modules.topdown
    import posereg.methods.art
    import posereg.methods.cascade
    import posereg.methods.integral
    import posereg.methods.softargmax
    import posereg.methods.volume
    import posereg.train  # noqa: F401

    draw = random.Random(seed)
    differing = 0
    with tempfile.TemporaryDirectory(prefix="posereg-stress-") as name:
        root = Path(name)
        make_data(root / "data")
        whole: dict[str, tuple[dict[str, Any], float]] = {}
        for number in range(kills):
            case = cases[number % len(cases)]
            if case not in whole:
                folder = root / f"whole-{case}"
                folder.mkdir()
                began = time.monotonic()
                code = finish(start(command(root / "data", folder, case), folder / "log.txt"))
                if code:
                    raise SystemExit(f"{case}: exit {code}\n{(folder / 'log.txt').read_text()[-3000:]}")
                whole[case] = (left_behind(folder), time.monotonic() - began)
            expected, seconds = whole[case]
            folder = root / f"run-{number}"
            folder.mkdir()
            wrong = killed_run(command(root / "data", folder, case), folder, seconds, draw)
            if not wrong:
                left = left_behind(folder)
                wrong = [key for key in expected if left[key] != expected[key]]
            if wrong:
                differing += 1
                say(
                    f"{case} #{number} differs: {', '.join(wrong)}\n{(folder / 'log.txt').read_text()[-1500:]}"
                )
            shutil.rmtree(folder)
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", default=",".join(CASES), help=f"of {', '.join(CASES)}")
    options = parser.parse_args()
    began = time.monotonic()
    cases = options.cases.split(",")
    differing = stress(options.kills, options.seed, cases)
    equal = options.kills - differing
    print(f"{equal} of {options.kills} equal ({len(cases)} kinds of runs, {time.monotonic() - began:.0f} s)")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
