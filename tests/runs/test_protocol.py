"""The parts of a protocol are put together whatever their order, and may not contradict each other."""

from itertools import permutations

import pytest

from posereg import config as configs
from posereg.runs.protocol import merged, recipe


def test_no_order_decides():
    parts = {
        "run": {"precision": "32-true"},
        "data": {"split": "val"},
        "evaluation": {"split": "val", "people": 3},
    }
    expected = {"precision": "32-true", "split": "val", "people": 3}
    assert all(merged(dict(order)) == expected for order in permutations(parts.items()))


def test_a_contradiction_names_both_sides():
    with pytest.raises(ValueError, match=r"split is 'val' according to data, 'test' according to evaluation"):
        merged({"data": {"split": "val"}, "evaluation": {"split": "test"}})


SOFTARGMAX = "+experiments/softargmax/table1=context_08"
LSP = "+experiments/softargmax/table2=context_08"
CASCADE = "+experiments/cascade/table5=Res"


def told(*overrides):
    return recipe(configs.plain(configs.compose(overrides)))


@pytest.mark.parametrize("row", [SOFTARGMAX, LSP, CASCADE, "+experiments/integral/table2=I1"])
@pytest.mark.parametrize("hardware", ["gpu", "cpu"])
def test_the_hardware_leaves_a_rows_recipe_as_it_is(row, hardware):
    assert told(row, f"trainer={hardware}") == told(row)
    one, other = (configs.plain(configs.compose([row, *more])) for more in ([], [f"trainer={hardware}"]))
    changed = configs.differences(one, other)
    assert {line.partition(":")[0] for line in changed} <= {
        "trainer.precision", "trainer.compile", "trainer.accelerator", "trainer.tf32", "trainer.fused",
        "trainer.autotune",
    }  # fmt: skip


def test_soft_argmax_rows_have_the_papers_recipe():
    assert told(SOFTARGMAX, "trainer=gpu") == {
        "epochs": 120,
        "optimizer": "RMSprop, lr 0.001, alpha 0.9, eps 1e-07",
        "schedule": "plateau, factor 0.4, patience 5, monitor val/PCKh@0.5, mode max, every 1",
        "augment": told(SOFTARGMAX)["augment"],
    }
    on_lsp = told(LSP, "trainer=gpu")
    assert on_lsp["epochs"] == 70
    assert on_lsp["optimizer"].startswith("RMSprop, lr 2e-05")


def test_plateaus_end_where_the_papers_do_and_watch_what_they_watch():
    """Integral drops from 1e-3 to 1e-5, volume from 1e-4 to 1e-6 when the validation loss saturates."""
    integral = configs.plain(configs.compose(["method=I1", "schedule=plateau"]))["schedule"]
    volume = configs.plain(configs.compose(["+experiments/volume/table2=mpii"]))["schedule"]
    for schedule, first, last in ((integral, 1e-3, 1e-5), (volume, 1e-4, 1e-6)):
        assert first * schedule["factor"] == pytest.approx(last)
        assert schedule["minimum"] == last
        assert schedule["monitor"] == "val/loss"
    on_lsp = configs.compose([SOFTARGMAX, "data=lspet"])
    assert on_lsp.schedule.monitor == "val/PCK@0.2"


def test_another_recipe_shows():
    other = told(SOFTARGMAX, "recipe=softargmax_reduced")
    assert all(other[key] != told(SOFTARGMAX)[key] for key in ("epochs", "schedule", "augment"))
    assert told(SOFTARGMAX, "method.optimizer.lr=0.01")["optimizer"].startswith("RMSprop, lr 0.01")


def test_phases_are_the_schedule_and_an_evaluation_has_no_recipe():
    assert told(CASCADE)["schedule"].startswith(
        "detection 50 epochs, geometric detector [1.0, 0.025]; regression 40 epochs, steps regressor [0.1, 0.025]; "
    )
    assert told("+experiments/cascade/table6=Res") == {}
