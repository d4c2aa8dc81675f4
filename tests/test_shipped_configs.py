"""Every file of conf/ composes, names only arguments that exist, and builds what it names."""

from pathlib import Path

import pytest

from posereg import config as configs
from posereg.build import build_method
from posereg.data.sources.source import Source

CONF = configs.root() / "conf"
SCENES = ("data=coco", "method=art", "loader=bottomup", "augment=art")
DEPTH = ("data=h80k", "method=volume", "loader=mixed", "augment=volume")
MOUSE = Path(__file__).parent / "mouse.yaml"  # a data set of somebody's own
# What a file is used with, where that is not the default.
COMPANY = {
    "method/art": SCENES,
    "method/art_high_resolution": (*SCENES, "method=art_high_resolution", "backbone=hrnet_w48"),
    "method/volume": DEPTH,
    "method/volume_ensemble": (*DEPTH, "method=volume_ensemble", "method.members=[a,b]"),
    "augment/art": SCENES,
    "augment/volume": DEPTH,
    "data/h36m": DEPTH,
    "data/from_file": (f"data.file={MOUSE}",),
    "data/h80k": DEPTH,
    "data/synthetic_h80k": DEPTH,
    "loader/bottomup": SCENES,
    "loader/mixed": DEPTH,
    "recipe/art_reduced": ("+experiments/art/table4=adaptive", "data=synthetic_coco"),
    "recipe/cascade_reduced": ("+experiments/cascade/table5=Res",),
    "recipe/softargmax": ("+experiments/softargmax/table1=context_08",),
    "recipe/softargmax_lsp": ("+experiments/softargmax/table2=context_08", "data=lsp"),
    "recipe/softargmax_reduced": ("+experiments/softargmax/table1=context_08",),
    "recipe/volume_reduced": ("+experiments/volume/table2=mpii", "data=synthetic_h80k"),
    **{f"backbone/hrnet_{name}": SCENES for name in ("w18", "w18_small", "w32", "w48")},
}  # fmt: skip


def files(*groups):
    found = [p for group in groups for p in sorted((CONF / group).glob("*.yaml"))]
    return [p.relative_to(CONF).with_suffix("").as_posix() for p in found if not p.stem.startswith("_")]


def plain(file):
    group, name = file.split("/")
    company = [override for override in COMPANY.get(file, ()) if not override.startswith(f"{group}=")]
    return configs.plain(configs.compose([*company, f"{group}={name}"]))


@pytest.mark.parametrize(
    "file",
    files("augment", "backbone", "data", "loader", "logger", "method", "recipe", "schedule", "trainer"),
)
def test_it_composes_and_its_settings_are_valid(file, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    configs.validate(plain(file))
    assert (CONF / f"{file}.yaml").read_text().startswith(("# ", "# @package _global_\n# "))


@pytest.mark.parametrize("file", files("recipe", "trainer"))
def test_a_sweep_over_rows_composes_with_it(file):
    """Hydra composes a sweep once without what is swept over."""
    configs.compose(["=".join(file.split("/"))])


@pytest.mark.parametrize(
    ("data", "beside"), [("synthetic_h80k", "synthetic"), ("h80k", "mpii"), ("h36m", "mpii")]
)
def test_the_2d_sets_follow_the_3d_set(data, beside):
    config = configs.compose([*DEPTH, f"data={data}"])
    assert config.loader.others.mpii.name == beside
    assert (
        configs.compose([*DEPTH, f"data={data}", "data@loader.others.mpii=lsp"]).loader.others.mpii.name
        == "lsp"
    )


@pytest.mark.parametrize("file", files("data"))
def test_data_sets_are_sources(file):
    source = configs.instantiate(plain(file)["data"])
    assert isinstance(source, Source)
    assert source.name == {"data/from_file": MOUSE.stem}.get(file, file.split("/")[1])


@pytest.mark.parametrize("file", files("augment", "schedule"))
def test_augmentations_and_schedules_are_built(file):
    group = file.split("/")[0]
    node = plain(file)[group] if group == "augment" else plain(file)["method"]["schedule"]
    assert configs.instantiate(node) is not None


@pytest.mark.slow
@pytest.mark.parametrize("file", files("backbone", "method", "recipe", "trainer"))
def test_its_network_is_built(file):
    module = build_method(plain(file), weights=False)
    assert module.name == plain(file)["method"]["name"]
