"""Figures are the same bytes each time, as text or as a file."""

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
