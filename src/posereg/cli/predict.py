"""Poses in your own pictures.

posereg predict checkpoint=FILE source=<image|folder|glob> out=DIR [boxes=FILE] [flip_test=true|false] [device=cpu]

boxes   JSON list of {"image": name, "bbox": [x, y, width, height]}; without it each whole image is one person
        (bottom-up models find the people themselves)
out     gets predictions.json and overlays/<image>.jpg
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posereg.cli._arguments import parse
from posereg.errors import UserError

HELP = "predict poses in pictures: JSON and overlays"
KEYS = ("checkpoint", "source", "out", "boxes", "flip_test", "device", "batch_size")


def run(arguments: list[str]) -> int:
    from posereg.build import load_method
    from posereg.methods.art import BottomUpPose
    from posereg.predict import scenes
    from posereg.predict.predictor import find_images, people_of, predict, read_boxes

    given = parse(arguments, "predict", KEYS)
    for key in ("checkpoint", "source", "out"):
        if key not in given:
            raise UserError(f"posereg predict: {key}= is missing")
    module = load_method(given["checkpoint"])
    if "flip_test" in given:
        module.flip_test = given["flip_test"] == "true"
    images = find_images(given["source"])
    boxes = read_boxes(given["boxes"]) if "boxes" in given else None
    width, height = module.input_size
    poses = people_of(images, boxes, module.skeleton, width / height)
    device = given.get("device", "auto")
    if isinstance(module, BottomUpPose):
        if boxes is not None:
            raise UserError("posereg predict: a bottom-up model finds the people itself; leave boxes= out")
        found = scenes.predict(module, poses, device)
    else:
        found = predict(module, poses, int(given.get("batch_size", 32)), device)
    out = Path(given["out"])
    _write(out, images, poses, found, module.skeleton)
    print(f"{len(found)} people in {len(images)} images: {out / 'predictions.json'}, {out / 'overlays'}")
    return 0


def _write(out: Path, images: list[Path], poses: Any, found: Any, skeleton: Any) -> None:
    import cv2
    import numpy as np

    from posereg.data.samples.jpeg import read
    from posereg.files import whole_file, write_json
    from posereg.geometry.drawing import draw_skeleton

    people = []
    for k, image in enumerate(images):
        rows = np.flatnonzero(found.image_ids == poses.image_ids[k])
        picture = read(image).pixels[..., :3]
        for row in rows:
            keypoints, scores = found.keypoints[row], found.keypoint_scores[row]
            picture = draw_skeleton(picture, keypoints, np.full(len(skeleton), 2, np.uint8), skeleton)
            points = np.round(np.concatenate([keypoints, scores[:, None]], axis=1), 3)
            top_down = found.ids[row] >= 0
            people.append(
                {
                    "image": image.name,
                    "box": [round(float(v), 2) for v in poses.boxes[found.ids[row]]] if top_down else None,
                    "score": round(float(found.scores[row]), 4),
                    "keypoints": dict(zip(skeleton.joints, points.tolist(), strict=True)),
                }
            )
        with whole_file(out / "overlays" / f"{image.stem}.jpg") as temporary:
            cv2.imwrite(str(temporary), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    write_json(out / "predictions.json", {"skeleton": skeleton.name, "people": people})
