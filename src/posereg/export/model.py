"""One checkpoint to one file: traced, written, run, compared with posereg, timed."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.export import engines, write
from posereg.export.card import card
from posereg.export.graph import Pixels, graph_of, half, traced
from posereg.export.latency import Latency, latency
from posereg.export.parity import Parity, compare, outputs
from posereg.export.pictures import drawn, own
from posereg.export.write import SUFFIX, Format, Precision
from posereg.files import whole_file, write_json
from posereg.methods.base import PoseModule


class Exported(NamedTuple):
    """What was written, how near it is to posereg, and how fast each engine is."""

    files: list[Path]
    parity: Parity
    latencies: list[Latency]


def export(
    module: PoseModule,
    out: Path,
    to: Format = "onnx",
    precision: Precision = "fp32",
    pixels: Pixels = "uint8",
    images: str | None = None,
    timed: bool = True,
) -> Exported:
    """Write `out` and its card, a JSON file of the same name, once the file has answered as posereg does.

    Args:
        module: a trained method, on the CPU.
        images: pictures to compare on, and to calibrate int8 with; drawn people otherwise.
        timed: measure the latency in every engine.

    Raises:
        UserError: settings that do not go together, a missing package, or in fp32 a file whose keypoints are more
            than 0.01 px from posereg's: nothing is written then.
    """
    _check(out, to, precision, images)
    graph = graph_of(module)
    batches = own(module, pixels, images) if images else drawn(module, pixels)
    compared = batches[:16]
    reference = outputs(engines.eager(graph), compared)
    # Before half() and tracing touch anything.
    latencies = [latency(name, run, compared[0][:1]) for name, run in _in_torch(graph)] if timed else []
    lowered = copy.deepcopy(module)
    if precision == "fp16":
        half(lowered)
    program = traced(graph_of(lowered), pixels)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as folder:
        made = Path(folder) / out.name
        onnx = _write(program, graph.outputs, made, to, precision, batches)
        found = outputs(_runner(made, to, graph.outputs), compared)
        parity = compare(reference, found, maxima=module.score_rule.startswith("map maximum"))
        if precision == "fp32" and not parity.same:
            raise UserError(f"{out}: not written, as the exported model is not this one: {parity.text()}")
        if timed:
            latencies += _elsewhere(program, graph.outputs, made, onnx, to, precision, compared[0][:1])
        write_json(made.with_suffix(".json"), card(module, to, precision, pixels, parity))
        files = [made, *([made.with_suffix(".bin")] if to == "openvino" else []), made.with_suffix(".json")]
        for file in files:
            with whole_file(out.with_name(file.name)) as temporary:
                shutil.copyfile(file, temporary)
    return Exported([out.with_name(file.name) for file in files], parity, latencies)


def _check(out: Path, to: Format, precision: Precision, images: str | None) -> None:
    if out.suffix != SUFFIX[to]:
        raise UserError(f"out: a file of format={to} ends in {SUFFIX[to]}, not '{out.name}'")
    if to != "torch_export":
        engines.check_installed()
    elif precision == "int8":
        raise UserError("precision=int8 is for format=onnx and format=openvino")
    if precision == "int8" and images is None:
        raise UserError("precision=int8 needs images=DIR, some hundred pictures of people to calibrate on")


def _write(
    program: Any,
    names: Sequence[str],
    path: Path,
    to: Format,
    precision: Precision,
    batches: list[NDArray[np.generic]],
) -> Path:
    """Write the file; returns an .onnx file of the same graph, for timing, which torch_export writes later."""
    plain = path.with_name("plain.onnx")
    if to == "torch_export":
        write.to_torch_export(program, path)
        return plain
    write.to_onnx(program, names, plain)
    if precision == "int8":
        write.to_int8(plain, batches, path.with_name("int8.onnx"))
        plain = path.with_name("int8.onnx")
    if to == "openvino":
        write.to_openvino(plain, path, precision)
        return plain
    return plain.rename(path)


def _runner(path: Path, to: Format, names: Sequence[str]) -> engines.Runner:
    if to == "torch_export":
        return engines.torch_export(path, names)
    return engines.onnxruntime(path) if to == "onnx" else engines.openvino(path)


def _in_torch(graph: Any) -> Iterator[tuple[str, engines.Runner]]:
    yield "torch fp32", engines.eager(graph)
    yield "torch.compile fp32", engines.compiled(graph)


def _elsewhere(
    program: Any,
    names: Sequence[str],
    made: Path,
    onnx: Path,
    to: Format,
    precision: Precision,
    image: NDArray[np.generic],
) -> list[Latency]:
    """The file in its own engine, and the same graph in the others."""
    rows: list[Latency] = []
    if to == "torch_export":
        rows.append(latency(f"torch.export {precision}", engines.torch_export(made, names), image))
        if missing := engines.lacking():
            why = f"{', '.join(missing)} not installed"
            return [*rows, Latency("onnxruntime", {}, why), Latency("openvino", {}, why)]
        write.to_onnx(program, names, onnx)
    for name, run in (("onnxruntime", engines.onnxruntime), ("openvino", engines.openvino)):
        rows.append(latency(f"{name} {precision}", run(made if to == name else onnx), image))
    return rows
