"""`trainer.compile`: networks and losses compile to one graph each, which holds for every batch size."""

import pytest
import torch
import torch._dynamo

from methods.made import METHODS, SCENES, setting

# One of each kind of target and network; the others differ in numbers.
KINDS = ("H1", "R1", "I1", "I_star", "cascade_res", "softargmax_context", "dark", "debiased", "dsnt", "offsets", "rle",
         "sampling", "simcc", "vit_simple", "volume")  # fmt: skip


@pytest.fixture
def compiled():
    """Compiles without breaks in the graph, as `module.compile()` does otherwise; and the graphs that it took."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    yield lambda function: torch.compile(function, fullgraph=True, backend=backend), graphs
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_losses_are_one_graph_whatever_the_batch(name, tmp_path, compiled):
    compile, graphs = compiled
    module, batch = setting(tmp_path, *METHODS[name])
    module.eval()  # batch statistics would move between the two
    losses = compile(module.losses)
    for count in (4, 3, 2):
        part = {key: value[:count] for key, value in batch.items()}
        images = module.images(part)
        torch.manual_seed(count)
        found = losses(images, part)
        torch.manual_seed(count)
        expected = module.losses(images, part)
        torch.testing.assert_close(found, expected)
    # The first for its own size, the second, once another size came, for all.
    assert len(graphs) == 2


@pytest.mark.slow
def test_a_bottom_up_network_is_one_graph_whatever_the_image(tmp_path, compiled):
    compile, graphs = compiled
    module, _ = setting(tmp_path, "coco", *SCENES)
    module.eval()
    network = compile(module.network)
    with torch.no_grad():
        for height, width in ((64, 96), (96, 64), (128, 160)):
            images = torch.randn(2, 3, height, width)
            for found, expected in zip(network(images), module.network(images), strict=True):
                torch.testing.assert_close(found, expected)
    assert len(graphs) == 2


def test_a_break_in_the_graph_is_an_error(compiled):
    compile, _ = compiled

    def broken(x):
        torch._dynamo.graph_break()
        return x + 1

    with pytest.raises(torch._dynamo.exc.Unsupported):
        compile(broken)(torch.ones(3))
