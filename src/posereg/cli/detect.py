"""Boxes of people by a torchvision detector, for data.boxes= of a data set or boxes= of `posereg predict`.

posereg detect source=<image|folder|glob> out=FILE.json [options]
posereg detect data=coco [data.root=DIR] [split=val2017] out=FILE.json [options]

detector    torchvision's name (default: fasterrcnn_resnet50_fpn_v2)
weights     a local file of its weights; without it they are downloaded once
min_score   boxes below are left out (default: 0.05)
device      default: a GPU if there is one
batch_size  images at a time (default: 1)

out gets a COCO result file: image_id, category_id 1, bbox x y width height, score, and the image's name. For
pictures, image_id is the number in the file name, or the place in the sorted list.
"""

from __future__ import annotations

from posereg.cli._arguments import parse
from posereg.errors import UserError

HELP = "find people's boxes with a torchvision detector"
KEYS = ("out", "detector", "weights", "min_score", "device", "batch_size")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: no images, no weights, or a foreign detector.
    """
    import torch

    from posereg.files import write_json
    from posereg.predict.detector import Picture, detect, load_detector
    from posereg.predict.predictor import find_images

    if any(argument.startswith("data=") for argument in arguments):
        from posereg.cli._source import source_of, split_arguments

        own, overrides = split_arguments(arguments, "detect", (*KEYS, "split"))
        source = source_of(overrides)
        poses = source.read_truth(own.get("split", source.val_split))
        pictures = [
            Picture(poses.root / name, name, int(number))
            for name, number in zip(poses.images, poses.image_ids, strict=True)
        ]
    else:
        own = parse(arguments, "detect", ("source", *KEYS))
        if "source" not in own:
            raise UserError("posereg detect: name source=<image|folder|glob> or data=NAME")
        images = find_images(own["source"])
        numbered = all(path.stem.isdecimal() for path in images)
        pictures = [
            Picture(path, path.name, int(path.stem) if numbered else k) for k, path in enumerate(images)
        ]
    if "out" not in own:
        raise UserError("posereg detect: out= is missing")
    device = own.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
    detector = load_detector(own.get("detector", "fasterrcnn_resnet50_fpn_v2"), own.get("weights")).to(device)
    min_score = _number(own.get("min_score", "0.05"), "min_score")
    batch_size = max(1, int(_number(own.get("batch_size", "1"), "batch_size")))
    found = list(detect(detector, pictures, min_score, device, batch_size))
    write_json(own["out"], found)
    print(f"{len(found)} people in {len(pictures)} images: {own['out']}")
    return 0


def _number(text: str, key: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UserError(f"posereg detect: {key}={text} is not a number") from error
