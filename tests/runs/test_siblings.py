"""Which runs a row needs: the command that trains each, the folder it lies in, and rows that need one another."""

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from posereg import config as configs
from posereg.errors import Interrupted, UserError
from posereg.runs import folder as runs
from posereg.runs import siblings as room
from posereg.runs.siblings import Sibling, finished_sibling, needed, sibling_overrides, siblings

COMMON = ["data=synthetic", "trainer=demo", "seed=2"]
TUNED = "method.optimizer.lr=6e-4"


def found(overrides: list[str], claimed: dict[Path, str] | None = None) -> list[Sibling]:
    return siblings(configs.plain(configs.compose(overrides)), overrides, claimed=claimed)


def write(run: Sibling, state: str) -> None:
    runs.write_status(run.folder, state, config_hash=run.digest)
    if state == "done":
        (run.folder / runs.RESULT).write_text("{}")


def test_a_row_of_the_same_table():
    given = ["+experiments/integral/table2=I1", *COMMON, "run_dir=elsewhere", "hydra.verbose=true"]
    assert sibling_overrides("H1", given) == ["+experiments/integral/table2=H1", *COMMON]


def test_a_row_of_another_table():
    given = ["+experiments/integral/table7=MS_I1", *COMMON]
    wanted = ["+experiments/integral/table6=MS_I1", *COMMON]
    assert sibling_overrides("integral/table6/MS_I1", given) == wanted


def test_it_inherits_how_is_learned_but_not_what_is_the_rows_own():
    shared = [TUNED, "+method.network.deconv_width=64", "schedule=cosine"]
    own = [
        "method.beta=2",
        "method.joint_weight=32",
        "~method.heatmap_loss",
        "method.name=x",
        "method.pretrain=H2",
        "overwrite=true",
        "row=mine",
    ]
    wanted = [*COMMON, *shared, "method=H1"]
    assert sibling_overrides("H1", ["method=I1", *COMMON, *shared, *own]) == wanted
    row = "+experiments/integral/table2="
    assert sibling_overrides("H2", [f"{row}I2", *COMMON, *shared, *own]) == [f"{row}H2", *COMMON, *shared]


def test_the_same_row_with_a_higher_seed():
    """An ensemble of one network trained several times; COMMON's seed is 2."""
    given = ["+experiments/volume/table2=ensemble", *COMMON]
    rest = [text for text in COMMON if not text.startswith("seed=")]
    assert sibling_overrides("flip@100", given) == ["+experiments/volume/table2=flip", *rest, "seed=102"]
    assert sibling_overrides("flip@1", rest) == [*rest, "method=flip", "seed=1"]
    with pytest.raises(UserError, match="'@x' behind a row adds to its seed"):
        sibling_overrides("flip@x", given)


def test_the_members_of_the_ensemble_are_what_its_columns_say(tmp_path: Path):
    """Volume, Table 2: HM36+MPII+COCO, ResNet-152, 288x384, flip test; and the entry of the challenge."""
    shared = ("input_size", "flip_test", "backbone")
    for table, splits in (("table2", (None, None)), ("challenge", ("trainval", "trainval"))):
        members = found([f"+experiments/volume/{table}=ensemble", f"runs={tmp_path}"])
        row = configs.plain(configs.compose([f"+experiments/volume/{table}=ensemble"]))
        assert len({(one.folder, one.config["seed"]) for one in members}) == 3
        for one in members:
            assert {key: one.config[key] for key in shared} == {key: row[key] for key in shared}
            assert one.config["loader"]["use"] == ["mpii", "coco"]
            assert (one.config["loader"].get("train_split"),) * 2 == splits


def test_given_weights_leave_nothing_to_start_from():
    assert needed({"method": {"pretrain": "H1"}}) == [("method.pretrain", "H1")]
    assert needed({"method": {"pretrain": "H1"}, "init_weights": "x.ckpt"}) == []
    assert needed({"method": {"members": ["a", "b"]}}) == [("method.members", "a"), ("method.members", "b")]


def test_a_tuned_sibling_has_a_folder_of_its_own_and_another_tuning_another(tmp_path: Path):
    given = ["+experiments/integral/table2=I1", *COMMON, f"runs={tmp_path}"]
    (plain,) = found(given)
    (tuned,) = found([*given, TUNED])
    (other,) = found([*given, "method.optimizer.lr=3e-4"])
    assert plain.folder == tmp_path / "synthetic/integral/table2/H1/seed2"
    assert tuned.folder.parent.name.startswith("H1-")
    assert len({plain.folder, tuned.folder, other.folder}) == 3
    assert tuned.config["row"] == tuned.folder.parent.name, "a table must not take it for another seed of H1"
    assert tuned.config["method"]["optimizer"]["lr"] == 6e-4
    # What the row's file says already is no tuning.
    (same,) = found([*given, f"method.optimizer.lr={plain.config['method']['optimizer']['lr']}"])
    assert same.folder == plain.folder


def test_the_losses_of_a_row_leave_its_sibling_where_it_is(tmp_path: Path):
    given = ["+experiments/integral/table2=I2", *COMMON, f"runs={tmp_path}"]
    (plain,), (heavy,) = found(given), found([*given, "method.joint_weight=32"])
    assert (heavy.folder, heavy.digest) == (plain.folder, plain.digest)
    assert heavy.config["method"]["joint_weight"] == 0


