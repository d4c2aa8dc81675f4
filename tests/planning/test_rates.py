"""What finished runs say of how fast a device trains."""

import pytest

from posereg.errors import UserError
from posereg.files import write_json
from posereg.planning.rates import measured, stated


def config(method="A", row="a", table="paper/table1", devices=1):
    return {"method": {"_target_": method}, "row": row, "table": table, "trainer": {"devices": devices}}


def done(folder, config, images_per_s, macs=1e9):
    result = {"row": config["row"], "seed": 0, "metrics": {}, "table": config["table"], "config": config,
              "training": {"images_per_s": images_per_s}, "complexity": {"macs": macs}}  # fmt: skip
    folder.mkdir(parents=True)
    write_json(folder / "result.json", result)


def test_a_stated_rate_holds_for_all():
    assert stated(20)(config()) == 20e12


def test_a_rows_own_rate_then_its_methods_then_all(tmp_path):
    done(tmp_path / "1", config(row="a"), 100)
    done(tmp_path / "2", config(row="b"), 300)
    done(tmp_path / "3", config(method="B", row="c"), 1000)
    rate, median = measured([tmp_path])
    assert rate(config(row="a")) == 100 * 6e9
    assert rate(config(row="new")) == 200 * 6e9
    assert rate(config(method="C")) == 300 * 6e9
    assert median == pytest.approx(300 * 6e9 / 1e12)


def test_images_of_several_devices_are_not_one_devices(tmp_path):
    done(tmp_path / "1", config(devices=4), 100)
    assert measured([tmp_path])[0](config()) == 25 * 6e9


def test_runs_that_only_evaluated_tell_nothing(tmp_path):
    done(tmp_path / "1", config(), None)
    with pytest.raises(UserError, match="no finished run there has trained"):
        measured([tmp_path])
