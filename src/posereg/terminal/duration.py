"""How long something took, and how long the rest of it will take."""

from __future__ import annotations

from dataclasses import dataclass


def elapsed(seconds: float) -> str:
    """`12s`, `3m05s` or `2h07m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


@dataclass
class Pace:
    """How fast work gets done since it was first looked at, which may be in the middle of it."""

    first: tuple[float, float] | None = None  # share of the work, time in seconds

    def left(self, share: float, now: float) -> float | None:
        """Seconds left when `share` (0 to 1) of the work is done at the time `now`; None until it has grown."""
        if self.first is None:
            self.first = share, now
            return None
        before, start = self.first
        return None if share <= before else max(0.0, 1 - share) * (now - start) / (share - before)
