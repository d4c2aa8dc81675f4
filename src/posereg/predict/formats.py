"""Predictions as other programs read them: one JSON file, COCO results, COCO labels, DeepLabCut's CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from posereg.errors import UserError
from posereg.files import whole_file, write_json
from posereg.predict.journal import Entry, Journal
from posereg.skeletons.skeleton import Skeleton


def write(journal: Journal, formats: list[str], skeleton: Skeleton, out: Path) -> list[Path]:
    """Write the journal's entries in each format; returns the files.

    Raises:
        UserError: labels of a video, whose frames are no image files.
    """
    written = []
    for name in formats:
        file, writer = WRITERS[name]
        writer(journal, skeleton, out / file)
        written.append(out / file)
    return written


def write_own(journal: Journal, skeleton: Skeleton, path: Path) -> None:
    """`{"skeleton": ..., "people": [{"image" or "frame", "bbox", "score", "keypoints"}]}`."""
    people = [
        {**{k: entry[k] for k in ("image", "frame", "time") if k in entry}, **person}
        for entry in journal.entries()
        for person in entry["people"]
    ]
    write_json(path, {"skeleton": skeleton.name, "people": people})


def write_coco(journal: Journal, skeleton: Skeleton, path: Path) -> None:
    """COCO's result format, with the image's name beside its id: the number in the file name where all have one (as
    `posereg detect` numbers them), else the place in the list; of a video the frame."""
    entries = list(journal.entries())
    results = []
    for entry, number in zip(entries, image_ids(entries), strict=True):
        for person in entry["people"]:
            values = [value for point in person["keypoints"].values() for value in point]
            named = {"image": entry["image"]} if "image" in entry else {}
            results.append(
                {**named, "image_id": number, "category_id": 1, "keypoints": values, "score": person["score"]}
            )
    write_json(path, results)


def write_labels(journal: Journal, skeleton: Skeleton, path: Path) -> None:
    """A COCO annotation file, which COCO-style data sets are read from: every joint labelled and visible, to be
    corrected by hand or trained on.

    Raises:
        UserError: a video's frames, which are no image files.
    """
    entries = list(journal.entries())
    if any("image" not in entry for entry in entries):
        raise UserError("formats=labels: the frames of a video are no image files; take them out of it first")
    images: list[Entry] = []
    annotations: list[Entry] = []
    for entry, number in zip(entries, image_ids(entries), strict=True):
        size = {"width": entry["width"], "height": entry["height"]}
        images.append({"id": number, "file_name": entry["image"], **size})
        for person in entry["people"]:
            points = list(person["keypoints"].values())
            x, y = [point[0] for point in points], [point[1] for point in points]
            box = person["bbox"] or [min(x), min(y), max(x) - min(x), max(y) - min(y)]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [round(value, 2) for value in box],
                    "area": round(box[2] * box[3], 2),
                    "num_keypoints": len(points),
                    "keypoints": [value for px, py, _ in points for value in (px, py, 2)],
                    "score": person["score"],
                }
            )
    category = {
        "id": 1,
        "name": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": [[a + 1, b + 1] for a, b in skeleton.limbs],
    }
    write_json(path, {"images": images, "annotations": annotations, "categories": [category]})


def write_csv(journal: Journal, skeleton: Skeleton, path: Path) -> None:
    """DeepLabCut's table: header lines scorer, individuals (where any picture shows several people), bodyparts, coords;
    then a line a picture or frame with x, y, likelihood of every joint, empty where there is no such person. People of
    a video that were told apart keep their column."""
    most = max((1 + place for entry in journal.entries() for place in _places(entry)), default=1)
    people = [f"individual{k + 1}" for k in range(most)]
    columns = [
        (who, joint, part) for who in people for joint in skeleton.joints for part in ("x", "y", "likelihood")
    ]
    heads = [["scorer", *(journal.header["model"] for _ in columns)]]
    heads += [["individuals", *(who for who, _, _ in columns)]] if most > 1 else []
    heads += [
        ["bodyparts", *(joint for _, joint, _ in columns)],
        ["coords", *(part for _, _, part in columns)],
    ]
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(heads)
        for entry in journal.entries():
            values: list[Any] = [""] * len(columns)
            for place, person in zip(_places(entry), entry["people"], strict=True):
                start = place * 3 * len(skeleton)
                values[start : start + 3 * len(skeleton)] = chain(*person["keypoints"].values())
            writer.writerow([entry.get("image", entry.get("frame")), *values])


def _places(entry: Entry) -> list[int]:
    """Which individual each person of an entry is: by `id`, else by their order."""
    return [person.get("id", k) for k, person in enumerate(entry["people"])]


def image_ids(entries: list[Entry]) -> list[int]:
    """A number for each entry: of images the one in the file name where every name is one and none occurs twice."""
    if all("frame" in entry for entry in entries):
        return [entry["frame"] for entry in entries]
    stems = [PurePosixPath(entry["image"]).stem for entry in entries]
    if all(stem.isdecimal() for stem in stems) and len({int(stem) for stem in stems}) == len(stems):
        return [int(stem) for stem in stems]
    return list(range(len(entries)))


Writer = Callable[[Journal, Skeleton, Path], Any]
WRITERS: dict[str, tuple[str, Writer]] = {
    "json": ("predictions.json", write_own),
    "coco": ("coco_results.json", write_coco),
    "csv": ("predictions.csv", write_csv),
    "labels": ("labels.json", write_labels),
}
