"""The soft-argmax network beside an 8-stack hourglass (soft-argmax paper, section 4.1).

    OMP_NUM_THREADS=1 python scripts/bench_networks.py [--device cuda] [--batch 1 32] [--dtype bfloat16] [--repeats 5]

- Networks: one forward pass of pictures of 256 x 256 by the soft-argmax network, and by the hourglass that the paper
  compares it with. The paper measured 29.3 and 18.3 pictures a second on a Tesla K20, which is 1.60. Costs are a
  picture's: processor time on a CPU, wall time on a GPU.
"""

from __future__ import annotations

import argparse

import torch
from measure import begin, milliseconds, one_thread, rows

from posereg.networks.complexity import complexity, throughput
from posereg.networks.hourglass import StackedHourglass
from posereg.networks.softargmax import SoftArgmaxNet


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", type=int, default=256, help="input is size x size")
    parser.add_argument("--batch", type=int, nargs="+", default=[1])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="autocast type")
    asked = parser.parse_args()
    one_thread()
    torch.backends.cudnn.benchmark = True
    begin(__doc__)
    shape = (3, asked.size, asked.size)
    models = {"soft-argmax, 8 blocks": SoftArgmaxNet(), "hourglass, 8 stacks": StackedHourglass()}
    costs = {name: complexity(model, shape) for name, model in models.items()}
    ours, other = (f"{name}: {c.params / 1e6:.1f} M, {c.macs / 1e9:.1f} GMAC" for name, c in costs.items())
    for batch in asked.batch:
        taken: dict[str, list[float]] = {"": [], other: []}
        for _ in range(asked.repeats):
            for side, model in zip(taken, models.values(), strict=True):
                taken[side].append(pass_of(model, shape, batch, asked.device, asked.dtype))
        rows(f"{ours}; batch {batch}", taken)


def pass_of(
    model: torch.nn.Module, shape: tuple[int, int, int], batch: int, device: str, dtype: str
) -> float:
    """Milliseconds a picture, after a pass to warm up."""
    autocast = torch.bfloat16 if dtype == "bfloat16" else None
    if device.startswith("cuda"):
        return 1000 / throughput(model, shape, batch, device, rounds=1, dtype=autocast)
    images = torch.rand(batch, *shape)
    with torch.inference_mode(), torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
        model.eval()(images)
        return milliseconds(lambda: model(images)) / batch


if __name__ == "__main__":
    main()
