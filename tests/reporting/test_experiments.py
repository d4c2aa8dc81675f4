"""A published table read from its folder: rows in order, published and quoted numbers, mistakes by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from posereg.errors import UserError
from posereg.reporting.experiments import definition, quoted

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def place(folder: Path, **files: str) -> Path:
    """Folder of table a/b with rows H1 to H3 and the given files."""
    where = folder / "a/b"
    where.mkdir(parents=True)
    for row in ("H1", "H2", "H3"):
        (where / f"{row}.yaml").write_text(f"row: {row}\npaper: {{AUC: 5{row[1]}.5}}\n")
    for name, content in files.items():
        (where / name.replace("_", ".")).write_text(content)
    return where


def test_named_rows_come_first_and_the_rest_by_name(tmp_path: Path) -> None:
    place(tmp_path, table_toml='order = ["H3"]\ntitle = "T"\nvaries = ["input_size"]\nnote = "N"\n')
    table = definition("a/b", tmp_path)
    assert list(table.rows) == ["H3", "H1", "H2"]
    assert table.rows["H2"]["paper"] == {"AUC": 52.5}
    assert (table.title, table.varies, table.note, table.columns) == ("T", ("input_size",), "N", ())


def test_a_row_is_called_what_it_says_not_what_its_file_is_called(tmp_path: Path) -> None:
    (place(tmp_path) / "other.yaml").write_text("row: I_star\n")
    (tmp_path / "a/b/plain.yaml").write_text("method: {}\n")
    assert {"I_star", "plain"} < set(definition("a/b", tmp_path).rows)


def test_a_table_that_is_not_published_is_empty(tmp_path: Path) -> None:
    table = definition("no/such", tmp_path)
    assert (table.name, table.rows, table.quoted) == ("no/such", {}, ())


def test_quoted_numbers_leave_out_empty_cells(tmp_path: Path) -> None:
    where = place(tmp_path, quoted_csv="method,AUC,PCKh@0.5\nNewell,62.9,90.9\nSomeone,,80\n")
    assert definition("a/b", tmp_path).quoted == (
        ("Newell", {"AUC": 62.9, "PCKh@0.5": 90.9}),
        ("Someone", {"PCKh@0.5": 80.0}),
    )
    assert quoted(where / "none.csv") == ()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("table.toml", 'colums = ["AUC"]', "unknown key 'colums', did you mean 'columns'"),
        ("table.toml", 'order = ["H9"]', "order names row 'H9'"),
        ("table.toml", "order = [", "table.toml"),
        ("quoted.csv", "method,AUC\nSomeone,high\n", "line 2"),
        ("quoted.csv", "name,AUC\nSomeone,50\n", "column 'method'"),
    ],
)
def test_mistakes_in_a_definition_name_the_file(
    tmp_path: Path, file: str, content: str, message: str
) -> None:
    (place(tmp_path) / file).write_text(content)
    with pytest.raises(UserError) as refused:
        definition("a/b", tmp_path)
    assert message in str(refused.value)
    assert file in str(refused.value)


@pytest.mark.parametrize(
    "file", sorted(EXPERIMENTS.glob("*/*/table.toml")), ids=lambda f: "/".join(f.parts[-3:-1])
)
def test_shipped_tables_are_read_and_every_row_has_published_numbers(file: Path) -> None:
    name = "/".join(file.parts[-3:-1])
    table = definition(name, EXPERIMENTS)
    assert table.title
    assert table.rows
    assert all(
        isinstance(value, int | float)
        for row in table.rows.values()
        for value in row.get("paper", {}).values()
    )


@pytest.mark.parametrize(
    "file", sorted(EXPERIMENTS.glob("*/*/table.toml")), ids=lambda f: "/".join(f.parts[-3:-1])
)
def test_shipped_tables_name_the_data_set_of_their_numbers(file: Path) -> None:
    name = "/".join(file.parts[-3:-1])
    assert (EXPERIMENTS.parent / f"conf/data/{definition(name, EXPERIMENTS).data}.yaml").exists()
