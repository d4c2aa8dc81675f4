"""Text from runs and files in Markdown: it stays text, whatever is in it."""

from __future__ import annotations


def escaped(text: str) -> str:
    """The text for a table cell or heading: no column, line or HTML tag of its own."""
    one_line = " ".join(str(text).split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")
