"""Accuracy by company: counted by hand, equal to the evaluator's own split, drawn in the report."""

from dataclasses import replace

import numpy as np

from posereg.evaluation import pckh
from posereg.records.predictions import load
from posereg.reporting import crowding, html, report
from posereg.reporting.collect import collect
from reporting import made


def test_people_on_image_by_hand():
    images = np.array([7, 3, 7, 9, 7, 3])
    visibility = np.zeros((6, 2), int)
    visibility[[0, 2, 1, 5, 3], 1] = 1  # the fifth person has no label
    np.testing.assert_array_equal(crowding.people_on_image(images, visibility), [2, 2, 2, 1, 2, 2])


def company(tmp_path):
    """Two rows on 120 people: twenty alone, the others in pairs and crowds of seven, as runs leave them."""
    truth = made.poses(tmp_path / "data")
    sizes = [1] * 20 + [2] * 29 + [7] * 6
    image = np.repeat(np.arange(len(sizes)), sizes)
    truth = replace(truth, person_image=image[: len(truth)])
    for row, error in (("H1", 5.0), ("I1", 3.6)):
        for seed in range(2):
            place = made.run(tmp_path / "runs", row, seed, error, truth).parent
            with np.load(place / "evaluation.npz") as raw:
                arrays = dict(raw)
            images = truth.image_ids[truth.person_image]
            np.savez(place / "evaluation.npz", **arrays, images=images, visibility=truth.visibility)
    return truth, collect("integral/table2", tmp_path / "runs")


def test_rows_agree_with_the_evaluators_split(tmp_path):
    truth, table = company(tmp_path)
    row = table.row("I1")
    by = crowding.of_row(row, 0.5)
    assert list(by) == [1, 2, crowding.MOST]
    assert [count for _, count in by.values()] == [20, 58, 42]
    splits = []
    for run in row.runs:
        evaluation = pckh.evaluate(truth, load(run.folder / "predictions.npz"))
        splits.append(pckh.by_labelled(truth, evaluation))
    assert by[1][0] == np.mean([split[1][0] for split in splits])
    assert by[5][0] == np.mean([split[7][0] for split in splits])


def test_the_report_draws_it_and_shows_compared_maps(tmp_path):
    _, table = company(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    assert "Maps side by side" not in html.page(table, out, {})
    (out / html.COMPARED).write_bytes(b"\x89PNG")
    page = report.write(table, out, pictures=0).read_text()
    assert (out / "crowding.png").stat().st_size > 1000
    assert (out / "crowding.svg").exists()
    assert "Alone and in company" in page
    assert "data:image/png;base64,iVBORw==" in page


def test_nothing_to_draw_when_everybody_is_alone_or_material_lacks(tmp_path):
    truth = made.poses(tmp_path / "data")
    place = made.run(tmp_path / "runs", "H1", 0, 5.0, truth).parent
    table = collect("integral/table2", tmp_path / "runs")
    assert crowding.figure(table) is None  # no visibility beside the distances
    with np.load(place / "evaluation.npz") as raw:
        arrays = dict(raw)
    np.savez(place / "evaluation.npz", **arrays, images=truth.image_ids, visibility=truth.visibility)
    assert crowding.of_row(table.row("H1"), 0.5)[1][1] == 120
    assert crowding.figure(table) is None
