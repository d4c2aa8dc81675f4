"""What is offered after `posereg <command>`, word by word."""

from posereg.cli import claims, score, table
from posereg.cli.candidates import candidates


def offered(command, words, incomplete):
    return [item.value for item in candidates(command.COMMAND, words, incomplete, [])]


def test_keys_that_are_not_given_yet():
    assert "runs=" in offered(table, [], "r")
    assert "runs=" not in offered(table, ["runs=a"], "r")


def test_tables_by_name():
    assert "integral/table2" in offered(table, [], "integral/")
    assert offered(claims, [], "integral/") == []


def test_choices_of_a_config_group():
    names = offered(score, [], "data=mpi")
    assert "data=mpii" in names
    assert all(name.startswith("data=mpi") for name in names)


def test_a_line_that_does_not_compose_offers_nothing_of_the_config():
    assert offered(score, ["data=nowhere"], "data.ro") == []
