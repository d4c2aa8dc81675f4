"""A dressed person: the solids that cover a posed body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posereg.data.synthetic import textures
from posereg.data.synthetic.body import INDEX, Build, Pose3D
from posereg.data.synthetic.camera import Camera
from posereg.data.synthetic.shapes import (
    Canvas,
    Ellipsoid,
    Float,
    Solid,
    Tube,
    Vector,
    draw_ellipsoid,
    draw_tube,
)


@dataclass(frozen=True)
class Appearance:
    """Skin, hair and clothes of one person; textures as `shapes.Tube` takes them.

    `sleeve` and `leg` are the covered shares of arm and leg: 0 bare, 1 to the elbow or knee, 2 to the end.
    """

    tone: Float
    hair: Float
    hair_style: str  # short, long, tail, bald, cap
    face: Float
    top: Float
    bottom: Float
    shoe: Float
    sleeve: float
    leg: float
    skirt: bool
    loose: float  # how much wider than the body the clothes are
    parts: Mapping[str, Float] | None = None  # colours of limb parts (`SUIT`) that replace skin and clothes


# Plain pictures: each part of a limb in a colour of its own, warm ones on the left, cold ones on the right.
SUIT: dict[str, tuple[int, int, int]] = {
    "left_arm": (220, 40, 40), "left_forearm": (250, 150, 30), "left_hand": (255, 225, 60),
    "left_thigh": (225, 50, 140), "left_shin": (250, 160, 200), "left_foot": (130, 20, 40),
    "right_arm": (40, 60, 220), "right_forearm": (60, 160, 250), "right_hand": (90, 240, 240),
    "right_thigh": (20, 130, 60), "right_shin": (120, 220, 90), "right_foot": (20, 50, 110),
}  # fmt: skip


def suit(rng: np.random.Generator) -> Appearance:
    """The clothes of plain pictures (`SUIT`): a grey body and coloured limbs, brighter or darker."""
    bright = np.float32(rng.uniform(0.85, 1.1))
    grey = textures.plain(np.full(3, 190, np.float32) * bright, 64, 96)
    tone, hair = textures.skin(rng), textures.HAIR[0]
    return Appearance(
        tone=tone,
        hair=hair,
        hair_style="short",
        face=textures.face(rng, tone, hair, beard=False),
        top=grey,
        bottom=grey,
        shoe=grey,
        sleeve=2.0,
        leg=2.0,
        skirt=False,
        loose=1.05,
        parts={name: np.array(color, np.float32) * bright for name, color in SUIT.items()},
    )


def sample_appearance(rng: np.random.Generator, build: Build) -> Appearance:
    """Skin, hair and clothes at random; what hair and skirt are likely follows `build.woman`."""
    tone = textures.skin(rng)
    hair = textures.HAIR[rng.integers(len(textures.HAIR))] * np.float32(rng.uniform(0.8, 1.15))
    if build.woman:
        style = str(rng.choice(["long", "tail", "short", "cap"], p=[0.45, 0.28, 0.2, 0.07]))
    else:
        style = str(rng.choice(["short", "bald", "cap", "long"], p=[0.7, 0.12, 0.13, 0.05]))
    skirt = build.woman and rng.random() < 0.2
    top = textures.cloth(rng)
    bottom = top if rng.random() < 0.08 else textures.cloth(rng)
    if rng.random() < 0.35:  # jeans and dark trousers
        blue = np.array([58, 72, 104], np.float32) * np.float32(rng.uniform(0.5, 1.5))
        bottom = blue * (1 + 0.12 * textures.noise(rng, 64, 96, 0.4))[..., None]
    return Appearance(
        tone=tone,
        hair=hair,
        hair_style=style,
        face=textures.face(rng, tone, tone if style == "bald" else hair, not build.woman and rng.random() < 0.25),
        top=top,
        bottom=bottom,
        shoe=textures.plain(textures.color(rng, 15, 240)),
        sleeve=float(rng.choice([0.0, rng.uniform(0.4, 0.75), rng.uniform(1.1, 1.7), 2.0], p=[0.14, 0.42, 0.07, 0.37])),
        leg=float(rng.choice([rng.uniform(0.2, 0.5), rng.uniform(0.6, 1.05), rng.uniform(1.4, 1.7), 2.0],
                             p=[0.1, 0.24, 0.06, 0.6])) if not skirt else 0.2,
        skirt=skirt,
        loose=float(rng.uniform(1.0, 1.18)),
    )  # fmt: skip


def _limb(person: Appearance, garment: Float, covered: float, rows: int = 24) -> Float:
    """Texture (rows, 48, 3) of a limb segment whose first `covered` share person the garment."""
    made = np.empty((rows, 48, 3), np.float32)
    made[:] = person.tone
    cut = round(rows * min(max(covered, 0.0), 1.0))
    made[:cut] = garment[:cut, :48]
    if 0 < cut < rows:
        made[cut - 1] *= 0.72
    return made


def _worn(person: Appearance, part: str, usual: Float) -> Float:
    """Texture of a limb's part: the suit's colour, or what it usually has."""
    return usual if person.parts is None else textures.plain(person.parts[part])


def _unit(v: Vector) -> Vector:
    return v / max(float(np.linalg.norm(v)), 1e-9)


def solids(pose: Pose3D, build: Build, person: Appearance, camera: Camera) -> list[Solid]:
    """The person's parts in camera axes."""
    points = dict(zip(_NAMES, camera.to_camera(pose.joints[_ROWS]), strict=True))
    frames = {name: camera.rotation @ f for name, f in pose.frames.items()}
    g, s = build.girth, build.stature / 1750
    wide = s * g * person.loose
    parts: list[Solid] = []
    chest, middle, root, head = (frames[name] for name in ("chest", "middle", "root", "head"))
    thorax, torso, pelvis, neck = (points[name] for name in ("thorax", "torso", "pelvis", "neck"))
    rows = len(person.top)

    # Trunk: two elliptic tubes that meet at the waist, the hips, and the slope of the shoulders.
    depth = 0.66 if not build.woman else 0.70
    waist = (118 if not build.woman else 106) * wide * (0.6 + 0.4 * g)
    ribs = (build.shoulder * 0.93 + 8 * (g - 1)) * (0.5 + 0.5 * person.loose)
    top_end = thorax - chest[:, 1] * 52 * s
    parts.append(Tube(torso, top_end, (waist, ribs * 0.9), np.ascontiguousarray(person.top[rows // 2 :: -1]), 5 * s,
                      chest[:, 0], chest[:, 2] * depth))  # fmt: skip
    hips = (build.hip + 52 * s * g) * (0.55 + 0.45 * person.loose)
    belly = person.top[rows - 1 : rows // 2 : -1].copy()
    belly[: len(belly) // 4] = person.bottom[: len(belly) // 4]
    parts.append(
        Tube(pelvis - root[:, 1] * 8, torso, (hips, waist), belly, -4.0, middle[:, 0], middle[:, 2] * 0.70)
    )
    parts.append(Ellipsoid(pelvis - root[:, 1] * 22 * s - root[:, 2] * 12 * s,
                           root * np.array([hips * 1.0, 88 * s, hips * 0.66]), person.bottom[: rows // 2]))  # fmt: skip
    if build.woman:
        bust = torso + (thorax - torso) * 0.62 + chest[:, 2] * ribs * depth * 0.62
        bust_cloth = person.top[rows // 5 : rows // 3]
        for sign in (1, -1):
            parts.append(Ellipsoid(bust + chest[:, 0] * sign * 66 * s,
                                   chest * np.array([64, 66, 48]) * s * g, bust_cloth))  # fmt: skip
    parts.append(Tube(thorax - chest[:, 1] * 20 * s, neck + head[:, 1] * 18 * s, (58 * s * (0.6 + 0.4 * g), 50 * s),
                      _limb(person, person.top, 0.12)))  # fmt: skip
    for side in ("left", "right"):
        parts += _arm(points, side, person, build)
        parts += _leg(points, frames, side, person, build)
    spread = float(np.linalg.norm(points["left_knee"] - points["right_knee"])) / 2
    if person.skirt and spread < 190 * s:  # wider apart it would be no cone
        knees = (points["left_knee"] + points["right_knee"]) / 2
        hem = pelvis + (knees - pelvis) * 0.85
        down = _unit(hem - pelvis)
        side_axis = _unit(root[:, 0] - down * (down @ root[:, 0]))
        width = (hips * 0.95, max(hips * 1.1, spread * 0.85 + 85))
        parts.append(Tube(pelvis + root[:, 1] * 30, hem, width, person.bottom, 6,
                          side_axis, np.cross(down, side_axis) * -0.75))  # fmt: skip
    return parts + _head(points, head, person, build)


def _arm(points: dict[str, Vector], side: str, person: Appearance, build: Build) -> list[Solid]:
    s, g = build.stature / 1750, build.stature / 1750 * (0.45 + 0.55 * build.girth)
    shoulder, elbow, wrist, hand = (points[f"{side}_{n}"] for n in ("shoulder", "elbow", "wrist", "hand"))
    cloth_upper = person.loose if person.sleeve > 0.3 else 1.0
    cloth_lower = person.loose if person.sleeve > 1.2 else 1.0
    skin = _worn(person, f"{side}_hand", textures.plain(person.tone))
    sleeve = person.top if person.sleeve > 0 else skin
    upper = _worn(
        person, f"{side}_arm", _limb(person, sleeve if person.sleeve else person.top, person.sleeve or 0.06)
    )
    lower = _worn(person, f"{side}_forearm", _limb(person, person.top, person.sleeve - 1.0))
    collar = points["thorax"] + (points["neck"] - points["thorax"]) * 0.30
    fingers = hand + (hand - wrist) * 0.75
    yoke = np.ascontiguousarray(person.top[: len(person.top) // 4, :48])
    return [
        Tube(collar, shoulder - _unit(shoulder - collar) * 18 * s, (44 * s, 53 * g), yoke),
        Tube(shoulder, elbow, (57 * g * cloth_upper, 42 * g * cloth_upper), upper, 4 * g),
        Tube(elbow, wrist, (42 * g * cloth_lower, 29 * g * cloth_lower), lower, 4 * g),
        Tube(wrist, hand, (27 * g, 39 * s), skin),
        Tube(hand, fingers, (37 * s, 19 * s), skin),
    ]  # fmt: skip


def _leg(
    points: dict[str, Vector], frames: dict[str, Vector], side: str, person: Appearance, build: Build
) -> list[Solid]:
    s, g = build.stature / 1750, build.stature / 1750 * (0.4 + 0.6 * build.girth)
    hip, knee, ankle, toe, heel = (points[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "toe", "heel"))
    cloth_upper = person.loose if person.leg > 0.3 else 1.0
    cloth_lower = 1 + 1.6 * (person.loose - 1) if person.leg > 1.3 else 1.0
    foot = frames[f"{side}_foot"]
    sole = heel + foot[:, 1] * 22 * s
    thigh = _worn(person, f"{side}_thigh", _limb(person, person.bottom, person.leg))
    shin = _worn(person, f"{side}_shin", _limb(person, person.bottom, person.leg - 1.0))
    shoe = _worn(person, f"{side}_foot", person.shoe)
    return [
        Tube(hip, knee, (88 * g * cloth_upper, 58 * g * cloth_upper), thigh, 3 * g),
        Tube(knee, ankle, (57 * g * cloth_lower, 37 * g * cloth_lower), shin, 9 * g),
        Tube(sole, toe + foot[:, 1] * 12 * s, (44 * s, 36 * s), shoe, 3 * s, foot[:, 0], foot[:, 1]),
        Tube(ankle, sole, (38 * g, 42 * s), shoe),
    ]  # fmt: skip


def _head(points: dict[str, Vector], frame: Vector, person: Appearance, build: Build) -> list[Solid]:
    h = build.head
    center, skin = points["head"], textures.plain(person.tone)
    hair = textures.plain(person.hair)

    def at(left: float, up: float, front: float) -> Vector:
        return center + frame @ (np.array([left, up, front]) * h)

    parts: list[Solid] = [
        Ellipsoid(center, frame * (np.array([78, 116, 98]) * h), person.face),
        Ellipsoid(at(0, -12, 96), frame * (np.array([13, 24, 18]) * h), skin),
        Ellipsoid(at(0, -76, 38), frame * (np.array([48, 40, 50]) * h), skin),
    ]
    if person.hair_style not in ("long",):
        parts += [Ellipsoid(at(x, -8, -4), frame * (np.array([9, 30, 20]) * h), skin) for x in (78, -78)]
    if person.hair_style != "bald":
        parts.append(Ellipsoid(at(0, 34, -16), frame * (np.array([86, 88, 96]) * h), hair))
    if person.hair_style == "long":
        parts.append(Ellipsoid(at(0, -60, -48), frame * (np.array([84, 130, 60]) * h), hair))
    if person.hair_style == "tail":
        parts.append(Tube(at(0, 40, -100), at(0, -110, -150), (34 * h, 16 * h), hair, 6))
    if person.hair_style == "cap":
        cloth = person.shoe
        parts.append(Ellipsoid(at(0, 50, 0), frame * (np.array([88, 76, 104]) * h), cloth))
        parts.append(Ellipsoid(at(0, 46, 110), frame * (np.array([66, 9, 70]) * h), cloth))
    return parts


_NAMES = (
    "pelvis", "torso", "thorax", "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "left_hand",
    "right_shoulder", "right_elbow", "right_wrist", "right_hand", "left_hip", "left_knee", "left_ankle",
    "left_toe", "left_heel", "right_hip", "right_knee", "right_ankle", "right_toe", "right_heel",
)  # fmt: skip


_ROWS = np.array([INDEX[name] for name in _NAMES])


def draw(on: Canvas, parts: list[Solid], camera: Camera, owner: int) -> None:
    """Draw from far to near so that soft edges blend with what lies behind."""

    def pixel(point: Vector) -> tuple[float, float, float]:
        scale = camera.focal / float(point[2])
        return float(point[0]) * scale + camera.cx, float(point[1]) * scale + camera.cy, scale

    for part in sorted(parts, key=lambda solid: -solid.middle()):
        if isinstance(part, Ellipsoid):
            if part.center[2] > 50:
                x, y, scale = pixel(part.center)
                draw_ellipsoid(on, part, (x, y), scale, owner)
        elif min(part.start[2], part.end[2]) > 50:
            (x0, y0, near), (x1, y1, far) = pixel(part.start), pixel(part.end)
            draw_tube(on, part, (x0, y0, x1, y1), (near, far), owner)
