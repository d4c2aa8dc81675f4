"""posereg: human pose estimation, heat map against regression, under one protocol.

keypoints, scores, image = posereg.load("body16-r18").predict("photo.jpg")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posereg.predict.estimator import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import, and the command line does not always need it.
    if name == "load":
        from posereg.predict.estimator import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
