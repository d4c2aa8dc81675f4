"""The choices of `logger`."""

import typing

from posereg.settings.logger import LOGGERS


def test_each_choice_says_its_name():
    for name, model in LOGGERS.items():
        assert typing.get_args(typing.get_type_hints(model)["name"]) == (name,)
