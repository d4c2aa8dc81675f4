"""Skeleton files: found by name, by path and in the user's folders, and checked."""

import pytest

from posereg.errors import UserError
from posereg.skeletons import files
from posereg.skeletons.skeleton import MPII, names, skeleton

MOUSE = """
joints: [nose, L_ear, R_ear, tail]
limbs: [[nose, L_ear], [nose, R_ear], [nose, tail]]
columns: {Ears: [L_ear, R_ear]}
sigmas: {nose: 0.1, L_ear: 0.2, R_ear: 0.2, tail: 0.3}
colors: {tail: [1, 2, 3]}
parents: [nose, nose, nose, nose]
"""


def test_a_file_by_its_path(tmp_path):
    path = tmp_path / "mouse.yaml"
    path.write_text(MOUSE)
    found = skeleton(str(path))
    assert (found.name, len(found), found.limbs) == ("mouse", 4, ((0, 1), (0, 2), (0, 3)))
    assert (found.groups, found.sigmas) == ({"Ears": (1, 2)}, (0.1, 0.2, 0.2, 0.3))
    assert (found.parents, found.colors) == ((0, 0, 0, 0), {"tail": (1, 2, 3)})
    assert found.sides == ("", "left", "right", "")
    path.write_text("joints: [a, b]")
    assert skeleton(str(path)).joints == ("a", "b")


def test_the_users_folders_come_first(tmp_path, monkeypatch):
    (tmp_path / "skeleton").mkdir()
    (tmp_path / "skeleton/mouse.yaml").write_text(MOUSE)
    (tmp_path / "skeleton/mpii.yaml").write_text("joints: [nose]")
    assert "mouse" not in names()
    monkeypatch.setenv("POSEREG_CONFIG_DIR", str(tmp_path))
    assert "mouse" in names()
    assert skeleton("mouse").joints[3] == "tail"
    assert len(skeleton("mpii")) == 1
    assert len(MPII) == 16  # what posereg itself means by MPII


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints: [a, a]", "joints: a is there more than once"),
        ("joints: []", "joints: must be a list of names"),
        ("joints: [1, 2]", "joints: must be a list of names"),
        ("limbs: [[a, b]]", "joints: must be a list of names"),
        ("joints: [nose, tail]\nlimbs: [[nose, tial]]", "limbs: no joint 'tial', did you mean 'tail'"),
        ("joints: [nose, tail]\nlimbs: [[nose, nose]]", "two different joints"),
        ("joints: [nose, tail]\nlimb: []", "no such key 'limb', did you mean 'limbs'"),
        ("joints: [nose, tail]\nsigmas: [0.1]", "sigmas: must be a number above 0 for each of the 2 joints"),
        ("joints: [nose, tail]\nsigmas: [0.1, .nan]", "sigmas: must be a number above 0"),
        ("joints: [nose, tail]\nsigmas: {nose: 0.1}", "sigmas: must be a number above 0"),
        ("joints: [nose, tail]\nparents: [nose]", "parents: 1 for 2 joints"),
        ("joints: [nose, tail]\npairs: {left: a}", "a rule names the text of each side"),
        ("joints: [a, b, c]\npairs: [[a, b], [b, c]]", "pairs: b is in more than one pair"),
        ("joints: [nose, L_ear]", "'L_ear' looks like one side, but there is no 'R_ear'"),
        ("joints: [nose]\ncolors: {nose: [300, 0, 0]}", "colors.nose: must be"),
        ("joints: [nose]\ncolumns: {All: nose}", "columns.All: must be a list of joints"),
        ("[1, 2]", "it holds a list"),
        ("joints: [", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path, text, message):
    path = tmp_path / "mouse.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"mouse\.yaml") as caught:
        skeleton(str(path))
    assert message in str(caught.value)


def test_pairs_that_are_given_win_over_names():
    made = skeleton({"joints": ["L_ear", "other", "nose"], "pairs": [["other", "L_ear"]]})
    assert made.sides == ("right", "left", "")
    assert skeleton({"joints": ["L_ear", "nose"], "pairs": []}).flip_pairs == ()


def test_a_missing_file_is_named():
    with pytest.raises(UserError, match=r"no such file: nowhere/mouse\.yaml"):
        files.path_of("nowhere/mouse.yaml")