@pytest.mark.parametrize("state", ["done", "failed", "interrupted", "running"])
def test_a_row_trained_the_same_way_before_is_the_sibling(tmp_path: Path, state: str):
    given = ["method=I1", *COMMON, f"runs={tmp_path}", TUNED]
    swapped = sibling_overrides("H1", given)
    config = configs.plain(configs.compose(swapped))
    before = Sibling("H1", swapped, config)
    write(before, state)
    (again,) = found(given)
    assert (again.folder, again.digest) == (before.folder, before.digest)


def test_a_folder_that_another_configuration_holds_or_will_hold_is_left_alone(tmp_path: Path):
    given = ["method=I1", *COMMON, f"runs={tmp_path}"]
    (plain,) = found(given)
    (spoken_for,) = found(given, claimed={plain.folder: "another"})
    assert spoken_for.folder.parent.name.startswith("H1-")
    assert found(given, claimed={plain.folder: plain.digest})[0].folder == plain.folder
    write(spoken_for, "interrupted")
    assert found(given)[0].folder == spoken_for.folder, "what began is gone on with"

    runs.write_status(plain.folder, "done", config_hash="another")
    assert found(given)[0].folder == spoken_for.folder


@pytest.fixture
def circle(tmp_path: Path):
    """Methods A -> B -> C -> A, D -> D, and E -> C."""
    folder = tmp_path / "mine"
    (folder / "method").mkdir(parents=True)
    for name, other in (("A", "B"), ("B", "C"), ("C", "A"), ("D", "D"), ("E", "C")):
        text = f"defaults:\n  - H1\n  - _self_\nname: {name}\npretrain: {other}\n"
        (folder / "method" / f"{name}.yaml").write_text(text)
    with configs.config_folders([str(folder)]):
        yield tmp_path / "runs"


@pytest.mark.parametrize(
    ("method", "chain"),
    [
        ("A", "A -> B -> C -> A"),
        ("B", "B -> C -> A -> B"),
        ("D", "D -> D"),
        ("E", "E -> C -> A -> B -> C"),
    ],
)
def test_rows_that_start_from_one_another_are_refused_with_the_chain(circle: Path, method: str, chain: str):
    with pytest.raises(UserError, match=f"method.pretrain: {chain} leads back to") as error:
        found([f"method={method}", *COMMON, f"runs={circle}"])
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="leads back to"):
        found([f"method={method}", *COMMON, f"runs={circle}", "row=mine"])
    assert not circle.exists()


def test_a_sibling_that_makes_no_sense_is_named(tmp_path: Path):
    given = ["method=I1", *COMMON, f"runs={tmp_path}"]
    with pytest.raises(UserError, match=r"method.pretrain=H9: .*no such choice"):
        found([*given, "method.pretrain=H9"])
    with pytest.raises(UserError, match=r"(?s)method.pretrain=softargmax: .*method.network.deconv_width"):
        found([*given, "method.pretrain=softargmax", "method.network.deconv_width=64"])


def needing(tmp_path: Path) -> tuple[dict[str, Any], list[str], Sibling]:
    given = ["method=I1", *COMMON, f"runs={tmp_path}"]
    plain = configs.plain(configs.compose(given))
    (sibling,) = found(given)
    return plain, given, sibling


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("failed", 2, "failed: no such file"),
        ("interrupted", 143, "was stopped: no such file"),
        ("running", -9, "was killed by signal 9"),
        ("done", 0, None),
    ],
)
def test_how_the_siblings_run_ends_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, code: int, words: str | None
):
    plain, given, sibling = needing(tmp_path)

    def call(command: list[str]) -> int:
        assert command[3:] == ["train", *sibling.overrides]
        write(sibling, state)
        runs.write_status(sibling.folder, state, config_hash=sibling.digest, error="no such file")
        return code

    monkeypatch.setattr(room, "_call", call)
    if words is None:
        assert finished_sibling("H1", plain, given) == sibling.folder
        return
    with pytest.raises(UserError, match=f"I1 needs H1, whose run in .* {words}") as error:
        finished_sibling("H1", plain, given)
    assert "\n" not in str(error.value)


def test_a_finished_sibling_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plain, given, sibling = needing(tmp_path)
    write(sibling, "done")
    monkeypatch.setattr(room, "_call", lambda command: pytest.fail("run again"))
    assert finished_sibling("H1", plain, given) == sibling.folder


def test_a_signal_is_passed_on_and_the_sibling_may_finish_its_step(tmp_path: Path):
    program = (
        "import signal, sys, time, pathlib\n"
        "def end(number, frame): time.sleep(0.5); pathlib.Path(sys.argv[1], 'saved').touch(); sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, end); pathlib.Path(sys.argv[1], 'ready').touch(); time.sleep(60)"
    )

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted(number)

    def once_ready() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        threading.Thread(target=once_ready).start()
        with pytest.raises(Interrupted):
            room._call([sys.executable, "-c", program, str(tmp_path)])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (tmp_path / "saved").exists()
