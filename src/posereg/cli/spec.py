"""What a command takes, declared once: parsing, `--help`, shell completion and the command reference follow from it.

A command's module holds `COMMAND = Command(...)` and a function `run` with a parameter for every option.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from posereg.errors import nearest


@dataclass(frozen=True)
class Kind:
    """A type of value.

    Attributes:
        name: placeholder in the usage line, e.g. DIR.
        convert: the typed value of a text; raises ValueError with the reason why it is none.
        choices: the valid texts, where they can be listed.
        is_path: whether the shell completes files.
    """

    name: str
    convert: Callable[[str], Any]
    choices: tuple[str, ...] = ()
    is_path: bool = False


@dataclass(frozen=True)
class Option:
    """`name=value`. `default` is what `run` gets without it; `default_text` explains a default worked out later."""

    name: str
    kind: Kind
    help: str
    default: Any = None
    required: bool = False
    default_text: str = ""

    @property
    def parameter(self) -> str:
        """What `run` calls it: its name, with an underscore behind a word of Python's own (`from_`)."""
        return f"{self.name}_" if keyword.iskeyword(self.name) else self.name


@dataclass(frozen=True)
class Flag:
    """`--name`, or `--name VALUE` where there is a metavar; without VALUE it is `bare`, if that is set."""

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    bare: str = ""


@dataclass(frozen=True)
class Command:
    """One command of `posereg`.

    Attributes:
        name: as it is typed, e.g. `data check`.
        help: one line.
        description: further paragraphs of `--help`.
        positional: arguments that may stand without `key=`, in order.
        config: which keys of a run's config it takes besides its own: none, `data` and what lies in it, or all.
        data_required: whether `data=` must be given (commands of config="data").
        flags: flags of its own, besides --help and --config-dir.
    """

    name: str
    help: str
    description: str = ""
    options: tuple[Option, ...] = ()
    positional: tuple[Option, ...] = ()
    config: Literal["", "data", "all"] = ""
    data_required: bool = True
    flags: tuple[Flag, ...] = ()
    examples: tuple[str, ...] = ()

    def usage(self) -> str:
        """`posereg score data=NAME [data.KEY=VALUE ...] predictions=FILE [out=FILE]`."""
        words = ["posereg", self.name, *(f"[{flag_usage(flag)}]" for flag in self.flags)]
        words += [_optional(one.name.upper(), one.required) for one in self.positional]
        if self.config == "data":
            words += [_optional("data=NAME", self.data_required), "[data.KEY=VALUE ...]"]
        if self.config == "all":
            words.append("[KEY=VALUE ...]")
        words += [_optional(f"{one.name}={one.kind.name}", one.required) for one in self.options]
        return " ".join(words)


CONFIG_DIR = Flag(("-cd", "--config-dir"), "a folder of configs of your own (data/, method/ ...)", "DIR")


def flag_usage(flag: Flag) -> str:
    """`--cfg job|hydra|all`, as it is typed."""
    value = f"[={flag.metavar}]" if flag.bare else f" {flag.metavar}" if flag.metavar else ""
    return flag.names[-1] + value


def _optional(text: str, required: bool) -> str:
    return text if required else f"[{text}]"


def _text(text: str) -> str:
    if not text:
        raise ValueError("no value")
    return text


def _path(text: str) -> Path:
    return Path(_text(text)).expanduser()


def _folder(text: str) -> Path:
    if not (path := _path(text)).is_dir():
        raise ValueError("no such folder")
    return path


def _boolean(text: str) -> bool:
    value = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower())
    if value is None:
        raise ValueError("neither true nor false")
    return value


TEXT = Kind("TEXT", _text)
NAME = Kind("NAME", _text)
FILE = Kind("FILE", _path, is_path=True)
DIR = Kind("DIR", _path, is_path=True)
EXISTING_DIR = Kind("DIR", _folder, is_path=True)
IMAGES = Kind("IMAGES", _text, is_path=True)
BOXES = Kind("FILE|detect", _text, is_path=True)
# A run's folder, a file, a shipped model or an address: models/resolve.py.
CHECKPOINT = Kind("CHECKPOINT", _text, is_path=True)
BOOLEAN = Kind("true|false", _boolean, choices=("true", "false"))


def whole(minimum: int) -> Kind:
    """Whole numbers of at least `minimum`."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise ValueError(f"not a whole number of at least {minimum}")
        return value

    return Kind("N", convert)


def number(minimum: float, maximum: float = float("inf")) -> Kind:
    """Numbers from `minimum` to `maximum`, both included."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not minimum <= value <= maximum or value == float("inf"):
            limits = (
                f"of at least {minimum:g}" if maximum == float("inf") else f"from {minimum:g} to {maximum:g}"
            )
            raise ValueError(f"not a number {limits}")
        return value

    return Kind("X", convert)


def choice(*names: str) -> Kind:
    """One of these names."""

    def convert(text: str) -> str:
        if text not in names:
            raise ValueError(f"no such choice{nearest(text, names)}")
        return text

    return Kind("|".join(names), convert, choices=names)


def listed(kind: Kind) -> Kind:
    """Values of one kind, separated by commas; at least one. A path that is there may have commas in its name."""

    def convert(text: str) -> list[Any]:
        values = []
        whole = kind.is_path and Path(text).exists()
        for item in [text] if whole else text.split(","):
            try:
                values.append(kind.convert(item))
            except ValueError as error:
                raise ValueError(
                    f"{item or 'an empty entry'}: {error}" if "," in text else str(error)
                ) from error
        return values

    return Kind(f"{kind.name},...", convert, is_path=kind.is_path)


# Options that several commands have.
DEVICE = Option("device", TEXT, "cpu, cuda ...", default="auto")
BATCH_SIZE = Option("batch_size", whole(1), "people at a time", default=32)
MISSING_IMAGES = Option(
    "missing_images", choice("error", "drop"), "what to do about images that are not there", default="error"
)
