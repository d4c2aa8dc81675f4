"""The page: what stands on it, safe against odd names, and with nothing that must be fetched."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import cv2
import numpy as np

from posereg.reporting import html, report
from posereg.reporting.collect import collect
from reporting import made


def test_what_a_cascade_says_of_occluded_joints_is_a_table(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    for seed, peak in ((0, 60.0), (1, 64.0)):
        file = made.run(tmp_path, "H1", seed, 4.0, truth)
        result = json.loads(file.read_text())
        result["metrics"] |= {"peak/detection/visible": peak, "at_joint/detection/occluded": 30.0}
        file.write_text(json.dumps(result))
    made.run(tmp_path, "R1", 0, 4.0, truth)
    page = report.write(collect("integral/table2", tmp_path), tmp_path / "out", 0).read_text()
    section = page[page.index("Confidence at visible") :]
    assert "at joint, detection, occluded" in section
    assert re.search(r"H1</td><td[^>]*>62\.0</td><td[^>]*>30\.0", section)
    assert re.search(r"R1</td><td[^>]*>–</td>", section)


def test_page_escapes_names(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 10)
    made.run(tmp_path, "<b>&", 0, 4.0, truth)
    content = report.write(collect("integral/table2", tmp_path), tmp_path / "out", 0).read_text()
    assert "<b>&<" not in content
    assert "&lt;b&gt;&amp;" in content


def test_pictures_of_a_run_are_on_the_page_and_no_wider_than_it(tmp_path: Path) -> None:
    file = made.run(tmp_path, "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    cv2.imwrite(str(file.parent / "wide.png"), np.full((20, 2 * html.WIDEST, 3), 7, np.uint8))
    (tmp_path / "secret.png").write_bytes((file.parent / "wide.png").read_bytes())
    result = json.loads(file.read_text())
    result["files"] |= {
        "taps_figure": "wide.png",
        "other_figure": "../../secret.png",
        "gone_figure": "none.png",
    }
    file.write_text(json.dumps(result))
    content = html.page(collect("integral/table2", tmp_path), tmp_path, {})
    pictures = re.findall(r'src="data:image/\w+;base64,([^"]+)"', content)
    assert len(pictures) == 1  # only files of the run's own folder
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (10, html.WIDEST, 3)


def test_the_best_seed_means_and_the_command_that_makes_the_table_are_named(tmp_path: Path) -> None:
    truth = made.poses(tmp_path / "data", 30)
    for row, error in (("H1", 6.0), ("I1", 2.0)):
        for seed in (0, 3):
            made.run(tmp_path, row, seed, error, truth)
    table = collect("integral/table2", tmp_path)
    content = html.page(table, tmp_path, {})
    assert "data=synthetic seed=0,3" in content
    row = table.row("I1")
    assert row is not None
    best = [
        text for kind, text in re.findall(r'<td class="([^"]*)"[^>]*>([^<]*)<', content) if "best" in kind
    ]
    assert f"{row.mean('PCKh@0.5'):.1f} ±{row.spread('PCKh@0.5'):.1f}" in best


def test_links_lead_to_the_files_of_the_runs(tmp_path: Path) -> None:
    file = made.run(tmp_path / "runs", "H1", 0, 4.0, made.poses(tmp_path / "data", 10))
    out = tmp_path / "pages" / "index.html"
    html.write(collect("integral/table2", tmp_path / "runs"), out, {}, remarks=["<a remark>"])
    content = out.read_text()
    links = [link for link in re.findall(r'href="([^"#]+)"', content) if not link.startswith("data:")]
    assert {(out.parent / link).resolve() for link in links} == {
        file.parent / name for name in ("result.json", "metrics.csv", "predictions.npz")
    }
    assert "&lt;a remark&gt;" in content
