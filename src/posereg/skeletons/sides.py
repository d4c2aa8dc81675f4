"""Left and right in the names of joints: `left_ear`, `L_ear`, `ear.L`, `LEar`, `earLeft`, `leftear`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from posereg.errors import UserError

Pairs = tuple[tuple[int, int], ...]

# A word that stands alone, or is told from its neighbours by capitals.
_SIDE = re.compile(
    r"""(?i:(?<![a-z])(?:left|right|l|r)(?![a-z]))   # left_ear, ear.L, front-r-paw, L1
    | (?<![A-Za-z])[LR](?=[A-Z][a-z])                # LEar
    | (?<![A-Za-z])(?:[Ll]eft|[Rr]ight)(?=[A-Z])     # leftEar
    | (?<=[a-z0-9])(?:Left|Right)(?=[A-Z]|[^a-z]|$)  # earLeft, frontLeftPaw
    | (?<=[a-z0-9])[LR](?=$|[^A-Za-z])               # earL""",
    re.VERBOSE,
)
# Grown together with the word: a side only if the other one is there too ("upright" is none).
_GLUED = re.compile(r"(?i:^(?:left|right)(?=[a-z])|(?<=[a-z])(?:left|right)$)")
_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}


def find_pairs(joints: Sequence[str], where: str = "skeleton") -> Pairs:
    """(left, right) indices of the joints whose names differ only in the side, in the order of the joints.

    Raises:
        UserError: a name looks like a side and the other side is missing, or fits several names.
    """
    index = {name: k for k, name in enumerate(joints)}
    pairs: list[tuple[int, int]] = []
    for k, name in enumerate(joints):
        wanted = _mirrored(name, _SIDE)
        there = [other for other in wanted or _mirrored(name, _GLUED) if other in index]
        if wanted and not there:
            raise UserError(
                f"{where}: '{name}' looks like one side, but there is no '{wanted[0]}'; name it, or say which joints "
                "belong together with pairs: [[left, right], ...] (pairs: [] for none)"
            )
        if len(there) > 1:
            raise UserError(
                f"{where}: the other side of '{name}' may be {' or '.join(map(repr, there))}; say it with pairs: "
                "[[left, right], ...]"
            )
        if there and _is_left(name, there[0]):
            pairs.append((k, index[there[0]]))
    _check_once(pairs, joints, where)
    return tuple(pairs)


def named_pairs(joints: Sequence[str], rule: Mapping[str, str], where: str) -> Pairs:
    """Pairs by a rule of the user's: `{left: sin_, right: dex_}`, the text that stands for each side.

    Raises:
        UserError: no joint has the text, or one has no partner.
    """
    index = {name: k for k, name in enumerate(joints)}
    left, right = rule["left"], rule["right"]
    pairs = []
    for here, there in ((left, right), (right, left)):
        for k, name in enumerate(joints):
            if here not in name:
                continue
            partner = name.replace(here, there, 1)
            if partner not in index:
                raise UserError(f"{where}: by its pairs '{name}' belongs to '{partner}', which is no joint")
            if here == left:
                pairs.append((k, index[partner]))
    if not pairs:
        raise UserError(f"{where}: pairs: no joint has '{left}' in its name")
    _check_once(pairs, joints, where)
    return tuple(pairs)


def _check_once(pairs: Sequence[tuple[int, int]], joints: Sequence[str], where: str) -> None:
    used = [k for pair in pairs for k in pair]
    twice = sorted({joints[k] for k in used if used.count(k) > 1})
    if twice:
        raise UserError(f"{where}: pairs: {', '.join(twice)} belongs to more than one joint")


def _mirrored(name: str, pattern: re.Pattern[str]) -> list[str]:
    """The name with each of its sides exchanged, and, where it has several, with all of them."""
    words = list(pattern.finditer(name))
    each = [name[: m.start()] + _swap(m[0]) + name[m.end() :] for m in words]
    if len(words) > 1:
        each.append(pattern.sub(lambda m: _swap(m[0]), name))
    return list(dict.fromkeys(each))


def _swap(side: str) -> str:
    other = _OTHER[side.lower()]
    if side.isupper():
        return other.upper()
    return other.capitalize() if side[0].isupper() else other


def _is_left(name: str, other: str) -> bool:
    """Whether of two names that differ in the side this is the left one: l comes before r where they part."""
    ours, theirs = next((a, b) for a, b in zip(name.lower(), other.lower(), strict=False) if a != b)
    return ours < theirs
