"""`posereg figures`: which pictures are written, of whom."""

import cv2
import pytest

from posereg.cli import figures
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.figures import maps as map_figures
from posereg.figures.maps import TILE
from tiny import data_set
from untrained import SOFTARGMAX, checkpoint


@pytest.fixture(scope="module")
def soft(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("soft"), *SOFTARGMAX)


def run(*arguments):
    return invoke(["figures", *map(str, arguments)])


def names(folder):
    found = {path.name for path in folder.iterdir()}
    for name in found:
        picture = cv2.imread(str(folder / name))
        assert picture is not None
        assert picture.std() > 10
    return found


def test_command_writes_the_figures_of_one_network(soft, tmp_path):
    assert run(f"checkpoint={soft}", f"out={tmp_path}", "people=2", f"root={data_set('mpii')}") == 0
    per_person = {f"{kind}_{n}.png" for kind in ("softmax", "context") for n in range(2)}
    assert names(tmp_path) == {"parts.png"} | per_person


def test_command_compares_two_networks_on_pictures(soft, tmp_path, capsys):
    others = [
        checkpoint(tmp_path, f"method={name}", "method.beta=1", "input_scale=0.5") for name in ("H1", "I1")
    ]
    picture = next((data_set("mpii") / "images").iterdir())
    out = tmp_path / "out"
    run(f"checkpoint={others[0]},{others[1]}", f"out={out}", f"source={picture}", "joints=left_wrist,pelvis")
    assert names(out) == {"compare.png"}
    assert cv2.imread(str(out / "compare.png")).shape[0] == map_figures.HEAD + 2 * TILE + map_figures.GAP
    assert "compare.png" in capsys.readouterr().out


def test_mistakes_are_named(soft, tmp_path):
    out = f"out={tmp_path}"
    for arguments, message in (
        ([out], "checkpoint= is missing"),
        ([f"checkpoint={soft}"], "out= is missing"),
        ([f"checkpoint={soft}", out, "people=none"], "people=none"),
        ([f"checkpoint={soft}", out, "joints=left_wirst"], "did you mean 'left_wrist'"),
        ([f"checkpoint={tmp_path}/x.ckpt", out], "no such file"),
        ([f"checkpoint={checkpoint(tmp_path, 'method=R1')}", out], "R1 has no heat maps"),
    ):
        with pytest.raises(UserError, match=message):
            run(*arguments)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".png"]


def test_people_are_spread_over_the_set():
    assert figures.spread(10, 2) == [2, 7]
    assert figures.spread(3, 5) == [0, 1, 2]
