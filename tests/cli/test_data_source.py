"""A data set from `data=NAME data.KEY=VALUE` alone."""

from pathlib import Path

import pytest

from posereg.cli.data_source import source_of
from posereg.errors import UserError
from tiny import data_set


def test_the_source_reads_what_the_overrides_say(tmp_path: Path) -> None:
    source = source_of(["data=synthetic", f"data.root={data_set('mpii')}", "data.val_split=train"])
    assert (source.name, source.skeleton, source.val_split) == ("synthetic", "mpii", "train")
    assert len(source.read("train")) + len(source.read("valid")) == 40
    assert source_of(["data=coco", f"data.root={tmp_path}"]).root == str(tmp_path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.rot=x", "unknown key 'data.rot', did you mean 'root'"),
        ("data.min_box_score=-1", "data.min_box_score=-1"),
    ],
)
def test_a_wrong_setting_of_the_data_set_is_named(override: str, message: str) -> None:
    from posereg.terminal.hydra_errors import one_line

    with pytest.raises(Exception, match=r".") as caught:  # Hydra's own for keys, posereg's for values
        source_of(["data=coco", override])
    text = str(caught.value) if isinstance(caught.value, UserError) else one_line(caught.value)
    assert text is not None
    assert message in text
