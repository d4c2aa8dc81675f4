"""One picture with its truth: people in a place, drawn through a camera, a function of (seed, index)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.data.synthetic import backdrop, textures
from posereg.data.synthetic.body import INDEX, JOINTS, Build, Pose3D, sample_build
from posereg.data.synthetic.camera import Camera, frame, look_at
from posereg.data.synthetic.figure import draw, sample_appearance, solids, suit
from posereg.data.synthetic.poses import sample_pose
from posereg.data.synthetic.shapes import Canvas, Light, Vector, canvas
from posereg.skeletons.skeleton import Skeleton

OUTSIDE, HIDDEN, SEEN = 0, 1, 2
SUBJECT, SPLIT = 2**31 + 1, 2**31  # random streams that belong to no picture

# How far behind the nearest surface (mm) a joint may lie and still count as seen: joints are inside the body.
_DEPTH = {
    "nose": 35, "eye": 30, "ear": 45, "head": 150, "head_top": 110, "neck": 125, "thorax": 150, "torso": 190,
    "pelvis": 190, "hip": 165, "shoulder": 115, "elbow": 80, "wrist": 65, "hand": 60, "knee": 105, "ankle": 85,
    "toe": 70, "heel": 70,
}  # fmt: skip
_TOLERANCE = np.array(
    [_DEPTH[name.split("_", 1)[-1] if "_" in name and name != "head_top" else name] for name in JOINTS]
)


@dataclass(frozen=True)
class Person:
    """Truth of one person; joints in `body.JOINTS` order.

    Attributes:
        joints: (J, 2) pixels, 0-based pixel centres; also where outside the picture.
        xyz: (J, 3) millimetres in camera axes (x right, y down, z away).
        flags: (J,) 0 outside the picture, 1 hidden by something, 2 seen.
        head_box: (4,) x1 y1 x2 y2 around head and upper neck, pixels, not clipped.
        mask: (H, W) bool, pixels where the person is seen.
        habit: what the legs do (`poses`).
    """

    joints: NDArray[np.float64]
    xyz: NDArray[np.float64]
    flags: NDArray[np.uint8]
    head_box: NDArray[np.float64]
    mask: NDArray[np.bool_]
    build: Build
    habit: str

    def of(self, skeleton: Skeleton) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Joints (K, 2) and flags (K,) in the order of a skeleton."""
        rows = [INDEX[name] for name in skeleton.joints]
        return self.joints[rows], self.flags[rows]


@dataclass(frozen=True)
class Scene:
    """Picture (H, W, 3) uint8 RGB and its people, the main person first."""

    image: NDArray[np.uint8]
    people: tuple[Person, ...]
    camera: Camera


@dataclass(frozen=True)
class Setting:
    """What kind of picture: `people` (low, high) including the main one; `kinds` of backdrop."""

    size: tuple[int, int] = (256, 256)
    people: tuple[int, int] = (1, 3)
    kinds: tuple[str, ...] = backdrop.KINDS
    shares: tuple[float, ...] = (0.34, 0.22, 0.24, 0.08, 0.12)
    group: bool = False  # frame all people, not the main one
    spread: float = 1.0  # how far apart people stand
    cut: float = 0.2  # share of pictures that cut the main person off
    fill: tuple[float, float] = (0.62, 0.9)
    shift: float = 0.06  # largest share of the picture the main person is off its centre
    front: float = 0.3  # share of pictures with things in front
    plain: bool = False  # everybody in a suit of two colours (`figure.suit`), left and right


def plain(setting: Setting) -> Setting:
    """The same setting made easy to learn: people in two-coloured suits before a studio wall, nothing in front.

    One person a picture, or the setting's group; nobody is cut off on purpose.
    """
    people = setting.people if setting.group else (1, 1)
    return replace(setting, people=people, kinds=("studio",), shares=(1.0,), cut=0.0, front=0.0, plain=True)


