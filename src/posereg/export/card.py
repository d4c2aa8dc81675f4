"""What somebody without posereg must know to use an exported file: a JSON file beside it."""

from __future__ import annotations

from typing import Any

from posereg.export.graph import MULTIPLE, STRIDE, MapsGraph, Pixels, PoseGraph
from posereg.export.parity import Parity
from posereg.export.write import Format, Precision
from posereg.geometry.boxes import PADDING
from posereg.methods.base import PoseModule

OUTPUTS = {
    "keypoints": "(N, K, 2) float32: x, y in pixels of the input; the centre of the top-left pixel is (0, 0)",
    "scores": "(N, K) float32",
    "heatmaps": "(N, K, H/s, W/s) float32",
    "centers": f"(N, H/{STRIDE}, W/{STRIDE}) float32: how sure it is that a person's centre lies in the cell",
    "poses": f"(N, K, 2, H/{STRIDE}, W/{STRIDE}) float32: the pose regressed at each cell, x, y in pixels of the input",
}


def card(
    module: PoseModule, to: Format, precision: Precision, pixels: Pixels, parity: Parity
) -> dict[str, Any]:
    """Input, outputs, joints, how crops are made, and how near to posereg the file is."""
    width, height = module.input_size
    names = MapsGraph.outputs if module.finds_people else PoseGraph.outputs
    described = {name: OUTPUTS[name] for name in names}
    described |= {"scores": f"(N, K) float32: {module.score_rule}"} if "scores" in names else {}
    if module.dimensions == 3:
        described["keypoints"] = "(N, K, 3) float32: x, y and depth from the root, in pixels of the input"
    shape = ["N", f"{MULTIPLE} n", f"{MULTIPLE} m", 3] if module.finds_people else ["N", height, width, 3]
    return {
        "method": module.name,
        "format": to,
        "precision": precision,
        "input": {"name": "image", "shape": shape, "type": pixels, "values": "RGB, 0 to 255"},
        "outputs": described,
        "crop": None
        if module.finds_people
        else f"the person's box, {PADDING} times as large, its shorter side then widened to the input's aspect",
        "skeleton": module.skeleton.name,
        "joints": list(module.skeleton.joints),
        "limbs": [list(limb) for limb in module.skeleton.limbs],
        "convention": module.convention,
        "flip_test": module.flip_test,
        "parity": {
            "keypoints_px": parity.pixels,
            **parity.others,
            "keypoints_compared": parity.compared,
            "ties": parity.tied,
        },
    }
