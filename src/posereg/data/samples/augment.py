"""Random augmentation of a top-down sample, and the random stream it is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest
from posereg.settings.ranges import Annotated, Interval, NotNegative, Positive, Share

Law = Literal["normal", "uniform", "steps"]
LAWS = ("normal", "uniform", "steps")


class Change(NamedTuple):
    """One draw. `rotation` in degrees, `scale` multiplies the box, `shift` in box widths."""

    rotation: float
    scale: float
    flip: bool
    shift: tuple[float, float]
    color_gain: NDArray[np.float32]
    color_power: NDArray[np.float32]


@dataclass(frozen=True)
class Augment:
    """The augmentation of a training recipe; the defaults are integral's, as its code draws them.

    Attributes:
        rotation: spread in degrees; drawn with `rotation_chance`, else 0.
        scale: spread about 1 of the factor on the box, 0.25 for +-25 %.
        translation: spread of the shift in x and y, in box widths; uniform.
        flip: chance of a mirror image.
        *_law: `normal`: spread x a normal number clipped at `*_clip`; `uniform`: within +-spread;
            `steps`: one of -spread, -spread + step, ..., spread (soft-argmax: rotation 40 by 5, scale 0.3 by 0.3).
        color_gain: factor on each channel, uniform within 1 +- color_gain.
        color_power: exponent on each channel of [0, 1] colours, steps of 0.02 within 1 +- color_power.
    """

    rotation: Annotated[float, Interval(ge=0, le=180)] = 30.0
    rotation_law: Law = "normal"
    rotation_step: Positive = 5.0
    rotation_clip: NotNegative = 2.0
    rotation_chance: Share = 0.6
    scale: Annotated[float, Interval(ge=0, lt=1)] = 0.25
    scale_law: Law = "normal"
    scale_step: Positive = 0.1
    scale_clip: NotNegative = 1.0
    translation: Share = 0.0
    flip: Share = 0.5
    color_gain: Share = 0.2
    color_power: Share = 0.0

    def __post_init__(self) -> None:
        for name in ("rotation_law", "scale_law"):
            if getattr(self, name) not in LAWS:
                raise UserError(
                    f"augment.{name}: unknown law '{getattr(self, name)}'{nearest(getattr(self, name), LAWS)}"
                )
        for name in ("rotation", "scale", "translation", "color_gain", "color_power"):
            if getattr(self, name) < 0:
                raise UserError(f"augment.{name} is a spread and cannot be negative ({getattr(self, name)})")
        if not 0 <= self.scale < 1:
            raise UserError(f"augment.scale must lie in [0, 1), a spread about 1; it is {self.scale}")
        for name in ("flip", "rotation_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"augment.{name} is a chance between 0 and 1, not {getattr(self, name)}")

    def draw(self, rng: np.random.Generator) -> Change:
        """One change. Each setting always takes the same number of draws, so that recipes stay comparable."""
        turn = _spread(
            rng,
            self.rotation,
            self.rotation_law,
            self.rotation_step,
            self.rotation_clip,
            self.rotation_chance,
        )
        scale = 1 + _spread(rng, self.scale, self.scale_law, self.scale_step, self.scale_clip)
        x, y, mirror, *colors = rng.random(6).tolist()
        shift = (self.translation * (2 * x - 1), self.translation * (2 * y - 1))
        gain = np.array([1 + self.color_gain * (2 * color - 1) for color in colors], dtype=np.float32)
        power = UNIT
        if self.color_power:
            steps = round(self.color_power / 0.02)
            power = (1 + 0.02 * rng.integers(-steps, steps, 3, endpoint=True)).astype(np.float32)
        return Change(turn, scale, mirror < self.flip, shift, gain, power)


UNIT = np.ones(3, dtype=np.float32)
UNIT.setflags(write=False)
NO_CHANGE = Change(0.0, 1.0, False, (0.0, 0.0), UNIT, UNIT)


def stream(
    seed: int, epoch: int, index: int, reuse: np.random.Generator | None = None
) -> np.random.Generator:
    """The random stream of one sample: a function of (seed, epoch, index), not of worker or history.

    Args:
        reuse: an earlier stream that is no longer needed; moving it is eight times as fast as making a new one.
    """
    counter = np.array([0, 0, epoch, index], dtype=np.uint64)
    key = np.array([seed, 0], dtype=np.uint64)
    if reuse is None:
        return np.random.Generator(np.random.Philox(key=key, counter=counter))
    reuse.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": counter, "key": key},
        "buffer": _EMPTY,
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    return reuse


_EMPTY = np.zeros(4, dtype=np.uint64)


def _spread(
    rng: np.random.Generator, spread: float, law: Law, step: float, clip: float, chance: float = 1.0
) -> float:
    if law == "normal":
        value = spread * min(clip, max(-clip, rng.standard_normal()))
    elif law == "uniform":
        value = spread * (2 * rng.random() - 1)
    else:
        steps = round(2 * spread / step)
        value = -spread + step * int(rng.integers(0, steps, endpoint=True))
    return value if chance >= 1 or rng.random() < chance else 0.0
