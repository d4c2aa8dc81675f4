"""What runs an exported model. A runner takes images (B, H, W, 3) and gives the outputs by name, as arrays."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.export.graph import MapsGraph, PoseGraph

Arrays = dict[str, NDArray[Any]]
Runner = Callable[[NDArray[Any]], Arrays]
EXTRA = ("onnx", "onnxscript", "onnxruntime", "openvino")


def lacking() -> list[str]:
    """Packages of the extra `posereg[export]` that are not installed."""
    return [name for name in EXTRA if importlib.util.find_spec(name) is None]


def check_installed() -> None:
    """
    Raises:
        UserError: a package of the extra is missing, with how to install it.
    """
    if missing := lacking():
        raise UserError(f"{', '.join(missing)} not installed: pip install 'posereg[export]'")


def eager(graph: PoseGraph | MapsGraph) -> Runner:
    """posereg itself, on the CPU."""
    return _of_torch(graph.cpu(), graph.outputs)


def compiled(graph: PoseGraph | MapsGraph) -> Runner:
    """posereg through `torch.compile`, which needs a C++ compiler; it compiles at the first call of each shape."""
    return _of_torch(torch.compile(graph.cpu(), dynamic=False), graph.outputs)


def torch_export(path: Path, outputs: Sequence[str]) -> Runner:
    """A .pt2 file."""
    return _of_torch(torch.export.load(path).module(), outputs)


def onnxruntime(path: Path) -> Runner:
    """An .onnx file on the CPU, with as many threads as torch has."""
    import onnxruntime as engine

    options = engine.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = engine.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda image: dict(zip(names, session.run(None, {"image": image}), strict=True))


def openvino(path: Path) -> Runner:
    """An .onnx or .xml file on the CPU, with as many threads as torch has, computing in float32 or int8."""
    import openvino as engine

    options = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    model = engine.Core().compile_model(str(path), "CPU", options)
    names = [output.any_name for output in model.outputs]

    def run(image: NDArray[Any]) -> Arrays:
        found = model(image)
        return {name: found[name].copy() for name in names}

    return run


def _of_torch(function: Callable[..., Any], outputs: Sequence[str]) -> Runner:
    def run(image: NDArray[Any]) -> Arrays:
        with torch.inference_mode():
            found = function(torch.from_numpy(image))
        return {name: tensor.numpy() for name, tensor in zip(outputs, found, strict=True)}

    return run
