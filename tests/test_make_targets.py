"""The commands of `make <table>`: each trains every row of its table, and what they start from, and prints it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from posereg import config as configs
from posereg.cli.program import invoke
from tiny import data_set

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = dict(re.findall(r"eval \$\(call table,(\w+),([\w/]+)\)", MAKEFILE))

# Smaller than published, on tiny data in the official layouts. `++`: a sweep is composed once without its rows.
TINY = (
    "input_scale=0.25", "width=0.125", "backbone.pretrained=false", "batch_size=2", "loader.workers=0",
    "trainer.accelerator=cpu", "trainer.limit_train_batches=1", "hydra/launcher=basic",
)  # fmt: skip
LSP = ("'data.reader.ranges={train: [1, 16], test: [17, 24], all: [1, 24]}'",)
BESIDE = tuple(f"++loader.others.{name}.root={data_set(name)}" for name in ("mpii", "coco"))

# The parts that follow MPII's people in data=body.
JOINED = (
    f"++data.reader.more.lspet.root={data_set('lspet')}", f"++data.reader.more.coco.root={data_set('coco')}",
    "'++data.reader.more.lspet.reader.ranges={train: [1, 16]}'",
    "'++data.reader.more.lspet_rest.reader.ranges={train: [17, 24]}'",
)  # fmt: skip


def commands(target: str, runs: Path) -> list[list[str]]:
    """What make would run, without the installation."""
    paper = TARGETS[target].split("/")[0]
    kind = "lsp" if target in ("cascade_table7", "softargmax_table2", "softargmax_table3") else "mpii"
    kind = {"volume": "h80k", "art": "crowdpose" if target == "art_table5" else "coco"}.get(paper, kind)
    kind = "coco" if target == "table8" or paper == "modern" else kind
    # HRNet knows no width; its published sizes are checked in tests/networks.
    more = {"volume": BESIDE, "art": ("backbone=hrnet_w18_small",), "body": JOINED}.get(paper, ())
    given = " ".join((*TINY, f"data.root={data_set(kind)}", *more, *(LSP if kind == "lsp" else ())))
    mpii = " ".join((*TINY, f"data.root={data_set('mpii')}"))
    printed = subprocess.run(
        ["make", "-n", target, "TRAINER=debug", f"RUNS={runs}", f"ARGS={given}", f"MPII_ARGS={mpii}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [shlex.split(line) for line in printed.splitlines() if "bin/posereg " in line]
    return [words[1:] for words in lines]


def test_every_table_has_a_target():
    tables = {"/".join(path.parts[-3:-1]) for path in configs.experiments().glob("*/*/table.toml")}
    assert set(TARGETS.values()) == tables


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize(
    ("target", "first"),
    [
        ("cascade_table7", "+experiments/cascade/table5=Res,VGG"),
        ("softargmax_table2", "+experiments/softargmax/table1=context_08"),
        ("softargmax_table3", "+experiments/softargmax/table1=context_08"),
        ("art_table1", "+experiments/art/table2=glob(*)"),
        ("art_table3", "+experiments/art/table2=glob(*)"),
    ],
)
def test_a_target_trains_what_its_rows_start_from(target, first, tmp_path):
    train, *_ = commands(target, tmp_path)
    assert train[:3] == ["train", "-m", first]


@pytest.mark.parametrize(("row", "images"), [("W32", 6), ("W48", 12), ("HrW48", 12), ("W48_multi", 16)])
@pytest.mark.parametrize(
    "hardware",
    [("trainer.accumulate=8",), ("trainer.devices=8", "hydra.launcher.devices_per_job=8")],
    ids=["one GPU", "eight GPUs"],
)
def test_bottom_up_rows_on_one_gpu_and_on_eight(row, images, hardware, monkeypatch):
    """The commands of docs/data/coco.md: the published batch, in parts that a GPU holds."""
    assert (
        f"make art_table2 TRAINER=gpu ARGS='{' '.join(hardware)}'" in (ROOT / "docs/data/coco.md").read_text()
    )
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    plain = configs.plain(configs.compose([f"+experiments/art/table2={row}", "trainer=gpu", *hardware]))
    configs.validate(plain)
    assert plain["loader"]["batch_size"] == images


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize("target", TARGETS)
def test_a_target_takes_a_step_of_every_row_and_prints_the_table(target, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in commands(target, tmp_path / "runs"):
        assert invoke(words) == 0, words
    table = TARGETS[target]
    rows = {path.stem for path in (configs.experiments() / table).glob("*.yaml")}
    done = {path.parts[-3] for path in (tmp_path / "runs").glob(f"*/{table}/*/seed*/result.json")}
    assert rows <= done
    assert "Not run" not in capsys.readouterr().out
