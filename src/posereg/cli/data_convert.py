"""`posereg data convert`: annotations of one form in another."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import DIR, FILE, NAME, Command, Option, listed
from posereg.errors import UserError

COMMAND = Command(
    "data convert",
    "write annotations in another form: COCO, DeepLabCut, YOLO, SLEAP",
    """
    Reads a COCO-style .json, a table of DeepLabCut or lightning-pose (.csv), the data.yaml of a YOLO-pose folder or
    SLEAP's .slp, and writes one of the others: .json, .csv, .slp, or a folder for YOLO, which gets copies of the
    pictures. Pictures inside a .pkg.slp are taken out into <to>_pictures/.
    """,
    options=(
        Option("from", FILE, "the annotations", required=True),
        Option("to", FILE, "what to write", required=True),
        Option("images", DIR, "the folder of pictures", default_text="found from the annotation file"),
        Option("category", NAME, "which of several categories"),
        Option("joints", listed(NAME), "names of the joints, where a YOLO-pose folder has none"),
    ),
    examples=("posereg data convert from=labels.slp to=mouse.json",),
)


def run(from_: Path, to: Path, images: Path | None, category: str | None, joints: list[str] | None) -> int:
    """Write the file and say what it holds and what was left out.

    Raises:
        UserError: annotations that cannot be used, or a file that is there already.
    """
    from posereg.data.formats import own_convert, own_slp

    write = own_convert.writer_of(to)
    if not from_.is_file():
        raise UserError(f"from={from_}: no such file")
    if to.suffix and to.exists():
        raise UserError(f"to={to}: is there already; give another name")
    annotations = from_
    if from_.suffix.lower() == ".slp":
        annotations = own_slp.unpacked(from_, to.with_name(f"{to.stem}_pictures"))
    poses = own_convert.everybody(annotations, images, category, joints)
    write(poses, to)
    print(f"{to}: {len(poses)} animals on {len(poses.images)} pictures, {len(poses.skeleton)} joints each")
    for reason, who in poses.left_out.items():
        print(f"{len(who)} {reason}: {', '.join(who[:5])}{', ...' if len(who) > 5 else ''}")
    return 0
