"""The people a run was scored on are read again, by the name of their data set and nothing else of the result."""

import pytest

from posereg import config as configs
from posereg.errors import UserError
from posereg.reporting.collect import Run
from posereg.reporting.scored import scored_people
from tiny import data_set, overrides


def run(**protocol):
    plain = configs.plain(configs.compose(overrides("mpii", data_set("mpii"))))
    poses = configs.instantiate(plain["data"]).read("valid")
    said = {"split": "valid", "annotation_hash": poses.annotation_hash, **protocol}
    return Run(data_set("mpii") / "result.json", {"protocol": said, "config": plain}), poses


def test_the_same_people():
    scored, poses = run()
    assert scored_people(scored, data_set("mpii")).ids.tolist() == poses.ids.tolist()


def test_other_annotations_are_refused():
    scored, _ = run(annotation_hash="0" * 16)
    with pytest.raises(UserError, match="not the file"):
        scored_people(scored, data_set("mpii"))


def test_where_the_data_lie_is_the_users_to_say(monkeypatch, tmp_path):
    """A result that names a folder of its own does not open that folder."""
    scored, _ = run()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="with root=DIR"):
        scored_people(scored)


@pytest.mark.parametrize("name", [None, 3, "../mpii", "mpii method=H1", "no_such_set"])
def test_a_result_without_a_data_set_of_ours_is_named(name):
    scored, _ = run()
    scored.result["config"]["data"] = {"name": name}
    with pytest.raises(UserError):
        scored_people(scored, data_set("mpii"))


def test_nothing_is_built_from_the_result(tmp_path):
    scored, poses = run()
    harm = tmp_path / "harm"
    node = {"_target_": "pathlib.Path.touch", "_args_": [str(harm)]}
    scored.result["config"]["data"] |= {
        "_target_": "os.system",
        "reader": node,
        "evaluate": node,
        "root": str(tmp_path),
    }
    assert scored_people(scored, data_set("mpii")).ids.tolist() == poses.ids.tolist()
    assert not harm.exists()
