"""Processes of one run, started as torchrun or srun would start them."""

import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

from pytorch_lightning.callbacks import Callback
from torch.nn.modules.batchnorm import _BatchNorm

KILL = "TEST_KILL"  # "1@3": process 1 kills itself before step 3


class Steady(Callback):
    """Batch statistics stay as they began, so that it changes nothing how a batch is shared out."""

    def setup(self, trainer, pl_module, stage):
        for part in pl_module.modules():
            if isinstance(part, _BatchNorm):
                part.eval()
                part.train = lambda mode=True, part=part: part

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if os.environ.get(KILL) == f"{trainer.global_rank}@{trainer.global_step}":
            os.kill(os.getpid(), signal.SIGKILL)


def torchrun(rank, size, port):
    return {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": size,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }


def srun(rank, size, port):
    """Tasks of a job of two; the number of the job gives the port."""
    return {
        "SLURM_PROCID": rank, "SLURM_LOCALID": rank, "SLURM_STEP_NUM_TASKS": size, "SLURM_NTASKS": size,
        "SLURM_NODEID": 0, "SLURM_JOB_ID": 7, "SLURM_STEP_ID": 0, "SLURM_NODELIST": "localhost", "MASTER_PORT": port,
    }  # fmt: skip


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(function, size, log, variables=torchrun, **more):
    """Fork `size` processes that end with the exit code `function(rank)` returns; their ids.

    A fork has everything imported already, but cannot train where its parent has: see `train`.
    """
    port, processes = free_port(), []
    for rank in range(size):
        process = os.fork()
        if process:
            processes.append(process)
            continue
        code = 99
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM):  # as a fresh process has them
                signal.signal(
                    number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                )
            with open(log, "ab") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            # pytest's stand-ins write elsewhere.
            sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))
            settings = {**(variables(rank, size, port) if size > 1 else {}), **more}
            os.environ.update({name: str(value) for name, value in settings.items()})
            code = function(rank)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return processes


def finish(processes, patience=600):
    """Exit codes, negative for a signal; -99 for one that had not ended in time and was killed."""
    codes, limit = {}, time.monotonic() + patience
    while len(codes) < len(processes) and time.monotonic() < limit:
        for process in set(processes) - set(codes):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                codes[process] = os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    for process in set(processes) - set(codes):
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        codes[process] = -99
    return [codes[process] for process in processes]


def train(arguments, size, log, variables=torchrun, patience=600, **more):
    """`posereg train` in so many fresh processes; their exit codes, as `finish` gives them."""
    port, support = free_port(), Path(__file__).parent
    path = os.pathsep.join(filter(None, (str(support), os.environ.get("PYTHONPATH"))))
    processes = []
    for rank in range(size):
        own = {**(variables(rank, size, port) if size > 1 else {}), **more}
        environment = {**os.environ, "PYTHONPATH": path, **{name: str(value) for name, value in own.items()}}
        with open(log, "ab") as file:
            command = [sys.executable, "-m", "posereg.cli.main", "train", *arguments]
            processes.append(
                subprocess.Popen(command, stdout=file, stderr=file, env=environment, start_new_session=True)
            )
    limit, codes = time.monotonic() + patience, []
    for process in processes:
        try:
            codes.append(process.wait(max(0.0, limit - time.monotonic())))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            codes.append(-99)
    return codes
