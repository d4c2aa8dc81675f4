"""`posereg predict`: poses in your own pictures and videos."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posereg.cli.spec import (
    BATCH_SIZE,
    BOOLEAN,
    BOXES,
    CHECKPOINT,
    DEVICE,
    DIR,
    FILE,
    IMAGES,
    NAME,
    Command,
    Option,
    choice,
    listed,
    number,
    whole,
)
from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.predict.boxes import Finder
    from posereg.predict.estimator import Estimator

SMALL = 0.5  # of the picture's longer side

COMMAND = Command(
    "predict",
    "predict poses in pictures and videos: JSON and overlays",
    """
    SOURCE is an image, a folder (with those below it), a glob, a .txt list of images, a video file, a webcam's number
    or a stream's address. Without boxes each whole image is one person, looked at twice; bottom-up models
    find the people themselves. A prediction that was cut off goes on with the same command.
    Ctrl-C ends a webcam or a stream.
    """,
    positional=(Option("source", IMAGES, "what to look at", required=True),),
    options=(
        Option("checkpoint", CHECKPOINT, "a trained model", default_text="the model that comes with posereg"),
        Option(
            "out",
            DIR,
            "gets the predictions, and overlays/<image>.jpg or overlay.mp4",
            default_text="<source>_poses",
        ),
        Option(
            "boxes",
            BOXES,
            'JSON list of {"image": name, "bbox": [x, y, width, height]}, or the word detect',
            default_text="whole images",
        ),
        Option(
            "detector", NAME, "torchvision's name, for boxes=detect", default="fasterrcnn_resnet50_fpn_v2"
        ),
        Option("detector_weights", FILE, "a local file of its weights", default_text="downloaded once"),
        Option("min_score", number(0, 1), "drop detected boxes with lower scores", default=0.5),
        Option(
            "formats",
            listed(choice("json", "coco", "csv", "labels")),
            "predictions.json, COCO results, DeepLabCut's CSV, COCO labels",
            default=["json"],
        ),
        Option("overlays", BOOLEAN, "draw the people over the pictures", default=True),
        Option(
            "overlay_size", whole(0), "longest side of an overlay in pixels, 0: as the picture", default=1280
        ),
        Option("track", BOOLEAN, "of a video: number the people from frame to frame", default=False),
        Option("smooth", BOOLEAN, "of a video: track, and take the jitter out of the joints", default=False),
        Option(
            "flip_test", BOOLEAN, "average with the mirrored picture's poses", default_text="as in training"
        ),
        DEVICE,
        BATCH_SIZE,
        Option("overwrite", BOOLEAN, "throw away another prediction in out=", default=False),
    ),
    examples=(
        "posereg predict photo.jpg",
        "posereg predict photos boxes=detect formats=json,csv out=poses",
        "posereg predict dance.mp4 boxes=detect smooth=true formats=csv",
        "posereg predict walk.mp4 checkpoint=runs/mpii/single/H1/seed0",
    ),
)


def run(
    source: str,
    checkpoint: str | None,
    out: Path | None,
    boxes: str | None,
    detector: str,
    detector_weights: Path | None,
    min_score: float,
    formats: list[str],
    overlays: bool,
    overlay_size: int,
    track: bool,
    smooth: bool,
    flip_test: bool | None,
    device: str,
    batch_size: int,
    overwrite: bool,
) -> int:
    """Predict, and write the predictions and overlays; 1 if a picture could not be read.

    Raises:
        UserError: a checkpoint, pictures or boxes that cannot be used, or out= holds another prediction.
    """
    from posereg.data.samples import jpeg
    from posereg.files import sha256_of
    from posereg.models import cards
    from posereg.models.hub import model_name
    from posereg.models.resolve import checkpoint_file
    from posereg.predict import formats as written
    from posereg.predict import pictures, session, video
    from posereg.predict.estimator import load
    from posereg.predict.journal import FILE as JOURNAL
    from posereg.predict.journal import Journal

    path = checkpoint_file(checkpoint if checkpoint is not None else cards.default_name())
    estimator = load(path, device, flip_test)
    kind = pictures.kind_of(source)
    found = pictures.find(source) if kind == "pictures" else []
    if kind != "pictures" and "labels" in formats:
        raise UserError("formats=labels: the frames of a video are no image files; take them out of it first")
    if kind == "pictures" and (track or smooth):
        raise UserError("track=, smooth=: pictures are no video; leave them out")
    finder = _finder(
        estimator, boxes, [picture.name for picture in found], detector, detector_weights, min_score
    )
    header = {
        "model": model_name(path)
        if path.suffix == ".safetensors"
        else str(estimator.module.plain_config.get("row", "")),
        "sha256": sha256_of(path),
        "skeleton": estimator.skeleton.name,
        "joints": list(estimator.joints),
        "source": source,
        "boxes": "whole" if boxes is None else f"{detector} {min_score:g}" if boxes == "detect" else boxes,
        "flip_test": estimator.module.flip_test,
        **({"track": True, "smooth": smooth} if track or smooth else {}),
    }
    out = out or Path(_default_out(source))
    settings = session.Settings(finder, overlays, overlay_size, batch_size, track, smooth)
    bad: list[str] = []
    if kind == "pictures":
        with Journal(out / JOURNAL, header, overwrite) as journal:
            bad = session.predict_pictures(estimator, found, journal, out, settings)
            files = written.write(journal, formats, estimator.skeleton, out)
            people, seen = _counted(journal)
    else:
        live = kind != "video"
        if live and not overwrite and (out / JOURNAL).exists():
            raise UserError(f"{out} holds a recording; name another folder with out=DIR, or overwrite=true")
        with (
            video.opened(source, live) as opened,
            Journal(out / JOURNAL, header, overwrite) as journal,
        ):
            session.predict_video(estimator, opened, journal, out, settings)
            # A line a frame is there already; one file of a long video would have to be held in memory.
            files = [
                out / JOURNAL,
                *written.write(journal, [f for f in formats if f != "json"], estimator.skeleton, out),
            ]
            people, seen = _counted(journal)
            if opened.count is not None and seen < opened.count:
                print(
                    f"{seen} of the {opened.count} frames that {source} announces can be decoded",
                    file=sys.stderr,
                )
    if estimator.levels is None and (deep := sum(jpeg.is_deep(picture.path) for picture in found)):
        print(
            f"{deep} of {len(found)} images have more than 8 bits a channel and were read by the upper 8; models of "
            "data with source.levels read others",
            file=sys.stderr,
        )
    if boxes is None and not estimator.module.finds_people:
        _warn_of_small_people(journal)
    what = "images" if kind == "pictures" else "frames"
    drawn = [out / (session.OVERLAYS if kind == "pictures" else session.OVERLAY_VIDEO)] if overlays else []
    print(f"{people} people in {seen} {what}: {', '.join(map(str, [*files, *drawn]))}")
    if bad:
        print(f"{len(bad)} of {len(found)} images could not be read", file=sys.stderr)
    return 1 if bad else 0


def _finder(
    estimator: Estimator,
    boxes: str | None,
    names: list[str],
    detector: str,
    weights: Path | None,
    min_score: float,
) -> Finder:
    """Where people are looked for.

    Raises:
        UserError: boxes for a bottom-up model, a box file of other pictures, or a detector without weights.
    """
    from posereg.predict import boxes as finders
    from posereg.predict.detector import load_detector
    from posereg.predict.predictor import read_boxes

    if boxes is None:
        return finders.whole
    if estimator.module.finds_people:
        raise UserError("posereg predict: a bottom-up model finds the people itself; leave boxes= out")
    if boxes == "detect":
        model: Any = load_detector(detector, str(weights) if weights else None).to(estimator.device)
        return finders.detected(model, min_score, estimator.device)
    if not names:
        raise UserError("posereg predict: a box file names pictures; of videos take boxes=detect")
    return finders.of_file(read_boxes(boxes), names, Path(boxes))


def _default_out(source: str) -> str:
    """`photo_poses` of photos/photo.jpg, `webcam0_poses` of 0, `poses` of a glob or an address."""
    if source.isdecimal():
        return f"webcam{source}_poses"
    name = "" if re.match(r"\w+://", source) else Path(source).expanduser().resolve().stem
    return f"{name}_poses" if re.fullmatch(r"[\w .-]+", name) else "poses"


def _warn_of_small_people(journal: Any) -> None:
    """Say in how many pictures the person, whom nobody said where to look for, fills little of it."""
    small = seen = 0
    for entry in journal.entries():
        for person in entry["people"]:
            points = list(person["keypoints"].values())
            sides = [max(p[axis] for p in points) - min(p[axis] for p in points) for axis in (0, 1)]
            small, seen = small + (max(sides) < SMALL * max(entry["width"], entry["height"])), seen + 1
    if small:
        print(
            f"in {small} of {seen} pictures the person fills less than half of it: the model was made for people who "
            "fill it; say where they are with boxes=detect or boxes=FILE",
            file=sys.stderr,
        )


def _counted(journal: Any) -> tuple[int, int]:
    """How many people and pictures the journal holds."""
    people = seen = 0
    for entry in journal.entries():
        people, seen = people + len(entry["people"]), seen + 1
    return people, seen
