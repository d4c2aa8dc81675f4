"""Cloth, skin, hair and faces as small pictures, and tiles of noise; all from the given generator."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

SKIN = np.array(
    [[255, 219, 190], [241, 194, 160], [224, 172, 128], [198, 140, 98], [150, 101, 66], [112, 74, 50], [82, 55, 40]],
    np.float32,
)  # fmt: skip
HAIR = np.array(
    [[28, 24, 22], [52, 38, 30], [84, 58, 40], [120, 84, 52], [190, 152, 96],
     [226, 200, 150], [140, 138, 136], [120, 56, 34]],
    np.float32,
)  # fmt: skip


@lru_cache(maxsize=1)
def noise_tile() -> Float:
    """(512, 512) fractal noise that wraps around, mean 0, about -1..1. The same in every process."""
    rng = np.random.Generator(np.random.Philox(key=[7, 7]))
    total = np.zeros((512, 512), np.float32)
    for octave in range(2, 9):
        cells = 2**octave
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        wrapped = np.pad(grid, 2, mode="wrap")
        step = 512 // cells
        large = cv2.resize(wrapped, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += large[2 * step : -2 * step, 2 * step : -2 * step] * 0.62**octave
    scaled: Float = np.clip(total / (2 * total.std()), -1.6, 1.6)
    return scaled


@lru_cache(maxsize=1)
def _grain_tile() -> Float:
    rng = np.random.Generator(np.random.Philox(key=[7, 8]))
    return rng.standard_normal((512, 512, 3), dtype=np.float32)


def grain(rng: np.random.Generator, height: int, width: int) -> Float:
    """(height, width, 3) sensor noise of standard deviation 1, cut from one tile."""
    tile = _grain_tile()
    if height > 384 or width > 384:
        tile = np.tile(tile, (height // 384 + 1, width // 384 + 1, 1))
    y, x = int(rng.integers(0, tile.shape[0] - height + 1)), int(rng.integers(0, tile.shape[1] - width + 1))
    return tile[y : y + height, x : x + width]


def noise(rng: np.random.Generator, height: int, width: int, zoom: float = 1.0) -> Float:
    """(height, width) piece of the noise tile; `zoom` > 1 is coarser."""
    rows, columns = int(np.ceil(height / zoom)) + 1, int(np.ceil(width / zoom)) + 1
    rows, columns = min(rows, 512), min(columns, 512)
    y, x = int(rng.integers(0, 513 - rows)), int(rng.integers(0, 513 - columns))
    piece = noise_tile()[y : y + rows, x : x + columns]
    if zoom == 1.0 and piece.shape[0] >= height and piece.shape[1] >= width:
        return piece[:height, :width]
    resized: Float = cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized


def color(rng: np.random.Generator, low: float = 25, high: float = 235) -> Float:
    """An RGB colour; half of them muted, as clothes are."""
    hue = rng.uniform(low, high, 3)
    if rng.random() < 0.5:
        hue = hue.mean() + 0.35 * (hue - hue.mean())
    return hue.astype(np.float32)


def plain(rgb: Float, rows: int = 8, columns: int = 16) -> Float:
    """One colour (3,) as a texture (rows, columns, 3)."""
    return np.broadcast_to(rgb, (rows, columns, 3)).astype(np.float32)


def skin(rng: np.random.Generator) -> Float:
    """One skin colour (3,)."""
    k = rng.uniform(0, len(SKIN) - 1.001)
    low, part = int(k), k - int(k)
    mixed: Float = (SKIN[low] * (1 - part) + SKIN[low + 1] * part) * np.float32(rng.uniform(0.92, 1.06))
    return mixed


def flesh(rng: np.random.Generator, tone: Float, rows: int = 24, columns: int = 24) -> Float:
    """Skin with slight unevenness."""
    return tone * (1 + 0.05 * noise(rng, rows, columns, 1.5))[..., None]


def cloth(rng: np.random.Generator, rows: int = 64, columns: int = 96) -> Float:
    """A garment: plain, stripes across or along, plaid, dots, camouflage or a gradient, with folds."""
    base, other = color(rng), color(rng)
    v, u = np.arange(rows, dtype=np.float32)[:, None], np.arange(columns, dtype=np.float32)[None]
    kind = rng.random()
    period, share = rng.uniform(5, 16), rng.uniform(0.25, 0.6)
    across, along = (v % period < share * period), (u % period < share * period)
    mix = np.zeros((rows, columns), np.float32)
    if kind < 0.42:
        pass
    elif kind < 0.56:
        mix += across
    elif kind < 0.62:
        mix += along
    elif kind < 0.74:
        mix += 0.5 * across + 0.5 * along
    elif kind < 0.80:
        mix += np.hypot(v % period - period / 2, u % period - period / 2) < period * 0.27
    elif kind < 0.90:
        mix += np.clip(noise(rng, rows, columns, rng.uniform(0.4, 1.2)) * 4, 0, 1)
    else:
        mix += v / rows
    folds = 1 + rng.uniform(0.05, 0.16) * noise(rng, rows, columns, rng.uniform(0.25, 0.5))
    woven: Float = (base + (other - base) * mix[..., None]) * folds[..., None]
    return np.clip(woven, 5, 250)


def face(rng: np.random.Generator, tone: Float, hair: Float, beard: bool) -> Float:
    """(48, 96, 3): front view of the head in the left half, the haired back in the right half.

    Column 0 is the person's right ear, 47 the left; row 0 the crown, 47 the chin.
    """
    front = np.empty((48, 48, 3), np.float32)
    front[:] = tone
    front[30:42, 8:40] *= np.array([1.04, 0.97, 0.96], np.float32)
    dark = (tone * 0.45).tolist()
    if beard:
        cv2.ellipse(front, (24, 40), (15, 10), 0, 0, 360, (tone * 0.35 + hair * 0.65).tolist(), -1)
    for x in (15, 33):
        cv2.ellipse(front, (x, 22), (4, 3), 0, 0, 360, (tone * 0.72).tolist(), -1)
        cv2.ellipse(front, (x, 22), (3, 2), 0, 0, 360, (tone * 0.3 + 150).tolist(), -1)
        cv2.circle(front, (x, 22), 1, (35.0, 25.0, 20.0), -1)
        cv2.line(front, (x - 4, 17), (x + 4, 17), (hair * 0.8).tolist(), 2)
    cv2.line(front, (22, 31), (26, 31), dark, 1)
    lips = (tone * np.array([0.85, 0.5, 0.5], np.float32)).tolist()
    cv2.ellipse(front, (24, 37), (6, 2), 0, 0, 360, lips, -1)
    front[: int(rng.integers(6, 12))] = hair
    return np.concatenate([front, plain(hair, 48, 48)], axis=1)
