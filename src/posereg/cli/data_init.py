"""`posereg data init`: write the YAML that describes a data set of the user's."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import DIR, FILE, NAME, Command, Option, listed
from posereg.errors import UserError

COMMAND = Command(
    "data init",
    "write the file that describes your own data set, from its annotations",
    """
    Annotations are a COCO-style .json, a table of DeepLabCut or lightning-pose (.csv), the data.yaml of a YOLO-pose
    folder, or SLEAP's .slp. Joints, categories and limbs are taken from it; splits and metrics are a beginning to be
    changed.
    """,
    positional=(
        Option("images", DIR, "the folder of pictures", required=True),
        Option("annotations", FILE, "the annotation file", required=True),
    ),
    options=(
        Option("out", FILE, "the file to write", default_text="named after the annotation file"),
        Option("category", NAME, "which of several categories"),
        Option("joints", listed(NAME), "names of the joints, where a YOLO-pose folder has none"),
    ),
    examples=("posereg data init pictures mouse.json out=mouse.yaml",),
)


def run(
    images: Path, annotations: Path, out: Path | None, category: str | None, joints: list[str] | None
) -> int:
    """Write the file and say what it holds and how to go on.

    Raises:
        UserError: no such folder or file, annotations that cannot be used, or a file that is there already.
    """
    import os

    import yaml

    from posereg.data.formats.own_init import describe
    from posereg.files import write_text
    from posereg.skeletons.skeleton import skeleton

    if not images.is_dir():
        raise UserError(f"{images}: no such folder of pictures")
    if not annotations.is_file():
        raise UserError(f"{annotations}: no such annotation file")
    out = out or Path(f"{annotations.stem}_data.yaml")
    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"out={out}: must end in .yaml")
    if out.exists():
        raise UserError(f"{out}: is there already; give another out=")
    described = describe(annotations, category, joints)
    root = Path(os.path.commonpath([images.resolve(), annotations.resolve().parent]))
    source = described["source"]
    places = {"annotations": annotations.resolve().relative_to(root).as_posix()}
    # A table's and a YOLO folder's names hold the folder.
    inside = images.resolve().relative_to(root).as_posix()
    places |= {"images": inside} if source["format"] in ("coco-json", "sleap") and inside != "." else {}
    below = Path(os.path.relpath(root, out.resolve().parent)).as_posix()
    places |= {"root": below} if below != "." else {}
    described["source"] = {"format": source["format"], **places, **source}
    joint_set = skeleton({"name": out.stem, **described["skeleton"]})
    text = yaml.safe_dump(described, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
    write_text(out, f"# A data set of your own (docs/own_data.md of posereg).\n{text}")
    pairs = ", ".join(f"{joint_set.joints[a]}/{joint_set.joints[b]}" for a, b in joint_set.flip_pairs)
    print(f"{out}: {len(joint_set)} joints; mirrored: {pairs or 'none, so pictures are not mirrored'}")
    print(f"next: posereg data check data={out}")
    return 0
