"""Runners of torch, and what is said where a package is missing."""

import pytest
import torch

from export.models import build, noise
from posereg.errors import UserError
from posereg.export import engines
from posereg.export.graph import graph_of, traced
from posereg.export.write import to_torch_export


def test_posereg_and_its_saved_graph_answer_by_name(tmp_path) -> None:
    graph = graph_of(build("H1"))
    to_torch_export(traced(graph), tmp_path / "model.pt2")
    image = noise(3).numpy()
    ours = engines.eager(graph)(image)
    saved = engines.torch_export(tmp_path / "model.pt2", graph.outputs)(image)
    assert list(ours) == list(saved) == ["keypoints", "scores"]
    for name, expected in ours.items():
        torch.testing.assert_close(torch.tensor(saved[name]), torch.tensor(expected))


def test_a_missing_package_is_named_with_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(engines, "EXTRA", ("numpy", "no_such_engine"))
    assert engines.lacking() == ["no_such_engine"]
    with pytest.raises(UserError, match=r"no_such_engine not installed: pip install 'posereg\[export\]'"):
        engines.check_installed()
