"""Maps read in several ways: the maximum is the method's own prediction, known maps come to known readings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.build import build_method
from posereg.codecs.gaussian import gaussian_maps
from posereg.codecs.grid import grid_of
from posereg.errors import UserError
from posereg.methods.integral import IntegralPose
from posereg.predict import predictor
from posereg.predict.evaluate import people_of_source
from posereg.predict.readings import ARGMAX, decoders, easiest, fitted_beta, read, towards_middle
from posereg.records.evaluation import Evaluation
from tiny import overrides


def built(folder: Path, method: str) -> tuple[Any, Any]:
    plain = configs.plain(
        configs.compose(overrides("mpii", folder, f"method={method}", "input_size=[64,64]", "input_scale=1"))
    )
    torch.manual_seed(0)
    module = build_method(plain, weights=False).eval()
    module.plain_config = plain
    return module, people_of_source(module, configs.instantiate(plain["data"]))


def test_the_maximum_is_what_a_heat_map_method_predicts(tmp_path: Path) -> None:
    module, data = built(tmp_path, "H1")
    module.flip_test = False
    expected = data.evaluate(predictor.predict(module, data.poses(data.val_split)))
    found = read(module, data, decoders(module, [1.0, 8.0], 8.0), batch_size=5)
    assert found[ARGMAX].evaluation.metrics == pytest.approx(expected.metrics, nan_ok=True)
    assert list(found) == [
        ARGMAX, "DARK, sigma 1", "expectation, beta 1", "expectation, beta 8", "expectation about the maximum, beta 8",
    ]  # fmt: skip


def perfect(module: IntegralPose, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's maps are Gaussians about the annotated joints of whatever batch was asked for last."""
    labels = module.labels

    def remembered(batch: Any) -> Any:
        module.last_labels = labels(batch)  # type: ignore[assignment]
        return module.last_labels

    def maps(images: torch.Tensor) -> torch.Tensor:
        keypoints, _ = module.last_labels  # type: ignore[misc]
        grid = grid_of(torch.zeros(1, 1, 16, 16), module.input_size, module.convention)
        return gaussian_maps(keypoints, torch.ones_like(keypoints[..., 0]), grid, rounded=False)[0]

    monkeypatch.setattr(module, "labels", remembered)
    monkeypatch.setattr(module, "maps", maps)


def test_a_softmax_too_soft_lies_in_the_middle_and_a_fitting_one_on_the_joint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, data = built(tmp_path, "H1")
    perfect(module, monkeypatch)
    poses = data.poses(data.val_split)
    found = read(module, data, decoders(module, [1e-4, 15.0], 15.0), batch_size=len(poses))
    keypoints, weight = module.last_labels
    middle = torch.tensor([(side - 1) / 2 for side in module.input_size])
    distance = (keypoints - middle).norm(dim=-1)[weight > 0].median()
    assert found["expectation, beta 0.0001"].pull == pytest.approx(float(distance), rel=0.02)
    assert abs(found["expectation, beta 15"].pull) < 0.1 * float(distance)
    scores = [found[name].evaluation.metrics["AUC"] for name in found]
    assert scores[2] < scores[0] < scores[3]
    assert scores[1] > scores[0]  # between the cells


def test_the_easiest_quarter_by_hand() -> None:
    nan, inf = np.nan, np.inf
    shared = [[nan, nan], [0.5, 0.5], [0.7, 1], [1, 1], [2, 2]]
    first = np.array([[0.01, 0.30], [0.04, nan], [0.9, inf], *shared, [0.03, 0.02]])
    second = np.array([[0.02, 0.40], [0.06, nan], [0.9, 0.9], *shared, [0.01, 0.02]])
    scored = [
        Evaluation(
            metrics={"PCK@0.2": 1.0, "PCK@0.05": 1.0, "PCK@0.05/Head": 1.0}, per_person={"distance": distance}
        )
        for distance in (first, second)
    ]
    # Eight people count, of whom the last and the second are missed least: 0.03, 0.02, 0.04 and 0.01, 0.02, 0.06.
    assert easiest(scored) == [pytest.approx(100.0), pytest.approx(200 / 3)]
    assert easiest([Evaluation(metrics={"AP": 1.0})]) == [None]


def test_pull_by_hand() -> None:
    joints = torch.tensor([[[31.5, 11.5], [41.5, 31.5], [31.5, 31.5]]])
    shifted = joints + torch.tensor([[[3.0, 4.0], [3.0, 4.0], [3.0, 4.0]]])
    assert towards_middle(shifted, joints, (64, 64)).tolist() == [[4.0, -3.0, 0.0]]


def test_the_temperature_is_the_one_that_an_integral_row_measures(tmp_path: Path) -> None:
    heat, data = built(tmp_path, "H1")
    integral, _ = built(tmp_path, "I1")
    integral.network.load_state_dict(heat.network.state_dict())
    integral.beta = None
    people = data.poses(data.train_split)
    integral.measure(people)
    assert fitted_beta(heat, people) == integral.beta


def test_a_method_without_maps_is_refused(tmp_path: Path) -> None:
    module, data = built(tmp_path, "R1")
    with pytest.raises(UserError, match="R1 has no heat maps"):
        read(module, data, {})


def test_another_softmax_is_read_as_it_is(tmp_path: Path) -> None:
    module, _ = built(tmp_path, "debiased")
    module.beta = 10.0
    assert "debiased" in decoders(module, [10.0], 10.0)
