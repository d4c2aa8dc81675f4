"""`posereg detect`: which images go to the detector under which numbers, and what is written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.made import noise_image
from posereg.cli import detect
from posereg.errors import UserError
from posereg.predict import detector
from tiny import data_set


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that sees one person, as large as the image, with a score of 0.5."""

    class Whole(torch.nn.Module):
        def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
            return [
                {
                    "boxes": torch.tensor([[0.0, 0.0, image.shape[2], image.shape[1]]]),
                    "labels": torch.tensor([1]),
                    "scores": torch.tensor([0.5]),
                }
                for image in images
            ]

    monkeypatch.setattr(detector, "load_detector", lambda *_: Whole())


def written(out: Path) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads(out.read_text())
    return content


def run(out: Path, source: str | None = None, overrides: list[str] | None = None, score: float = 0.05) -> int:
    return detect.run(overrides or [], source, out, None, "any", None, score, "cpu", 2)


@pytest.mark.parametrize(
    ("names", "numbers"), [(("7.png", "000012.png"), [12, 7]), (("a.png", "7.png"), [0, 1])]
)
def test_pictures_are_numbered_by_name_or_by_place(
    fake: None, tmp_path: Path, names: tuple[str, ...], numbers: list[int]
) -> None:
    for name in names:
        noise_image(tmp_path / "in" / name, width=40)
    assert run(tmp_path / "boxes.json", str(tmp_path / "in")) == 0
    rows = written(tmp_path / "boxes.json")
    assert [row["image"] for row in rows] == sorted(names)
    assert [row["image_id"] for row in rows] == numbers
    assert all(row["bbox"][2] == 40 for row in rows)


def test_a_split_is_numbered_as_its_annotations_number_it(
    fake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = data_set("coco")
    assert run(tmp_path / "boxes.json", overrides=["data=synthetic_coco", f"data.root={root}"]) == 0
    images = json.loads((root / "annotations/person_keypoints_val2017.json").read_text())["images"]
    rows = written(tmp_path / "boxes.json")
    assert {row["image_id"] for row in rows} == {image["id"] for image in images}
    size = {image["id"]: [0, 0, image["width"], image["height"]] for image in images}
    np.testing.assert_allclose([row["bbox"] for row in rows], [size[row["image_id"]] for row in rows])
    assert f"{len(rows)} people in {len(images)} images" in capsys.readouterr().out


def test_nobody_above_the_score_is_an_empty_list(fake: None, tmp_path: Path) -> None:
    noise_image(tmp_path / "in/1.png", width=40)
    assert run(tmp_path / "boxes.json", str(tmp_path / "in"), score=0.6) == 0
    assert written(tmp_path / "boxes.json") == []


def test_pictures_or_a_data_set_but_not_both(fake: None, tmp_path: Path) -> None:
    for source, overrides in ((None, []), ("in", ["data=coco"])):
        with pytest.raises(UserError, match="name source= or data=, one of them"):
            run(tmp_path / "boxes.json", source, overrides)
    assert not (tmp_path / "boxes.json").exists()
