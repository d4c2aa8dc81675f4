"""All files of a table's report: table.md, table.csv, index.html and its figures as PNG and SVG."""

from __future__ import annotations

from pathlib import Path

from posereg.errors import UserError
from posereg.files import whole_file
from posereg.reporting import curves, html, table
from posereg.reporting.collect import Table
from posereg.reporting.pictures import Example, of_table, sheet


def write(found: Table, out: Path, pictures: int = 6) -> Path:
    """Write the report into `out` and return the page's path. Pictures that cannot be made are a remark."""
    examples: list[Example] = []
    remarks = []
    if pictures:
        try:
            examples = of_table(found, pictures)
        except UserError as error:
            remarks.append(f"No example pictures: {error}")
    for name, text in (("table.md", table.as_markdown(found)), ("table.csv", table.as_csv(found))):
        with whole_file(out / name) as temporary:
            temporary.write_text(text)
    figures = curves.figures(found)
    for name, figure in figures.items():
        for ending in ("png", "svg"):
            curves.save(figure, out / f"{name}.{ending}")
    if examples:
        import cv2

        with whole_file(out / "pictures.jpg") as temporary:
            cv2.imwrite(str(temporary), sheet(examples)[..., ::-1])
    html.write(found, out / "index.html", figures, examples, remarks)
    return out / "index.html"
