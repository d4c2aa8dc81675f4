"""The processes of one run: started by torchrun, by Slurm's srun, or by posereg itself (`launch.py`).

The first one (rank 0) holds the folder's lock, keeps the record and speaks; what it finds or decides the others are
told. For that they have a channel of their own on the CPU (gloo), beside the one over which devices average
gradients: it makes no process wait for its device, it waits for hours while a sibling row is trained, and it tells at
once when one of them is gone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from posereg.errors import FailedElsewhereError, Interrupted, UserError
from posereg.settings.hardware import device_count

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
PATIENCE = timedelta(days=30)  # of the channel: as long as a sibling row may train, or a lock be held
LOST = "it was killed or its machine was lost"


class Place(NamedTuple):
    """This process's number among so many."""

    rank: int
    size: int


@dataclass
class _Channel:
    group: Any
    store: Any
    number: int = 0  # of what was told so far


_channel: _Channel | None = None


def place() -> Place:
    """What torchrun or srun says of this process; alone where neither started it.

    SLURM_NTASKS is not asked: `salloc` and batch scripts set it for processes that nobody multiplied.
    """
    env = os.environ
    if "RANK" in env and "WORLD_SIZE" in env:
        return Place(int(env["RANK"]), int(env["WORLD_SIZE"]))
    if "SLURM_PROCID" in env and "SLURM_STEP_NUM_TASKS" in env:
        return Place(int(env["SLURM_PROCID"]), int(env["SLURM_STEP_NUM_TASKS"]))
    return Place(0, 1)


def member() -> Place:
    """This process's place among those it is connected with; alone outside of `joined`."""
    return Place(0, 1) if _channel is None else place()


def wanted(trainer: Mapping[str, Any]) -> int:
    """How many processes a run's trainer settings ask for: one a device."""
    return device_count(trainer) * int(trainer.get("num_nodes", 1))


def check(trainer: Mapping[str, Any]) -> None:
    """
    Raises:
        UserError: another number of processes was started than the settings ask for.
    """
    started, count = place().size, wanted(trainer)
    if started == count:
        return
    nodes = int(trainer.get("num_nodes", 1))
    asked = f"trainer.devices={trainer.get('devices', 1)} x trainer.num_nodes={nodes}"
    if started > 1:
        raise UserError(
            f"{started} processes were started for a run on {count} ({asked}): give trainer.devices (of one machine) "
            "and trainer.num_nodes that multiply to it, or start one process"
        )
    raise UserError(
        f"{asked}: start the {count} processes with `torchrun --nnodes {nodes} --nproc-per-node {count // nodes}` or "
        f"`srun --nodes {nodes} --ntasks-per-node {count // nodes}`"
    )


def as_torchrun() -> None:
    """Give processes that srun started the variables of torchrun, which everything below reads."""
    env = os.environ
    if "RANK" in env or place().size == 1:
        return
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment

    rank, count = place()
    job, step = int(env.get("SLURM_JOB_ID", "0")), int(env.get("SLURM_STEP_ID", "0"))
    nodes = env.get("SLURM_STEP_NODELIST") or env.get("SLURM_NODELIST") or "127.0.0.1"
    env.update(RANK=str(rank), WORLD_SIZE=str(count), LOCAL_RANK=env.get("SLURM_LOCALID", str(rank)))
    env["GROUP_RANK"] = env.get("SLURM_NODEID", "0")
    env.setdefault("MASTER_ADDR", SLURMEnvironment.resolve_root_node_address(nodes))
    env.setdefault("MASTER_PORT", str(15_000 + (job * 7 + step) % 10_000))


def of_another_run() -> dict[str, str]:
    """The variables by which each process of this run starts one of another run, which meet at a port of their own."""
    if _channel is None:
        return {}
    return {"MASTER_PORT": str(shared(_free_port)), "TORCHELASTIC_USE_AGENT_STORE": "False"}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


