"""Poses from an exported model with numpy and onnxruntime alone.

    posereg export checkpoint=runs/a/last.ckpt out=pose.onnx
    python onnx_pose.py pose.onnx picture.npy [x y width height]

The picture is an array (H, W, 3) of RGB, 0 to 255, saved by numpy; read a photo with whatever library you have, e.g.
numpy.save("picture.npy", numpy.asarray(PIL.Image.open("photo.jpg").convert("RGB"))). The box is a person's, in pixels,
its right and lower edges outside; without one the whole picture is one person.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

PADDING = 1.25  # a person's box is enlarged by this, so that no limb is cut off


def crop_box(box, size, padding):
    """x, y, width, height of the region to crop: the box enlarged, its short side then widened to the input's shape."""
    x, y, width, height = box
    middle_x, middle_y = x + width / 2, y + height / 2
    width = max(width, height * size[0] / size[1]) * padding
    height = width * size[1] / size[0]
    return middle_x - width / 2, middle_y - height / 2, width, height


def crop(image, region, size):
    """The region of an image (H, W, 3) at size (width, height), bilinear, black outside the image."""
    x, y, width, height = region
    # The centre of pixel k is at k, its edges at k - 0.5 and k + 0.5.
    across = x + (np.arange(size[0]) + 0.5) * width / size[0] - 0.5
    down = y + (np.arange(size[1]) + 0.5) * height / size[1] - 0.5
    rows, columns = np.floor(down).astype(int), np.floor(across).astype(int)
    found = np.zeros((size[1], size[0], 3))
    for row, by_y in ((rows, 1 - (down - rows)), (rows + 1, down - rows)):
        for column, by_x in ((columns, 1 - (across - columns)), (columns + 1, across - columns)):
            inside = ((row >= 0) & (row < len(image)))[:, None] & ((column >= 0) & (column < image.shape[1]))
            values = image[np.clip(row, 0, len(image) - 1)][:, np.clip(column, 0, image.shape[1] - 1)]
            found += values * (by_y[:, None] * by_x * inside)[..., None]
    return found


def to_image(keypoints, region, size):
    """Pixels of the input (..., 2) to pixels of the image."""
    scale = np.array(region[2:]) / size
    return (keypoints + 0.5) * scale + np.array(region[:2]) - 0.5


def predict(session, image, boxes, padding=PADDING):
    """Keypoints (N, K, 2) in pixels of the image and scores (N, K) of the people in the boxes (x, y, width, height)."""
    given = session.get_inputs()[0]
    height, width = given.shape[1:3]
    regions = [crop_box(box, (width, height), padding) for box in boxes]
    crops = np.stack([crop(image, region, (width, height)) for region in regions])
    crops = np.rint(crops).astype(np.uint8 if given.type == "tensor(uint8)" else np.float32)
    keypoints, scores = session.run(["keypoints", "scores"], {"image": crops})
    moved = [
        to_image(k[:, :2], region, (width, height)) for k, region in zip(keypoints, regions, strict=True)
    ]
    return np.stack(moved), scores


def main():
    """Print the joints of one person."""
    model, picture, *box = sys.argv[1:]
    joints = json.loads(Path(model).with_suffix(".json").read_text())["joints"]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    image = np.load(picture)
    if box:
        keypoints, scores = predict(session, image, [[float(value) for value in box]])
    else:
        keypoints, scores = predict(session, image, [[0, 0, image.shape[1], image.shape[0]]], padding=1.0)
    for name, (x, y), score in zip(joints, keypoints[0], scores[0], strict=True):
        print(f"{name:16s} {x:8.2f} {y:8.2f}  {score:.3f}")


if __name__ == "__main__":
    main()
