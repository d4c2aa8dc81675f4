"""The people a run was scored on are read again, and only if the annotations are still the same."""

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
    assert scored_people(scored).ids.tolist() == poses.ids.tolist()


def test_other_annotations_are_refused():
    scored, _ = run(annotation_hash="0" * 16)
    with pytest.raises(UserError, match="not the file"):
        scored_people(scored)


def test_a_result_without_a_data_set_is_named():
    scored, _ = run()
    scored.result["config"] = {}
    with pytest.raises(UserError, match=r"result\.json: its config does not say how to read the data"):
        scored_people(scored)
