"""The runs of a sweep: what Hydra would run, with what they need before them."""

import pytest

from posereg.errors import UserError
from posereg.files import write_json
from posereg.planning.sweep import combinations, planned
from posereg.runs import folder as runs


def names(found):
    return [(run.config["row"], run.config["seed"]) for run in found]


def test_every_combination_the_last_one_fastest():
    found = combinations(["method=R1,H1", "data=mpii", "seed=0,1"])
    assert found == [[f"method={m}", "data=mpii", f"seed={s}"] for m in ("R1", "H1") for s in (0, 1)]


def test_globs_are_the_rows_of_the_table():
    found = combinations(["+experiments/integral/table3=glob([a_*,b_*])"])
    rows = {"a_H1", "a_I1", "b_H1", "b_I1"}
    assert {overrides[0].partition("=")[2] for overrides in found} == rows


@pytest.mark.parametrize("text", ["+experiments/integral/table2=glob(nothing*)", "seed=1,,2"])
def test_what_is_no_sweep_is_refused(text):
    with pytest.raises(UserError):
        combinations([text])


def test_rows_that_others_need_come_first_and_once(tmp_path):
    found = planned([["+experiments/art/table2=W32_multi", "data=coco", f"runs={tmp_path}", "seed=0,1"]])
    assert names(found) == [("W32", 0), ("W32_multi", 0), ("W32", 1), ("W32_multi", 1)]
    assert [run.asked for run in found] == [False, True, False, True]
    assert found[1].needs == [found[0]]
    assert found[3].needs == [found[2]]


def test_a_row_that_is_asked_for_is_the_sibling_too(tmp_path):
    found = planned([["+experiments/art/table2=W32_multi,W32", "data=coco", f"runs={tmp_path}"]])
    assert names(found) == [("W32", 0), ("W32_multi", 0)]
    assert all(run.asked for run in found)


def test_states_are_those_of_the_folders(tmp_path):
    command = [["method=H1,R1,I1,H2", "data=mpii", f"runs={tmp_path}"]]
    by_row = {run.config["row"]: run for run in planned(command)}
    for row, state, digest in (("H1", "done", None), ("R1", "failed", None), ("H2", "done", "other")):
        run = by_row[row]
        runs.write_status(run.folder, state, config_hash=digest or runs.config_hash(run.config))
        write_json(run.folder / runs.RESULT, {})
    states = {run.config["row"]: run.state for run in planned(command) if run.asked}
    assert states == {"H1": "done", "R1": "begun", "I1": "", "H2": "changed"}


def test_hardware_that_this_machine_lacks_is_no_mistake(tmp_path):
    gpus = ["trainer=gpu", "trainer.devices=4", "trainer.sync_batchnorm=true", "trainer.precision=16-mixed"]
    (run,) = planned([["method=H1", "data=mpii", f"runs={tmp_path}", *gpus]])
    assert run.config["trainer"]["devices"] == 4
    with pytest.raises(UserError, match="batch_size"):
        planned([["method=H1", "data=mpii", "batch_size=6", *gpus]])
