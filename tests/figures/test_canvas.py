"""Figures are the same bytes each time, as text or as a file."""

import itertools
from xml.etree import ElementTree

import pytest

from posereg.figures import canvas


def figure():
    with canvas.canvas(3, 2) as (drawn, axes):
        axes.plot([0, 1], [0, 1], color=canvas.COLORS[0], label="a line")
        axes.set_xlabel("epoch")
    return drawn


def test_svg_is_text_without_a_date():
    first, second = canvas.svg(figure()), canvas.svg(figure())
    assert first == second
    assert first.startswith("<svg")
    assert "epoch" in first  # letters, not outlines


def test_files_are_what_their_names_say(tmp_path):
    canvas.save(figure(), tmp_path / "a.png")
    canvas.save(figure(), tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_a_figure_saved_later_is_the_same_file(tmp_path):
    canvas.save(figure(), tmp_path / "a.svg")
    canvas.save(figure(), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "<dc:date>" not in (tmp_path / "a.svg").read_text()


def test_a_file_of_its_own_is_the_pages_drawing_on_white(tmp_path):
    drawn = figure()
    canvas.save(drawn, tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    behind = root[0]
    assert (behind.tag.rpartition("}")[2], behind.get("width"), behind.get("fill")) == (
        "rect",
        "100%",
        "#fff",
    )
    root.remove(behind)
    alone = ElementTree.fromstring(canvas.svg(figure()))
    assert [each.tag for each in root.iter()] == [each.tag for each in alone.iter()]


def test_a_figure_is_laid_out_once(tmp_path):
    drawn = figure()
    first = canvas.svg(drawn)
    canvas.save(drawn, tmp_path / "a.png")
    assert canvas.svg(drawn) == first  # at the same place, though the layout is off by now
    assert drawn.axes[0].get_position().y0 > 0.1  # room for the label: laid out, not left where it was


@pytest.mark.parametrize(
    ("ends", "marks"),
    [
        ((10.9, 14.8), ["11", "12", "13", "14", "15"]),
        ((0.0061, 0.0078), ["0.006", "0.0065", "0.007", "0.0075", "0.008"]),
        ((0.07, 0.11), ["0.07", "0.08", "0.09", "0.1", "0.11"]),
        ((3.1, 63.6), ["5", "10", "20", "50"]),
        ((0.05, 12), ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]),
    ],
)
def test_a_logarithmic_axis_has_plain_numbers_side_by_side(ends, marks):
    with canvas.canvas(3.6, 2) as (drawn, axes):
        axes.plot(ends, [0, 1])
        axes.set_xscale("log")
        axes.margins(0.12)
        canvas.plain_numbers(axes.xaxis)
    drawn.draw_without_rendering()
    low, high = axes.get_xlim()
    shown = [text for text in axes.get_xticklabels(which="both") if low <= text.get_position()[0] <= high]
    assert [text.get_text() for text in shown] == marks
    boxes = [text.get_window_extent() for text in shown]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
