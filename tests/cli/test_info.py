"""`posereg info` of the published rows: the sizes of integral's networks (docs/papers/integral.md#sizes)."""

import json

import pytest
import torch

from posereg.cli import info
from posereg.cli.program import invoke
from posereg.errors import UserError

# row: parameters in M, GMAC
SIZES = {
    "table3=a_H1": (33.999, 1.809), "table3=b_I1": (32.950, 1.537), "table3=c_I1": (33.999, 7.234),
    "table3=d_H1": (32.950, 6.148), "table4=R18_H1": (14.327, 2.776), "table4=R101_I1": (51.942, 10.996),
    "table4=R18_R1": (11.193, 2.369), "table4=R50_R1": (23.574, 5.338), "table4=R101_R1": (42.566, 10.187),
    "table5=S1_MS_H1": (32.950, 6.148), "table5=S2_MS_I1": (64.476, 9.935), "table5=S3_MS_H1": (96.002, 13.723),
    "table5=S4_MS_I1": (127.528, 17.510), "table6=MS_H1": (127.528, 17.510), "table7=I1": (32.950, 6.148),
    "table7=MS_I1": (127.528, 17.510), "table8=I1": (52.992, 12.084),
}  # fmt: skip


@pytest.mark.parametrize("row", SIZES)
def test_published_sizes(row):
    with torch.device("meta"):  # nothing is computed, so nothing need be there
        found = info.describe([f"+experiments/integral/{row}"], measure=False)
    millions, gmacs = SIZES[row]
    assert found["params"] / 1e6 == pytest.approx(millions, abs=0.0006)
    assert found["macs"] / 1e9 == pytest.approx(gmacs, abs=0.0006)
    assert found["row"] == row.partition("=")[2]


def test_measured_and_written(tmp_path, capsys):
    tiny = ["backbone=resnet18", "backbone.pretrained=false", "width=0.125", "input_size=[32,32]"]
    assert invoke(["info", "method=I1", *tiny, "measure=true", f"out={tmp_path / 'cost.json'}"]) == 0
    found = json.loads((tmp_path / "cost.json").read_text())
    assert found["images_per_s_batch1"] > 0
    assert found["latency_ms"] == pytest.approx(1000 / found["images_per_s_batch1"], abs=1e-3)
    assert found["images_per_s_batch32"] > 0
    assert found["input_size"] == [32, 32]
    told = capsys.readouterr()
    assert "MiB an image" in told.out
    assert "measuring" in told.err


def test_nothing_is_measured_unasked(capsys):
    assert invoke(["info", "method=I1", "backbone=resnet18", "width=0.125", "backbone.pretrained=false"]) == 0
    told = capsys.readouterr()
    assert "MiB an image" in told.out
    assert "images_per_s" not in told.out
    assert told.err == ""


def test_measure_is_true_or_false():
    with pytest.raises(UserError, match="measure=maybe"):
        invoke(["info", "method=I1", "measure=maybe"])


def test_a_backbone_that_does_not_take_the_images_is_named():
    asked = ["method=R1", "backbone=timm/convit_tiny", "backbone.pretrained=false", "input_size=[64,96]"]
    with pytest.raises(UserError, match=r"^backbone convit_tiny: .*64x96 pixels"):
        info.describe(asked, measure=False)
