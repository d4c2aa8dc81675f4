"""`posereg predict`: poses in your own pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posereg.cli.spec import BOOLEAN, CHECKPOINT, DIR, FILE, IMAGES, TEXT, Command, Option, whole
from posereg.errors import UserError

COMMAND = Command(
    "predict",
    "predict poses in pictures: JSON and overlays",
    "Without boxes each whole image is one person; bottom-up models find the people themselves.",
    options=(
        Option("checkpoint", CHECKPOINT, "a trained model", required=True),
        Option("source", IMAGES, "image, folder or glob", required=True),
        Option("out", DIR, "gets predictions.json and overlays/<image>.jpg", required=True),
        Option("boxes", FILE, 'JSON list of {"image": name, "bbox": [x, y, width, height]}'),
        Option(
            "flip_test", BOOLEAN, "average with the mirrored picture's poses", default_text="as in training"
        ),
        Option("device", TEXT, "cpu, cuda ...", default="auto"),
        Option("batch_size", whole(1), "people at a time", default=32),
    ),
    examples=("posereg predict checkpoint=runs/a/last.ckpt source=photos out=poses flip_test=true",),
)


def run(
    checkpoint: str,
    source: str,
    out: Path,
    boxes: Path | None,
    flip_test: bool | None,
    device: str,
    batch_size: int,
) -> int:
    """Predict, and write predictions.json and the overlays.

    Raises:
        UserError: a checkpoint, pictures or boxes that cannot be used.
    """
    from posereg.build import load_method
    from posereg.predict.predictor import find_images, people_of, predict, read_boxes

    module = load_method(checkpoint)
    if flip_test is not None:
        module.flip_test = flip_test
    images = find_images(source)
    people = read_boxes(boxes) if boxes is not None else None
    width, height = module.input_size
    poses = people_of(images, people, module.skeleton, width / height)
    if module.finds_people and people is not None:
        raise UserError("posereg predict: a bottom-up model finds the people itself; leave boxes= out")
    predictions = predict(module, poses, batch_size, device)
    _write(out, images, poses, predictions, module.skeleton)
    print(
        f"{len(predictions)} people in {len(images)} images: {out / 'predictions.json'}, {out / 'overlays'}"
    )
    return 0


def _write(out: Path, images: list[Path], poses: Any, predictions: Any, skeleton: Any) -> None:
    import cv2
    import numpy as np

    from posereg.data.samples.jpeg import read
    from posereg.files import whole_file, write_json
    from posereg.geometry.drawing import draw_skeleton

    people = []
    for k, image in enumerate(images):
        rows = np.flatnonzero(predictions.image_ids == poses.image_ids[k])
        picture = read(image).pixels[..., :3]
        for row in rows:
            keypoints, scores = predictions.keypoints[row], predictions.keypoint_scores[row]
            picture = draw_skeleton(picture, keypoints, np.full(len(skeleton), 2, np.uint8), skeleton)
            points = np.concatenate([keypoints, scores[:, None]], axis=1).astype(np.float64).round(3)
            top_down = predictions.ids[row] >= 0
            people.append(
                {
                    "image": image.name,
                    "bbox": np.round(poses.extras["bbox"][predictions.ids[row]], 2).tolist()
                    if top_down
                    else None,
                    "score": round(float(predictions.scores[row]), 4),
                    "keypoints": dict(zip(skeleton.joints, points.tolist(), strict=True)),
                }
            )
        with whole_file(out / "overlays" / f"{image.stem}.jpg") as temporary:
            cv2.imwrite(str(temporary), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    write_json(out / "predictions.json", {"skeleton": skeleton.name, "people": people})
