"""Every row of every table: composes, is valid, builds, takes one real optimiser step and is evaluated, on tiny
synthetic data in its data set's official format."""

import math
from pathlib import Path

import pytest

from posereg import config as configs
from posereg.train import train
from tiny import data_set

ROOT = configs.experiments()
ROWS = sorted(p.relative_to(ROOT).with_suffix("").as_posix() for p in ROOT.glob("*/*/*.yaml"))
# Which synthetic set stands in for a data set.
STANDS_IN = {
    "mpii": "synthetic", "synthetic": "synthetic", "lsp": "synthetic_lsp", "lspet": "synthetic_lspet",
    "coco": "synthetic_coco", "crowdpose": "synthetic_crowdpose", "h80k": "synthetic_h80k",
}  # fmt: skip


def row_override(row):
    group, _, name = row.rpartition("/")
    return f"+experiments/{group}={name}"


def tiny(row, folder):
    plain = configs.plain(configs.compose([row_override(row)]))
    name = STANDS_IN[plain["data"]["name"].removeprefix("synthetic_")]
    kind = name.removeprefix("synthetic").removeprefix("_") or "mpii"
    # 2D sets shown beside a 3D one.
    beside = [
        f"loader.others.{other}.root={data_set(other)}" for other in plain["loader"].get("others") or ()
    ]
    # Rows that start from another table's checkpoint start from scratch.
    alone = ["init_weights=null", "evaluate_only=false"] if plain["init_weights"] else []
    ranges = ["data.reader.ranges={train: [1, 16], test: [17, 24], all: [1, 24]}"] if kind == "lsp" else []
    # HRNet knows no width; its published sizes are checked in tests/networks.
    trunk = ["backbone=hrnet_w18_small"] if row.startswith("art/") else []
    if row == "modern/trunks/hrnet_w32":  # whose branches need multiples of 32 pixels
        trunk = ["backbone.name=hrnet_w18_small", "input_size=[256, 256]"]
    return [
        *beside, *alone, *ranges,
        row_override(row), *trunk, f"data={name}", f"data.root={data_set(kind)}", f"runs={folder}", "input_scale=0.25",
        "width=0.125", "backbone.pretrained=false", "batch_size=2", "loader.workers=0", "trainer.accelerator=cpu",
        "trainer.epochs=1", "trainer.limit_train_batches=1", "trainer.precision=32-true",
    ]  # fmt: skip


def test_there_are_rows():
    assert {"integral/table2/I_star", "integral/table5/S4_MS_I1"} <= set(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_composes_and_says_what_it_is(row):
    plain = configs.plain(configs.compose([row_override(row)]))
    configs.validate(plain)
    assert f"{plain['table']}/{plain['row']}" == row
    assert all(isinstance(v, int | float) for v in plain["paper"].values())
    assert (ROOT / row).with_suffix(".yaml").read_text().startswith("# @package _global_\n#")
    if plain["compare_to"]:
        assert (ROOT / Path(row).parent / f"{plain['compare_to']}.yaml").exists()


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_row_takes_a_step_and_is_evaluated(row, tmp_path):
    given = tiny(row, tmp_path)
    result = train(configs.compose(given), given)
    assert result["training"]["steps"] >= 1 or result["config"]["evaluate_only"]
    assert any(math.isfinite(v) for v in result["metrics"].values() if v is not None)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.startswith(("softargmax/table2", "softargmax/table3", "cascade/table7"))],
)
def test_published_lsp_rows_know_nothing_of_the_true_pose(row):
    """No box of the true joints; soft-argmax's paper names no flip test on LSP."""
    plain = configs.plain(configs.compose([row_override(row)]))
    assert plain["data"]["reader"]["crop"] == 178
    assert plain["flip_test"] == row.startswith("cascade/")
