"""Write the command reference from the specifications: python scripts/write_command_reference.py PAGE"""

from __future__ import annotations

import sys
from pathlib import Path

from posereg.cli.reference import markdown


def main(arguments: list[str]) -> int:
    """Write the page; 2 without a file's name."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(arguments[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(markdown(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
