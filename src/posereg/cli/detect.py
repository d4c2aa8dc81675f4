"""`posereg detect`: boxes of people by a torchvision detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from posereg.cli.spec import FILE, IMAGES, NAME, TEXT, Command, Option, number, whole
from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.predict.detector import Picture

COMMAND = Command(
    "detect",
    "find people's boxes with a torchvision detector",
    """
    For data.boxes= of a data set or boxes= of `posereg predict`. Reads pictures (source=) or a split of a data
    set (data=). Writes a COCO result file: image_id, category_id 1, bbox x y width height, score, and the image's
    name. For pictures, image_id is the number in the file name, or its place in the sorted list.
    """,
    config="data",
    data_required=False,
    options=(
        Option("source", IMAGES, "image, folder or glob"),
        Option("out", FILE, "the result file", required=True),
        Option("split", NAME, "split of the data set", default_text="the validation split"),
        Option("detector", NAME, "torchvision's name", default="fasterrcnn_resnet50_fpn_v2"),
        Option("weights", FILE, "a local file of its weights", default_text="downloaded once"),
        Option("min_score", number(0, 1), "drop boxes with lower scores", default=0.05),
        Option("device", TEXT, "cpu, cuda ...", default_text="a GPU if there is one"),
        Option("batch_size", whole(1), "images at a time", default=1),
    ),
    examples=(
        "posereg detect source=photos out=boxes.json",
        "posereg detect data=coco data.root=data/coco out=boxes.json",
    ),
)


def run(
    overrides: list[str],
    source: str | None,
    out: Path,
    split: str | None,
    detector: str,
    weights: Path | None,
    min_score: float,
    device: str | None,
    batch_size: int,
) -> int:
    """Detect people and write their boxes.

    Raises:
        UserError: no images, no weights, or a foreign detector.
    """
    import torch

    from posereg.files import write_json
    from posereg.predict.detector import detect, load_detector

    if bool(overrides) == bool(source):
        raise UserError(f"posereg detect: name source= or data=, one of them (usage: {COMMAND.usage()})")
    pictures = _of_files(source) if source else _of_data(overrides, split)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    model = load_detector(detector, str(weights) if weights else None).to(device)
    boxes = list(detect(model, pictures, min_score, device, batch_size))
    write_json(out, boxes)
    print(f"{len(boxes)} people in {len(pictures)} images: {out}")
    return 0


def _of_data(overrides: list[str], split: str | None) -> list[Picture]:
    from posereg.cli.data_source import source_of
    from posereg.predict.detector import Picture

    source = source_of(overrides)
    poses = source.read_truth(split or source.val_split)
    return [
        Picture(poses.root / name, name, int(number), levels=poses.levels)
        for name, number in zip(poses.images, poses.image_ids, strict=True)
    ]


def _of_files(source: str) -> list[Picture]:
    from posereg.predict.detector import Picture
    from posereg.predict.predictor import find_images

    images = find_images(source)
    numbered = all(path.stem.isdecimal() for path in images)
    return [
        Picture(path, path.name, int(path.stem) if numbered else k, as_seen=True)
        for k, path in enumerate(images)
    ]
