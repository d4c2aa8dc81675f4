import pytest

from posereg.errors import UserError
from posereg.settings.yaml_file import read_yaml


def test_a_mapping_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text("joints: [Schnauze, ö]\n", encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == {"joints": ["Schnauze", "ö"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"- 1\n", "must hold keys and values"),
        (b"", "must hold keys and values"),
        (None, "cannot be read"),
    ],
)
def test_anything_else_is_one_error_that_names_the_file(tmp_path, content, said):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        read_yaml(path)
    assert str(path) in str(error.value)
