"""`posereg export`: a trained model as one file for other engines."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from posereg.cli.spec import BOOLEAN, CHECKPOINT, FILE, IMAGES, Command, Option, choice

COMMAND = Command(
    "export",
    "write a trained model as ONNX, torch.export or OpenVINO, checked against posereg",
    "Normalisation, network and decoding are in the file: RGB crops in, keypoints in their pixels and scores out, any "
    "batch size. A bottom-up model takes whole images of any size and gives maps; people are grouped outside. The file "
    "is run and compared with posereg before it is kept, and every engine is timed. Beside it lies a JSON file of the "
    "same name: inputs, outputs, joints, how crops are made. Needs pip install 'posereg[export]'.",
    options=(
        Option("checkpoint", CHECKPOINT, "a trained model", required=True),
        Option("out", FILE, "the file: .onnx, .pt2 (torch_export) or .xml (openvino)", required=True),
        Option("format", choice("onnx", "torch_export", "openvino"), "what kind of file", default="onnx"),
        Option(
            "precision",
            choice("fp32", "fp16", "int8"),
            "of the network; decoding stays fp32. int8: onnx and openvino, with images=",
            default="fp32",
        ),
        Option("input", choice("uint8", "float32"), "type of the input, RGB from 0 to 255", default="uint8"),
        Option(
            "images",
            IMAGES,
            "pictures to compare on, and to calibrate int8 with",
            default_text="drawn people",
        ),
        Option(
            "flip_test",
            BOOLEAN,
            "average with the mirrored picture, in the graph",
            default_text="as in training",
        ),
        Option("latency", BOOLEAN, "time torch, torch.compile, onnxruntime and openvino", default=True),
    ),
    examples=(
        "posereg export checkpoint=runs/a/last.ckpt out=pose.onnx",
        "posereg export checkpoint=runs/a/last.ckpt format=openvino precision=int8 images=photos out=pose.xml",
    ),
)


def run(
    checkpoint: str,
    out: Path,
    format: Literal["onnx", "torch_export", "openvino"],
    precision: Literal["fp32", "fp16", "int8"],
    input: Literal["uint8", "float32"],
    images: str | None,
    flip_test: bool | None,
    latency: bool,
) -> int:
    """Write the file and print how near to posereg and how fast it is.

    Raises:
        UserError: a checkpoint that cannot be used, or whatever `export` refuses.
    """
    from posereg.build import load_method
    from posereg.export.latency import table
    from posereg.export.model import export

    module = load_method(checkpoint)
    if flip_test is not None:
        module.flip_test = flip_test
    made = export(module, out, format, precision, input, images, latency)
    size = sum(file.stat().st_size for file in made.files) / 2**20
    print(f"{', '.join(str(file) for file in made.files)}: {size:.1f} MiB")
    print(made.parity.text())
    if made.latencies:
        print(table(made.latencies))
    return 0
