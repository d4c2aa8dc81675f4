"""Pictures of what trained networks see in their maps.

posereg figures checkpoint=FILE[,FILE ...] out=DIR [people=4] [joints=NAME,NAME ...] [root=DIR] [device=cpu]
                [source=<image|folder|glob>] [boxes=FILE]

checkpoint   one: parts.png, all maps of a person as one picture in the colours of the limbs; of soft-argmax also
             softmax_<n>.png, maps before and after the softmax, and context_<n>.png, what context maps add.
             Several: compare.png, their maps of the same joints beside each other.
people       how many of the first checkpoint's validation people, spread over the set; root is where its data lie
source       your own pictures instead; boxes as for posereg predict
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from posereg.cli._arguments import parse
from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.methods.base import PoseModule
    from posereg.records.poses import PoseSet

HELP = "pictures of a trained network's maps"
KEYS = ("checkpoint", "out", "people", "joints", "root", "device", "source", "boxes")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: a checkpoint, picture or joint that is not there, or networks of different joints.
    """
    given = parse(arguments, "figures", KEYS)
    for key in ("checkpoint", "out"):
        if not given.get(key):
            raise UserError(f"posereg figures: {key}= is missing")
    count = given.get("people", "4")
    if not count.isdecimal() or int(count) == 0:
        raise UserError(f"posereg figures: people={count} is not a number of people")

    from posereg.build import load_method
    from posereg.figures import maps as map_figures

    modules = [load_method(path).to(given.get("device", "cpu")) for path in given["checkpoint"].split(",")]
    first = modules[0]
    if any(module.skeleton.name != first.skeleton.name for module in modules):
        raise UserError("posereg figures: checkpoint= names networks of different joint sets")
    poses = _pictures(first, given) if "source" in given else _validation(first, given.get("root"))
    rows = spread(len(poses), int(count))
    joints = given["joints"].split(",") if "joints" in given else []
    out = Path(given["out"])
    if len(modules) == 1:
        written = map_figures.write(map_figures.look(first, poses, rows), first.skeleton, out, joints)
    else:
        written = [_compare(modules, poses, rows, joints, out)]
    print(f"{out}: {', '.join(written)}")
    return 0


def _compare(modules: list[PoseModule], poses: PoseSet, rows: list[int], joints: list[str], out: Path) -> str:
    from posereg.figures import maps as map_figures

    skeleton = poses.skeleton
    names = [str(module.plain_config.get("row") or module.name) for module in modules]
    names = [name if names.count(name) == 1 else f"{name} {k + 1}" for k, name in enumerate(names)]
    seen = {name: map_figures.look(module, poses, rows) for name, module in zip(names, modules, strict=True)}
    chosen = map_figures.indices(skeleton, joints or map_figures.COMPARED_JOINTS, strict=bool(joints))
    truth = map_figures.truth(poses, rows, modules[0].input_size)
    map_figures.save(map_figures.compare_figure(seen, skeleton, chosen, truth), out / "compare.png")
    return "compare.png"


def spread(total: int, count: int) -> list[int]:
    """At most `count` indices below `total`, evenly spread."""
    count = min(total, count)
    return [(2 * k + 1) * total // (2 * count) for k in range(count)]


def _validation(module: PoseModule, root: str | None) -> PoseSet:
    """The people that the checkpoint's run was validated on."""
    from posereg import config as configs

    node: dict[str, Any] = dict(module.plain_config["data"])
    if root is not None:
        node["root"] = root
    source = configs.instantiate(node)
    poses: PoseSet = source.read(source.val_split)
    return poses


def _pictures(module: PoseModule, given: dict[str, str]) -> PoseSet:
    from posereg.predict.predictor import find_images, people_of, read_boxes

    boxes = read_boxes(given["boxes"]) if "boxes" in given else None
    width, height = module.input_size
    return people_of(find_images(given["source"]), boxes, module.skeleton, width / height)
