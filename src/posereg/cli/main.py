"""`posereg <command> ...`: finds the command, runs it, turns mistakes into one line.

A command is a module in this package with a line `HELP = "..."` and `run(arguments) -> int`; its docstring is
what `--help` prints. Only the chosen command is imported, so the program starts fast.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import pkgutil
import sys
import warnings

ORDER = ("train", "table", "score", "predict", "data", "info", "config", "doctor")  # others follow by name


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 well, 1 failed, 2 the user's mistake, 130 interrupted. POSEREG_DEBUG=1 shows tracebacks."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if arguments[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"posereg {version('posereg')}")
        return 0
    name, *rest = arguments
    from posereg.errors import UserError, nearest

    try:
        if name not in commands():
            raise UserError(f"unknown command '{name}'{nearest(name, commands())}")
        if rest in (["-h"], ["--help"]):
            print(f"posereg {name}: {literals(name)[0]}")
            return 0
        _quiet()
        status: int = importlib.import_module(f"posereg.cli.{name}").run(rest)
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `posereg table ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        from posereg.cli._hydra_errors import one_line

        message = str(error) if isinstance(error, UserError) else one_line(error)
        if message is None or os.environ.get("POSEREG_DEBUG") == "1":
            raise
        print(f"error: {message}", file=sys.stderr)
        return 2


def commands() -> dict[str, str]:
    """Name -> one line of help of every command there is, without importing any."""
    from posereg import cli

    names = [module.name for module in pkgutil.iter_modules(cli.__path__) if module.name != "main"]
    found = {name: help_line for name in names if (help_line := literals(name)[1])}
    rank = {name: k for k, name in enumerate(ORDER)}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0], len(ORDER)), item[0])))


def literals(name: str) -> tuple[str, str | None]:
    """Docstring and HELP of a command module, read from its source."""
    spec = importlib.util.find_spec(f"posereg.cli.{name}")
    if spec is None or spec.origin is None:
        return "", None
    with open(spec.origin, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if names == ["HELP"]:
                return ast.get_docstring(tree) or "", str(node.value.value)
    return ast.get_docstring(tree) or "", None


def overview() -> str:
    """What `posereg --help` prints."""
    found = commands()
    width = max(map(len, found), default=0)
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in found.items())
    return (
        "posereg: human pose estimation, heat map against regression\n\n"
        f"usage: posereg <command> [key=value ...]\n\n{lines}\n\n"
        "posereg <command> --help explains one command."
    )


def _quiet() -> None:
    """Messages about other people's products, and Hydra's own error printing: ours is one line."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    warnings.filterwarnings("ignore", message=".*(litlogger|litmodels).*")
    import logging

    def unadvertised(record: logging.LogRecord) -> bool:
        return not any(word in record.getMessage() for word in ("litlogger", "litmodels"))

    logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(unadvertised)


if __name__ == "__main__":
    sys.exit(main())