@contextmanager
def joined(connect: Callable[[], None]) -> Iterator[None]:
    """The processes of a run are connected in this block, which ends when all of them have ended it.

    Args:
        connect: sets up torch's default process group.

    Raises:
        FailedElsewhereError: another process failed; its reason is in the message.
    """
    global _channel
    if place().size == 1:
        yield
        return
    import torch.distributed as dist
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    as_torchrun()
    store = PrefixStore("posereg", next(rendezvous("env://"))[0])
    connect()
    _channel = _Channel(dist.new_group(backend="gloo", timeout=PATIENCE), store)
    try:
        yield
        dist.barrier(_channel.group)
        dist.destroy_process_group()
    except BaseException as caught:
        error = explained(caught)
        if error is caught:
            raise
        raise error from caught
    finally:
        _channel = None


def explained(error: BaseException) -> BaseException:
    """What an error of this process comes from: if another one failed first, or is gone, a `FailedElsewhereError`
    that says so (`SystemExit` where the first process has told of it); else the error itself, which is left in a word
    for the others."""
    ours = isinstance(error, FailedElsewhereError | Interrupted | KeyboardInterrupt | SystemExit)
    if _channel is None or ours:
        return error
    rank, count = place()
    lost = _is_lost(error)
    reason = (str(error).splitlines() or [""])[0] or type(error).__name__
    failed, told = rank, "" if lost else reason
    with suppress(Exception):  # the store goes with its process
        word = _channel.store.compare_set("failed", "", f"{rank} {told}").decode()
        failed, told = int(word.partition(" ")[0]), word.partition(" ")[2]
    if failed == rank and not lost:
        return error
    if failed == 0 and rank > 0 and told:
        return SystemExit(1)
    which = f"process {failed + 1}" if told else "another process"
    return FailedElsewhereError(f"{which} of this run's {count} ended: {told or LOST}")


def _is_lost(error: BaseException) -> bool:
    """Whether this is what a process sees when another one ends."""
    text = str(error)
    return isinstance(error, RuntimeError) and any(
        word in text for word in ("Connection closed by peer", "Connection reset by peer", "gloo/transport")
    )


def say(text: str) -> None:
    """Print, in the first process of a run only."""
    if place().rank == 0:
        print(text, flush=True)


def shared(make: Callable[[], T]) -> T:
    """What `make` returns in the first process; the others, where it is not called, get it too.

    Raises:
        SystemExit: in the others, with the first one's exit code, when it fails there.
    """
    if _channel is None:
        return make()
    if place().rank == 0:
        try:
            value = make()
        except BaseException as error:
            _tell(("failed", _exit_code(error)))
            raise
        _tell(("made", value))
        return value
    kind, value = _tell(None)
    if kind == "failed":
        raise SystemExit(value)
    return value


def _tell(value: Any) -> Any:
    import torch.distributed as dist

    assert _channel is not None
    box = [value]
    dist.broadcast_object_list(box, src=0, group=_channel.group)
    return box[0]


def _exit_code(error: BaseException) -> int:
    if isinstance(error, Interrupted):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return 130
    return 2 if isinstance(error, UserError) else 1


def most(*numbers: int) -> list[int]:
    """Of each number the largest that a process has."""
    if _channel is None:
        return list(numbers)
    import torch
    import torch.distributed as dist

    largest = torch.tensor(numbers, dtype=torch.int64)
    dist.all_reduce(largest, dist.ReduceOp.MAX, group=_channel.group)
    return [int(number) for number in largest]


def gathered(parts: Sequence[T]) -> list[T]:
    """The parts of all processes in the order of their ranks; this process's own where there is only one.

    Every process must call it, also one that has no parts.
    """
    if _channel is None:
        return list(parts)
    import torch.distributed as dist

    boxes: list[Any] = [None] * place().size
    dist.all_gather_object(boxes, list(parts), group=_channel.group)
    return [part for box in boxes for part in box]


def mean_denominator(total: torch.Tensor) -> torch.Tensor:
    """What a loss divides by (labelled joints of a batch), as the mean over the processes of a training step, so that
    the average of their gradients is the gradient of one batch that holds all their samples."""
    import torch
    import torch.distributed as dist

    if not (torch.is_grad_enabled() and dist.is_available() and dist.is_initialized()):
        return total
    total = total.detach().clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()
