"""`posereg <command> ...`: runs the command and turns mistakes into one line and an exit status."""

from __future__ import annotations

import io
import os
import sys
import warnings


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 well, 1 failed, 2 the user's mistake, 128 + signal interrupted (Ctrl-C 130, SIGTERM 143).
    POSEREG_DEBUG=1 shows tracebacks."""
    from posereg.errors import Interrupted, UserError

    arguments = sys.argv[1:] if arguments is None else arguments
    if asked := os.environ.get("_POSEREG_COMPLETE"):
        return _complete(asked)
    _print_anything()
    try:
        _quiet()
        from posereg.cli.deferred import defer
        from posereg.cli.program import invoke

        defer()

        return invoke(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Interrupted as interruption:
        print(f"{interruption}; the same command goes on where this one stopped", file=sys.stderr)
        return interruption.exit_code
    except BrokenPipeError:  # `posereg table ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        from posereg.terminal.hydra_errors import one_line

        message = str(error) if isinstance(error, UserError) else one_line(error)
        if message is None or os.environ.get("POSEREG_DEBUG") == "1":
            raise
        print(f"error: {message}", file=sys.stderr)
        return error.exit_code if isinstance(error, UserError) else 2


def _complete(asked: str) -> int:
    """Answer the shell's question for completions (`posereg completion`)."""
    from click.shell_completion import shell_complete

    from posereg.cli.completion import VARIABLE
    from posereg.cli.program import program

    warnings.simplefilter("ignore")
    return shell_complete(program(), {}, "posereg", VARIABLE, asked)


def _print_anything() -> None:
    """A terminal that lacks a letter (another locale, a log in ASCII) shows its code in place of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _quiet() -> None:
    """Silence messages about the products of libraries."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    warnings.filterwarnings("ignore", message=".*(litlogger|litmodels).*")
    import logging

    def unadvertised(record: logging.LogRecord) -> bool:
        return not any(word in record.getMessage() for word in ("litlogger", "litmodels"))

    logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(unadvertised)


if __name__ == "__main__":
    sys.exit(main())
