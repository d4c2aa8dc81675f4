"""What of an ONNX graph stays float32 in int8 files."""

import pytest

from posereg.export.write import last_layers

onnx = pytest.importorskip("onnx")


def test_last_layers_are_those_that_no_other_follows(tmp_path) -> None:
    # trunk -> relu -> maps -> softmax, and trunk -> pool -> coordinates
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["image", "w1"], ["trunk"], name="trunk"),
        make("Relu", ["trunk"], ["relu"], name="relu"),
        make("Conv", ["relu", "w2"], ["maps"], name="maps"),
        make("Softmax", ["maps"], ["keypoints"], name="softmax"),
        make("GlobalAveragePool", ["relu"], ["pooled"], name="pool"),
        make("Gemm", ["pooled", "w3"], ["scores"], name="coordinates"),
    ]
    value = onnx.helper.make_tensor_value_info
    given = [value(name, onnx.TensorProto.FLOAT, None) for name in ("image", "w1", "w2", "w3")]
    made = [value(name, onnx.TensorProto.FLOAT, None) for name in ("keypoints", "scores")]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", given, made)), tmp_path / "g.onnx")
    assert sorted(last_layers(tmp_path / "g.onnx")) == ["coordinates", "maps"]
