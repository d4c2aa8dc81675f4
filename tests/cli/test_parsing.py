"""`key=value` arguments to typed values."""

from pathlib import Path

import pytest

from posereg.cli.parsing import known_keys, parse
from posereg.cli.spec import BOOLEAN, FILE, NAME, Command, Option, listed, whole
from posereg.errors import UserError

PLAIN = Command(
    "try",
    "a command of this test",
    positional=(Option("table", NAME, "a table", required=True),),
    options=(
        Option("file", FILE, "a file"),
        Option("count", whole(1), "how many", default=3),
        Option("names", listed(NAME), "some"),
        Option("really", BOOLEAN, "or not", default=False),
    ),
)
DATA = Command("try", "with data", options=(Option("out", FILE, "a file", required=True),), config="data")
ALL = Command("try", "with everything", config="all")


def test_values_have_their_types_and_what_is_left_out_its_default() -> None:
    assert parse(PLAIN, ["t", "file=a=b.json", "names=x,y"]) == {
        "table": "t", "file": Path("a=b.json"), "count": 3, "names": ["x", "y"], "really": False,
    }  # fmt: skip
    assert parse(PLAIN, ["really=yes", "count=12", "table=t"])["count"] == 12


def test_a_path_stands_for_itself_though_it_looks_like_no_key() -> None:
    assert parse(PLAIN, ["./a b"])["table"] == "./a b"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "TABLE is missing"),
        (["t", "u"], "'u' is not key=value"),
        (["t", "cuont=2"], "unknown key 'cuont', did you mean 'count'?"),
        (["t", "count=2", "count=3"], "count is given twice"),
        (["t", "count=0"], "count=0: not a whole number of at least 1"),
        (["t", "data.root=x"], "unknown key 'data.root'"),
    ],
)
def test_mistakes_end_with_the_usage(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(PLAIN, arguments)
    assert str(caught.value).startswith("posereg try: ")
    assert message in str(caught.value)
    assert str(caught.value).endswith(f"(usage: {PLAIN.usage()})")


def test_a_command_on_data_takes_data_and_nothing_else_of_the_config() -> None:
    given = ["data=coco", "data.root=r", "+data.x=1", "~data.boxes", "out=o"]
    assert parse(DATA, given) == {"overrides": given[:-1], "out": Path("o")}
    with pytest.raises(UserError, match="data= is missing"):
        parse(DATA, ["out=o"])
    with pytest.raises(UserError, match="data=, out= are missing"):
        parse(DATA, [])
    with pytest.raises(UserError, match="unknown key 'method'"):
        parse(DATA, ["data=coco", "out=o", "method=H1"])


def test_a_command_on_runs_takes_any_key_of_the_config_and_what_is_added() -> None:
    given = [
        "method=H1",
        "trainer.epochs=2",
        "+mine/table=x",
        "hydra.launcher.slots=1",
        "hydra.launcher.slots=2",
    ]
    assert parse(ALL, given) == {"overrides": given}
    with pytest.raises(UserError, match="unknown key 'methd', did you mean 'method'"):
        parse(ALL, ["methd=H1"])
    assert {"data", "method", "seed"} <= set(known_keys(ALL))
    assert known_keys(DATA) == ["out", "data"]
