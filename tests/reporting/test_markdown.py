"""Text from a run's files stays text in a page."""

import pytest

from posereg.reporting.markdown import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("H1", "H1"),
        ("a|b", "a\\|b"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("one\ntwo\r\n| three", "one two \\| three"),
        ("ü & é", "ü &amp; é"),
    ],
)
def test_text_stays_text(text, shown):
    assert escaped(text) == shown
