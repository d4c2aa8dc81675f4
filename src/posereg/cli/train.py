"""`posereg train`: one run, or with -m a sweep of them."""

from __future__ import annotations

import sys
from typing import Any

HELP = "train and evaluate a method, or with -m every row of a table"


def run(arguments: list[str]) -> int:
    """Hand over to Hydra; the exit code is 0 unless a run failed."""
    import hydra

    from posereg import config as configs
    from posereg.errors import UserError

    configs.register_resolvers()
    mistakes: list[UserError] = []

    @hydra.main(config_path=str(configs.root() / "conf"), config_name="train", version_base="1.3")
    def main(config: Any) -> float:
        from hydra.core.hydra_config import HydraConfig

        from posereg.train import rank, resolve_and_train

        try:
            result = resolve_and_train(config, list(HydraConfig.get().overrides.task))
        except UserError as error:
            # Hydra would print its own lines about it first.
            mistakes.append(error)
            return 0.0
        if rank() > 0:
            return 0.0
        shown = {k: v for k, v in result["metrics"].items() if "/" not in k and v is not None}
        print(f"{config.row} seed {config.seed}: " + "  ".join(f"{k} {v:.2f}" for k, v in shown.items()))
        return 0.0

    # Lightning starts the other processes of a distributed run from sys.argv: this file with these arguments.
    sys.argv = [__file__, *arguments]
    sys.modules["__main__"].__spec__ = None
    main()
    if mistakes:
        raise mistakes[0]
    return 0


if __name__ == "__main__":
    from posereg.cli.main import main as command_line

    sys.exit(command_line(["train", *sys.argv[1:]]))
