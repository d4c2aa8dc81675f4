"""The check of many configs by a process of its own, so that the one that asks stays without torch.

python -m posereg.settings.elsewhere < configs > problems      (both pickled; only `problems_of` starts it)
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from posereg.settings import remembered
from posereg.settings.check import problems


def problems_of(configs: Sequence[Mapping[str, Any]], hardware: bool = True) -> list[list[str]]:
    """`check.problems` of each config. One process checks all that are not known to be right already."""
    new = [config for config in configs if not remembered.is_known(config)]
    if "torch" in sys.modules or not new:
        return [problems(config, hardware) for config in configs]
    command = [sys.executable, "-m", __name__]
    checked = subprocess.run(
        command, input=pickle.dumps((hardware, new)), stdout=subprocess.PIPE, check=False
    )
    if checked.returncode:
        return [problems(config, hardware) for config in configs]  # which says what is wrong here
    remembered.read_again()
    told = iter(pickle.loads(checked.stdout))
    asked = {id(config) for config in new}
    return [next(told) if id(config) in asked else problems(config, hardware) for config in configs]


def main() -> None:
    """Check what stands on standard input."""
    answer, sys.stdout = (
        sys.stdout.buffer,
        sys.stderr,
    )  # classes of the user's may print when they are imported
    hardware, configs = pickle.load(sys.stdin.buffer)
    answer.write(pickle.dumps([problems(config, hardware) for config in configs]))
    answer.flush()


if __name__ == "__main__":
    main()
