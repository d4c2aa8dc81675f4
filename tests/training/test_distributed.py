"""Parts of several processes, one of which has none."""

import multiprocessing

import torch

from posereg.training.distributed import gathered


def _process(rank, port, queue):
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    queue.put((rank, gathered([f"part {rank} {k}" for k in range(2 * rank)])))
    torch.distributed.destroy_process_group()


def test_one_process_keeps_its_own_parts():
    assert gathered(("a", "b")) == ["a", "b"]


def test_every_process_gets_all_parts_in_the_order_of_ranks(free_port):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_process, args=(rank, free_port, queue)) for rank in range(2)]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=120) for _ in processes)
    for process in processes:
        process.join(30)
    assert found == {0: ["part 1 0", "part 1 1"], 1: ["part 1 0", "part 1 1"]}