def generator(seed: int, *index: int) -> np.random.Generator:
    """The random stream of one picture."""
    key = np.random.SeedSequence([seed, *index]).generate_state(2, np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def _light(rng: np.random.Generator) -> Light:
    direction = np.array([rng.normal(0, 0.7), -abs(rng.normal(0.6, 0.3)), -abs(rng.normal(0.6, 0.3))])
    warmth = rng.normal(0, 0.05)
    return Light(
        direction / np.linalg.norm(direction),
        ambient=float(rng.uniform(0.38, 0.6)),
        diffuse=float(rng.uniform(0.4, 0.7)),
        tint=np.array([1 + warmth, 1, 1 - warmth], np.float32),
    )


def _placed(pose: Pose3D, at: Vector) -> Pose3D:
    return Pose3D(pose.joints + at, pose.frames)


def _head_box(pose: Pose3D, build: Build, camera: Camera) -> NDArray[np.float64]:
    """Box around the skull and the upper neck, as MPII's annotators drew it."""
    center = camera.to_camera(pose.at("head"))
    axes = (camera.rotation @ pose.frames["head"]) * (np.array([80, 118, 100]) * build.head)
    half = np.linalg.norm(axes[:2], axis=1) * camera.focal / center[2]
    middle = camera.project(center)
    neck = camera.to_pixels(pose.at("neck"))
    return np.concatenate([np.minimum(middle - half, neck), np.maximum(middle + half, neck)])


def _flags(on: Canvas, joints: NDArray[np.float64], xyz: Vector, owner: int) -> NDArray[np.uint8]:
    height, width = on.depth.shape
    cells = np.rint(joints).astype(np.int64)
    inside = ((cells >= 0) & (cells < [width, height])).all(axis=1) & (xyz[:, 2] > 100)
    x, y = np.clip(cells[:, 0], 0, width - 1), np.clip(cells[:, 1], 0, height - 1)
    hidden = on.depth[y, x] < xyz[:, 2] - _TOLERANCE
    # Another person's or a thing's pixel hides whatever the distance, but only if it is really in front.
    foreign = (on.owner[y, x] != owner) & (on.owner[y, x] != 0) & (on.depth[y, x] < xyz[:, 2])
    return np.where(inside, np.where(hidden | foreign, HIDDEN, SEEN), OUTSIDE).astype(np.uint8)


def render(seed: int, index: int, setting: Setting, subject: int | None = None) -> Scene:
    """Picture `index` of the data set `seed`. Same arguments, same picture, in any process.

    Args:
        subject: the main person is this one: the same body and clothes in every picture of the seed.
    """
    rng = generator(seed, index)
    count = int(rng.integers(setting.people[0], setting.people[1] + 1))
    if not setting.group and setting.people[0] == 1 and rng.random() < 0.5:
        count = 1
    people: list[tuple[Build, Pose3D, str]] = []
    for k in range(count):
        known = k == 0 and subject is not None
        build = (
            sample_build(generator(seed, SUBJECT, subject or 0), children=0) if known else sample_build(rng)
        )
        pose, habit = sample_pose(rng, build, float(rng.uniform(-180, 180)))
        people.append((build, pose, habit))
    main = people[0][1]
    target = main.joints.mean(axis=0)
    elevation = float(np.clip(rng.normal(6, 9), -12, 38))
    azimuth = float(rng.uniform(-180, 180))
    roll = float(rng.normal(0, 2.5))
    distance = float(rng.uniform(2600, 8000)) * (1.4 if setting.group else 1.0)
    camera = look_at(target, azimuth, elevation, distance, roll)
    right, ahead = camera.rotation[0] * [1, 0, 1], camera.rotation[2] * [1, 0, 1]
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
    taken = [np.zeros(3)]
    for k in range(1, count):
        place = np.zeros(3)
        for _ in range(12):
            along = rng.normal(0, 900) if setting.group else rng.choice([-1, 1]) * rng.uniform(380, 1300)
            away = (
                rng.uniform(-500, 1200)
                if setting.group
                else rng.choice([-0.25, 1.0], p=[0.2, 0.8]) * rng.uniform(300, 2600)
            )
            place = setting.spread * (right * along + ahead * away)
            if min(float(np.linalg.norm(place - other)) for other in taken) > 330:
                break
        taken.append(place)
        build, pose, habit = people[k]
        people[k] = (build, _placed(pose, place), habit)
    points = np.concatenate([p.joints for _, p, _ in people]) if setting.group else main.joints
    fill = float(rng.uniform(*setting.fill))
    shift = np.clip(rng.normal(0, setting.shift / 2, 2), -setting.shift, setting.shift)
    center = (0.5 + float(shift[0]), 0.5 + float(shift[1]))
    if not setting.group and rng.random() < setting.cut:
        low = [
            INDEX[f"{s}_{j}"]
            for s in ("left", "right")
            for j in (("ankle", "toe", "heel"), ("ankle", "toe", "heel", "knee"))[int(rng.random() < 0.5)]
        ]
        points = np.delete(main.joints, low, axis=0)
        fill, center = float(rng.uniform(0.8, 1.0)), (0.5 + rng.normal(0, 0.04), 0.52)
    camera = frame(camera, points, setting.size, fill, center)

    light = _light(rng)
    kind = str(rng.choice(setting.kinds, p=np.array(setting.shares) / np.sum(setting.shares)))
    ground = target * [1, 0, 1]
    image = backdrop.paint(rng, camera, setting.size, ground, kind)
    image *= np.float32(rng.uniform(0.75, 1.1))
    feet = [INDEX[name] for name in ("left_toe", "right_toe", "left_heel", "right_heel", "pelvis")]
    backdrop.shadow(
        image, camera, np.concatenate([p.joints[feet] for _, p, _ in people]), float(rng.uniform(0.25, 0.6))
    )
    on = canvas(image, light)
    things = []
    for build, pose, habit in people:
        if habit == "sit":
            pelvis = pose.at("pelvis")
            things += backdrop.seat(
                rng, pelvis, pose.frames["root"], float(pelvis[1]) - 75 * build.girth - 46
            )
    stools = [replace(t, start=camera.to_camera(t.start), end=camera.to_camera(t.end),
                      left=None if t.left is None else camera.rotation @ t.left,
                      front=None if t.front is None else camera.rotation @ t.front) for t in things]  # fmt: skip
    draw(on, list(stools), camera, backdrop.THING)
    order = sorted(range(count), key=lambda k: -float(camera.to_camera(people[k][1].at("pelvis"))[2]))
    for k in order:
        build, pose, _ = people[k]
        known = k == 0 and subject is not None
        clothes = generator(seed, SUBJECT, subject or 0, 1) if known else rng
        appearance = suit(clothes) if setting.plain else sample_appearance(clothes, build)
        draw(on, solids(pose, build, appearance, camera), camera, k + 1)
    if rng.random() < setting.front:
        depth = float(camera.to_camera(target)[2])
        draw(
            on,
            list(backdrop.things_in_front(rng, camera, setting.size, depth, int(rng.integers(1, 4)))),
            camera,
            backdrop.THING,
        )
    truth = []
    for k, (build, pose, habit) in enumerate(people):
        xyz = camera.to_camera(pose.joints)
        joints = camera.project(xyz)
        truth.append(
            Person(
                joints,
                xyz,
                _flags(on, joints, xyz, k + 1),
                _head_box(pose, build, camera),
                on.owner == k + 1,
                build,
                habit,
            )
        )
    return Scene(_expose(rng, on), tuple(truth), camera)


def _expose(rng: np.random.Generator, on: Canvas) -> NDArray[np.uint8]:
    """Lamp colour, exposure, a little blur, sensor noise."""
    image = on.image
    height, width = image.shape[:2]
    image *= on.light.tint * np.float32(rng.uniform(0.85, 1.15))
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (3, 3), float(rng.uniform(0.3, 0.8)))
    image += np.float32(rng.uniform(1, 6)) * textures.grain(rng, height, width)
    np.maximum(image, 0, out=image)
    return np.minimum(image, 255, out=image).astype(np.uint8)
