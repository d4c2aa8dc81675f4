"""Data sets for commands that train nothing: `data=mpii data.root=DIR` without the rest of a run's config."""

from __future__ import annotations

from collections.abc import Sequence

from posereg.data.sources.source import Source


def source_of(overrides: Sequence[str]) -> Source:
    """The data set that these overrides describe.

    Raises:
        UserError: unknown data set or key.
    """
    from posereg import config as configs

    plain = configs.plain(configs.compose(overrides))
    configs.validate_data(plain["data"])
    source: Source = configs.instantiate(plain["data"])
    return source
