"""Reduces finished runs to what `posereg table` and `posereg claims` need to draw their pages again.

    python scripts/trim_results.py RUNS                    # -> results/<table>_<data>/<row>/seed<k>/
    python scripts/trim_results.py RUNS --out DIR --data lspet

Every run of a table below RUNS becomes a folder `results/<paper>_<table>_<data>/<row>/seed<k>/` with

- `result.json`, its `files` naming only what is kept; `metrics.csv` and, if it is there, `readings.csv` as they were;
- `evaluation.npz`: distances rounded *up* to 0.001 (above 1, to 0.1) of the reference length, so that every
  comparison with a threshold of at most three digits comes out as before; millimetres rounded to 0.1; beside them
  the image of each person, which intervals are drawn over;
- `predictions.npz` only where the table analyses kinds of errors (OKS metrics): poses to 0.1 pixel, scores to
  three digits.

Trimming what is trimmed already changes nothing. Needs numpy alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
KEPT = ("result.json", "metrics.csv", "readings.csv", "evaluation.npz", "predictions.npz")
MILLIMETRES = ("error", "error_pa")


def main(arguments: list[str] | None = None) -> int:
    """Trim every run below a folder; returns 1 with a message when there is none, or two would share a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", type=Path, help="folder with finished runs (any depth)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="default: results")
    parser.add_argument("--data", help="name of the data set in the folder's name; default: the config's")
    options = parser.parse_args(arguments)
    runs = sorted(path.parent for path in options.runs.rglob("result.json"))
    targets = {folder: target(folder, options.out, options.data) for folder in runs}
    kept = {folder: place for folder, place in targets.items() if place is not None}
    if not kept:
        print(f"{options.runs}: no finished run of a table below it", file=sys.stderr)
        return 1
    if len(set(kept.values())) < len(kept):
        twice = next(place for place in kept.values() if list(kept.values()).count(place) > 1)
        print(f"{twice}: two runs would share this folder; trim them one by one", file=sys.stderr)
        return 1
    for folder, place in kept.items():
        trim(folder, place)
        print(f"{folder} -> {place} ({sum(f.stat().st_size for f in place.iterdir()) / 1024:.0f} KiB)")
    return 0


def target(folder: Path, out: Path, data: str | None = None) -> Path | None:
    """`<out>/<paper>_<table>_<data>/<row>/seed<k>` of the run in `folder`; None for a run of no table."""
    result = json.loads((folder / "result.json").read_text())
    if not result.get("table"):
        return None
    name = data or result["config"]["data"]["name"]
    return out / f"{result['table'].replace('/', '_')}_{name}" / result["row"] / f"seed{result['seed']}"


def trim(folder: Path, place: Path) -> None:
    """Write what is kept of the run in `folder` into `place`, which may be the same folder."""
    place.mkdir(parents=True, exist_ok=True)
    result = json.loads((folder / "result.json").read_text())
    predictions, evaluation = read(folder / "predictions.npz"), read(folder / "evaluation.npz")
    errors = "AP" in result["metrics"]
    if evaluation:
        save(place / "evaluation.npz", trimmed_evaluation(evaluation, predictions))
    if predictions and errors:
        save(place / "predictions.npz", trimmed_predictions(predictions))
    for name in ("metrics.csv", "readings.csv"):
        if folder != place and (folder / name).exists():
            shutil.copyfile(folder / name, place / name)
    for file in place.iterdir():
        if file.name not in KEPT or (file.name == "predictions.npz" and not errors):
            file.unlink()
    result["files"] = {key: name for key, name in result.get("files", {}).items() if (place / name).is_file()}
    (place / "result.json").write_text(json.dumps(result, indent=2) + "\n")


def trimmed_evaluation(arrays: Mapping[str, NDArray[Any]], predictions: Mapping[str, NDArray[Any]]) -> Arrays:
    """The arrays that intervals are drawn from, in the precision they need."""
    kept: Arrays = {name: _narrow(array) for name, array in arrays.items()}
    if "distance" in kept:
        kept["distance"] = distances_up(kept["distance"])
    for name in MILLIMETRES:
        if name in kept:
            kept[name] = np.round(kept[name], 1).astype(np.float32)
    people = len(next(iter(kept.values())))
    ids = predictions.get("ids", np.empty(0, np.int64))
    single = not any("ap_" in name for name in kept)
    if single and "images" not in kept and len(ids) == people and (ids >= 0).all():
        kept["images"] = _narrow(predictions["image_ids"])
    return kept


def distances_up(distance: NDArray[Any]) -> NDArray[np.float64]:
    """Distances in reference lengths, rounded up to 0.001, above 1 to 0.1; NaN and infinity stay.

    `distance <= t` then says the same as before for every t of at most three digits (one above 1).
    """
    with np.errstate(invalid="ignore"):
        return np.where(distance > 1, _up(distance, 10), _up(distance, 1000))


def _up(distance: NDArray[Any], parts: int) -> NDArray[np.float64]:
    """The smallest k / parts that is not below `distance`."""
    whole = np.ceil(distance * parts)
    # The product may have been rounded across a whole number.
    whole = np.where((whole - 1) / parts >= distance, whole - 1, whole)
    return np.where(whole / parts < distance, whole + 1, whole) / parts


def trimmed_predictions(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """The columns of a predictions file, poses to 0.1 pixel and scores to three digits."""
    digits = {"keypoints": 1, "keypoint_scores": 3, "scores": 3}
    return {
        name: np.round(array, digits[name]) if name in digits else np.asarray(array)
        for name, array in arrays.items()
    }


def read(path: Path) -> Arrays:
    """The arrays of an npz file; none where there is no file."""
    if not path.is_file():
        return {}
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Compressed npz; a file that holds the same already is left as it is."""
    old = read(path)
    if old.keys() == arrays.keys() and all(_same(old[name], array) for name, array in arrays.items()):
        return
    np.savez_compressed(path, **{name: np.asarray(array) for name, array in arrays.items()})


def _same(old: NDArray[Any], new: NDArray[Any]) -> bool:
    return old.dtype == new.dtype and old.shape == new.shape and old.tobytes() == new.tobytes()


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """64-bit integers in 32 bits where they fit."""
    if array.dtype == np.int64 and (not array.size or np.abs(array).max() < 2**31):
        return array.astype(np.int32)
    return np.asarray(array)


if __name__ == "__main__":
    raise SystemExit(main())
