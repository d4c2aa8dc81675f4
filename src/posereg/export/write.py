"""A traced graph to a file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

Format = Literal["onnx", "torch_export", "openvino"]
Precision = Literal["fp32", "fp16", "int8"]
SUFFIX: dict[Format, str] = {"onnx": ".onnx", "torch_export": ".pt2", "openvino": ".xml"}
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def to_torch_export(program: ExportedProgram, path: Path) -> None:
    """For `torch.export.load`, AOTInductor, ExecuTorch."""
    with _quiet():
        torch.export.save(program, path)


def to_onnx(program: ExportedProgram, outputs: Sequence[str], path: Path) -> None:
    """One .onnx file, weights included (ONNX holds up to 2 GB), input `image`."""
    with _quiet():
        torch.onnx.export(
            program,
            f=str(path),
            dynamo=True,
            input_names=["image"],
            output_names=list(outputs),
            external_data=False,
            verbose=False,
        )
    _name_dimensions(path)


def to_int8(onnx_file: Path, batches: Iterable[NDArray[Any]], path: Path) -> None:
    """Weights and activations of an .onnx file as int8 (quantise-dequantise pairs), ranges from calibration images.

    The layers that make the maps or coordinates stay float32: 256 levels are too few to tell neighbouring cells
    apart.

    Args:
        batches: images as the graph takes them.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(batches)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            image = next(self.left, None)
            return None if image is None else {"image": image}

    prepared = path.with_suffix(".prepared.onnx")
    with _quiet():
        quant_pre_process(str(onnx_file), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=list(_WEIGHTED),
            nodes_to_exclude=last_layers(prepared),
        )
    prepared.unlink()


def to_openvino(onnx_file: Path, path: Path, precision: Precision) -> None:
    """An .xml file and a .bin with the weights beside it; `fp16` stores float16 weights."""
    import openvino

    with _quiet():
        model = openvino.convert_model(str(onnx_file))
        openvino.save_model(model, str(path), compress_to_fp16=precision == "fp16")


def last_layers(onnx_file: Path) -> list[str]:
    """Names of the layers with weights that no other such layer comes after."""
    import onnx

    nodes = onnx.load(str(onnx_file)).graph.node
    followed: set[str] = set()  # tensors from which a layer with weights is reached
    last = []
    for node in reversed(nodes):
        after = any(name in followed for name in node.output)
        if node.op_type in _WEIGHTED and not after:
            last.append(node.name)
        if after or node.op_type in _WEIGHTED:
            followed.update(node.input)
    return last


def _name_dimensions(path: Path) -> None:
    """The exporter's `s27` becomes `batch`."""
    import onnx

    model = onnx.load(str(path))
    first = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == first:
                dimension.dim_param = "batch"
    onnx.save(model, str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the exporters' remarks on their own insides from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
