"""A small Hydra program whose runs succeed, raise, exit and die, for the launchers; and what came of them on disk."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

APP = """
import os, signal, sys, time
from pathlib import Path
import hydra
from omegaconf import OmegaConf
from posereg.runs import folder as runs
from posereg.runs import results

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    config = OmegaConf.to_container(cfg, resolve=True)
    folder = runs.run_dir(config)
    digest = runs.config_hash(config)
    if cfg.row != "refused":
        runs.write_status(folder, "running", config_hash=digest)
    with open(folder / "starts", "a") as file:
        file.write(os.environ["OMP_NUM_THREADS"] + "\\n")
    time.sleep(cfg.sleep)
    if cfg.row == "refused":
        raise SystemExit("error: this folder holds another run")
    if cfg.row == "raises" and not Path("mended").exists():
        raise ValueError("the loss is not a number")
    if cfg.row == "exits":
        sys.exit(3)
    if cfg.row == "silent":
        sys.exit(0)
    if cfg.row == "preempted":
        runs.write_status(folder, "interrupted", config_hash=digest, error="interrupted by SIGTERM")
        sys.exit(143)
    if cfg.row == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    results.write(folder / "result.json", {"row": cfg.row, "seed": cfg.seed, "metrics": {"PCKh@0.5": 80.0 + cfg.seed}})
    runs.write_status(folder, "done", config_hash=digest)

main()
"""

CONFIG = """
row: H1
seed: 0
lr: 0.1
sleep: 0
runs: runs
run_dir: ${runs}/${row}/seed${seed}
hydra:
  sweep: {dir: sweep, subdir: "${hydra.job.num}"}
"""


POOL = ("hydra/launcher=pool", "hydra.launcher.devices=cpu", "hydra.launcher.slots=2")


def write(folder: Path) -> Path:
    """The program and its config in a folder."""
    (folder / "conf").mkdir(parents=True)
    (folder / "conf/config.yaml").write_text(CONFIG)
    (folder / "app.py").write_text(APP)
    return folder


def command(app: Path, *overrides: str, launcher: tuple[str, ...] = POOL) -> list[str]:
    program = f"hydra.launcher.command=[{sys.executable},{app / 'app.py'}]"
    return [sys.executable, "app.py", "-m", *launcher, program, *overrides]


def sweep(
    app: Path, *overrides: str, launcher: tuple[str, ...] = POOL, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    line = command(app, *overrides, launcher=launcher)
    return subprocess.run(line, cwd=app, capture_output=True, text=True, timeout=timeout, env=environment)


def starts(app: Path, run: str) -> int:
    file = app / "runs" / run / "starts"
    return len(file.read_text().split()) if file.exists() else 0


def status(app: Path, run: str) -> dict[str, object]:
    return dict(json.loads((app / "runs" / run / "status.json").read_text()))


def files(app: Path) -> list[str]:
    return sorted(str(path.relative_to(app)) for path in (app / "runs").rglob("*"))


def closing(run: subprocess.CompletedProcess[str], app: Path) -> list[str]:
    """The closing table and what follows it, without times."""
    lines = run.stdout.replace(str(app), "").splitlines()
    start = next(k for k, line in enumerate(lines) if "row" in line and "seed" in line and "state" in line)
    return [" ".join(re.sub(r"\b\d+m?\d*s\b", "", line).split()) for line in lines[start:]]
