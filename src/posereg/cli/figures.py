"""`posereg figures`: pictures of what trained networks see in their maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from posereg.cli.spec import CHECKPOINT, DIR, FILE, IMAGES, NAME, TEXT, Command, Option, listed, whole
from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.methods.base import PoseModule
    from posereg.records.poses import PoseSet

COMMAND = Command(
    "figures",
    "pictures of a trained network's maps",
    """
    One checkpoint: parts.png, all maps of a person as one picture in the colours of the limbs; of soft-argmax also
    softmax_<n>.png, maps before and after the softmax, and context_<n>.png, what context maps add. Several:
    compare.png, their maps of the same joints beside each other. The people are of the first checkpoint's
    validation split, or of your own pictures.
    """,
    options=(
        Option("checkpoint", listed(CHECKPOINT), "trained models", required=True),
        Option("out", DIR, "where the pictures go", required=True),
        Option("people", whole(1), "how many people, spread over the set", default=4),
        Option("joints", listed(NAME), "joints to compare", default_text="a few of each skeleton"),
        Option("root", DIR, "folder of the validation data", default_text="as in training"),
        Option("device", TEXT, "cpu, cuda ...", default="cpu"),
        Option("source", IMAGES, "your own pictures instead: image, folder or glob"),
        Option("boxes", FILE, "their people, as for posereg predict"),
    ),
    examples=("posereg figures checkpoint=runs/a/last.ckpt,runs/b/last.ckpt out=figures",),
)


def run(
    checkpoint: list[str],
    out: Path,
    people: int,
    joints: list[str] | None,
    root: Path | None,
    device: str,
    source: str | None,
    boxes: Path | None,
) -> int:
    """Draw the maps of one model, or compare those of several.

    Raises:
        UserError: a checkpoint, picture or joint that is not there, or networks of different joints.
    """
    from posereg.build import load_method
    from posereg.figures import maps as map_figures
    from posereg.methods.seen import people_seen

    modules = [load_method(path).to(device) for path in checkpoint]
    first = modules[0]
    if any(module.skeleton.name != first.skeleton.name for module in modules):
        raise UserError("posereg figures: checkpoint= names networks of different joint sets")
    poses = _pictures(first, source, boxes) if source is not None else _validation(first, root)
    rows = spread(len(poses), people)
    if len(modules) == 1:
        written = map_figures.write(people_seen(first, poses, rows), first.skeleton, out, joints or [])
    else:
        written = [_compare(modules, poses, rows, joints or [], out)]
    print(f"{out}: {', '.join(written)}")
    return 0


def _compare(modules: list[PoseModule], poses: PoseSet, rows: list[int], joints: list[str], out: Path) -> str:
    from posereg.figures import maps as map_figures
    from posereg.methods.seen import people_seen

    skeleton = poses.skeleton
    names = [str(module.plain_config.get("row") or module.name) for module in modules]
    names = [name if names.count(name) == 1 else f"{name} {k + 1}" for k, name in enumerate(names)]
    seen = {name: people_seen(module, poses, rows) for name, module in zip(names, modules, strict=True)}
    chosen = map_figures.indices(skeleton, joints or map_figures.COMPARED_JOINTS, strict=bool(joints))
    truth = map_figures.truth(poses, rows, modules[0].input_size)
    map_figures.save(map_figures.compare_figure(seen, skeleton, chosen, truth), out / "compare.png")
    return "compare.png"


def spread(total: int, count: int) -> list[int]:
    """At most `count` indices below `total`, evenly spread."""
    count = min(total, count)
    return [(2 * k + 1) * total // (2 * count) for k in range(count)]


def _validation(module: PoseModule, root: Path | None) -> PoseSet:
    """The people that the checkpoint's run was validated on.

    Raises:
        UserError: a model file, which does not keep where its data were.
    """
    from posereg import config as configs

    if "data" not in module.plain_config:
        raise UserError(
            "posereg figures: this model does not say what it was validated on; name pictures with source="
        )
    node: dict[str, Any] = dict(module.plain_config["data"])
    if root is not None:
        node["root"] = str(root)
    source = configs.instantiate(node)
    poses: PoseSet = source.read(source.val_split)
    return poses


def _pictures(module: PoseModule, source: str, boxes: Path | None) -> PoseSet:
    from posereg.predict.predictor import find_images, people_of, read_boxes

    width, height = module.input_size
    people = read_boxes(boxes) if boxes is not None else None
    return people_of(find_images(source), people, module.skeleton, width / height)
