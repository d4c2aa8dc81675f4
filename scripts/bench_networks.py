"""Images per second of the soft-argmax network and of an 8-stack hourglass (soft-argmax paper, section 4.1).

Same input, same device, one run, rounds taken in turn so that a drifting machine hits both alike. The paper
reports 29.3 against 18.3 on a Tesla K20. Writes JSON with --out.

    python scripts/bench_networks.py --device cuda --batch 1 32 --dtype bfloat16
"""

from __future__ import annotations

import argparse
import platform
import statistics
from typing import Any

import torch

from posereg.files import write_json
from posereg.networks.complexity import complexity, throughput
from posereg.networks.hourglass import StackedHourglass
from posereg.networks.softargmax import SoftArgmaxNet

PAPER = {"soft-argmax, 8 blocks": 29.3, "hourglass, 8 stacks": 18.3}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", type=int, default=256, help="input is size x size")
    parser.add_argument("--batch", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="autocast type")
    parser.add_argument("--out", help="JSON file")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    dtype = torch.bfloat16 if args.dtype == "bfloat16" else None
    shape = (3, args.size, args.size)
    models = dict(zip(PAPER, (SoftArgmaxNet(), StackedHourglass()), strict=True))
    cuda = args.device.startswith("cuda")
    machine = torch.cuda.get_device_name() if cuda else f"{platform.processor() or platform.machine()}, CPU"
    print(f"{machine}, torch {torch.__version__}, {args.size}x{args.size}, {args.dtype}")

    rows: list[dict[str, Any]] = []
    for batch in args.batch:
        rates: dict[str, list[float]] = {name: [] for name in models}
        for _ in range(args.rounds):
            for name, model in models.items():
                rates[name].append(throughput(model, shape, batch, args.device, rounds=1, dtype=dtype))
        for name, model in models.items():
            cost = complexity(model, shape)
            row = {
                "network": name,
                "batch": batch,
                "images_per_s": statistics.median(rates[name]),
                "params": cost.params,
                "macs": cost.macs,
                "paper_images_per_s": PAPER[name],
            }
            rows.append(row)
            print(
                f"{name:24} batch {batch:3}: {row['images_per_s']:8.1f} images/s   {cost.params / 1e6:.2f} M   "
                f"{cost.macs / 1e9:.2f} GMAC   paper {PAPER[name]} images/s"
            )
        ours, theirs = (statistics.median(rates[name]) for name in models)
        print(f"ratio {ours / theirs:.2f}, paper {29.3 / 18.3:.2f}")
    if args.out:
        settings = {k: v for k, v in vars(args).items() if k != "out"}
        write_json(args.out, {"machine": machine, "torch": torch.__version__, **settings, "rows": rows})


if __name__ == "__main__":
    main()
