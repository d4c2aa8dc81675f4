"""The run's own keys."""

import typing

from posereg.geometry.pixels import Convention
from posereg.settings.model import mistake
from posereg.settings.run import Run

HINTS = typing.get_type_hints(Run, include_extras=True)


def test_the_conventions_are_geometrys():
    assert typing.get_args(HINTS["convention"]) == typing.get_args(Convention)


def test_a_row_is_one_folder():
    assert mistake(HINTS["row"], "H1") is None
    assert mistake(HINTS["row"], "a/b")
    assert mistake(HINTS["table"], "a/b") is None
