"""The objects in the lists of a large JSON file, some after the others: the file is never in memory as a whole.

Objects are told apart by their brackets alone, so that the reader decides what of them to decode. Everything around
them is parsed in the end, so that a file that is no JSON is not taken for one.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 18  # bytes read at once
_KEY = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:\s*\Z', re.DOTALL)


class NotPlainError(ValueError):
    """No JSON object whose lists could be read piece by piece; parsed as a whole, the file says what is wrong."""


def pieces(path: Path | str, lists: Sequence[str], block: int = BLOCK) -> Iterator[tuple[str, bytes]]:
    """For `{"images": [{...}, ...], ...}` pairs of a key and a JSON list of the next few objects of its list, of which
    the first is empty.

    Args:
        lists: the keys; other lists are passed over.

    Raises:
        NotPlainError: at whatever place it shows, the last piece being given already.
    """
    around = bytearray()  # the file with 0 in place of each piece
    given: Counter[str] = Counter()
    key: str | None = None  # of the list that `text` starts in
    depth, text = 0, b""  # brackets open before `text`, which starts outside any string
    with open(path, "rb") as file:
        while more := file.read(max(block, len(text))):
            text = text + more if depth or text else more.removeprefix(codecs.BOM_UTF8)
            at, opens, level = _brackets(text, depth)
            done = first = 0
            for edge in [*np.flatnonzero(np.where(opens, level == 2, level == 1)).tolist(), len(at)]:
                whole = np.flatnonzero(~opens[first:edge] & (level[first:edge] == 2))
                if key is not None and len(whole):
                    start, end = int(at[first]), int(at[first + whole[-1]]) + 1
                    around += text[done:start] + b"0"
                    given[key] += 1
                    run = b"[" + text[start:end] + b"]"
                    done = end
                    if key in lists:
                        yield key, run
                    else:
                        _parsed(run)
                if edge == len(at):
                    break
                around += text[done : (done := int(at[edge]) + 1)]
                depth, first = int(level[edge]), edge + 1
                key = _key(bytes(around)) if opens[edge] and text[done - 1 : done] == b"[" else None
                if key in lists:
                    yield str(key), b"[]"
            text = text[done:]
    _check(bytes(around + text), {key: given[key] for key in lists})


def _brackets(text: bytes, depth: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Places of the brackets outside strings, whether each opens, and how many are open after it."""
    plain = re.sub(rb"\\.", b"__", text, flags=re.DOTALL) if b"\\" in text else text
    letters = np.frombuffer(plain, np.uint8) | 32  # [ and { are one then, and so are ] and }
    quotes = np.flatnonzero(np.frombuffer(plain, np.uint8) == ord('"'))
    at = np.flatnonzero((letters == ord("{")) | (letters == ord("}")))
    at = at[np.searchsorted(quotes, at) % 2 == 0]
    opens = letters[at] == ord("{")
    return at, opens, depth + np.cumsum(np.where(opens, 1, -1))


def _key(before: bytes) -> str | None:
    """The key whose list opens at the end of this."""
    found = _KEY.search(before[:-1], max(0, len(before) - 1000))
    return str(json.loads(found[1])) if found else None


def _check(around: bytes, given: Mapping[str, int]) -> None:
    """
    Raises:
        NotPlainError: what is around the pieces is no JSON, names a key twice, or has more in the lists than them.
    """
    frame = _parsed(around)
    if not isinstance(frame, dict) or any(frame.get(key, []) != [0] * count for key, count in given.items()):
        raise NotPlainError("not an object of lists of objects")


def _parsed(text: bytes) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise NotPlainError("a key is named twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise NotPlainError(str(error)) from error
