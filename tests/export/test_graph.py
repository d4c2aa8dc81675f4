"""The graph of every method: traced, for any batch, equal to what posereg predicts."""

import pytest
import torch

from export.models import METHODS, build, noise
from posereg.errors import UserError
from posereg.export.graph import MapsGraph, example, graph_of, grouped, half, traced

QUICK = ("I1", "volume")


def named(names):
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", named(METHODS))
def test_traced_for_two_images_it_answers_for_one_and_three(name):
    module = build(name)
    graph = graph_of(module)
    run = traced(graph).module()
    size = (96, 64) if isinstance(graph, MapsGraph) else (64, 64)
    images = noise(3, size=size)
    with torch.inference_mode():
        ours = graph(images)
        assert all(output.std() > 1e-3 or name in ("R1", "volume") for output in ours)
        for chosen in (slice(0, 3), slice(1, 2)):
            for expected, found in zip(ours, run(images[chosen]), strict=True):
                torch.testing.assert_close(found, expected[chosen], atol=1e-3, rtol=1e-5)


def test_keypoints_are_those_of_predict_in_the_datas_joints():
    # A network of MPII's 16 joints for LSP's 14.
    module = build("cascade_res_detection", "data=synthetic_lsp", "method.network_skeleton=mpii")
    image = noise(2)
    with torch.inference_mode():
        keypoints, scores = graph_of(module)(image)
        ours, confidence = module.predict(module.images({"image": image}))
    assert keypoints.shape == (2, 14, 2)
    assert torch.equal(keypoints, ours[:, module.network_joint])
    assert torch.equal(scores, confidence[:, module.network_joint])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["art", "art_high_resolution"])
def test_maps_grouped_outside_are_the_people_that_posereg_finds(name):
    module = build(name)
    images = noise(2, size=(96, 64))
    with torch.inference_mode():
        maps = {k: v.numpy() for k, v in zip(MapsGraph.outputs, graph_of(module)(images), strict=True)}
        ours = module.detect({"image": images})
    for expected, found in zip(ours, grouped(maps, module), strict=True):
        assert len(expected.centers) > 1
        torch.testing.assert_close(found.keypoints, expected.keypoints, atol=1e-2, rtol=0)
        torch.testing.assert_close(found.scores, expected.scores, atol=1e-5, rtol=1e-4)


def test_half_computes_the_network_alone_in_float16():
    module = build("I1")
    image = noise(2)
    with torch.inference_mode():
        exact, _ = graph_of(module)(image)
        half(module)
        near, scores = graph_of(module)(image)
    assert {p.dtype for p in module.network.parameters()} == {torch.float16}
    assert near.dtype == scores.dtype == torch.float32
    assert 0 < (near - exact).abs().max() < 0.5


def test_the_example_has_the_models_size_and_type():
    module = build("R1", "input_size=[96,128]")
    assert example(module, 2, "float32").shape == (2, 128, 96, 3)
    assert example(module, 2, "float32").dtype == torch.float32


def test_a_method_without_a_network_is_refused():
    module = build("R1")
    module.needs_weights = False
    with pytest.raises(UserError, match="no network to export"):
        graph_of(module)
