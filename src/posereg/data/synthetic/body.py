"""An articulated body: bones in millimetres, joint angles with limits, forward kinematics.

Body frame: x to the person's left, y up, z to the front; the pelvis is the origin. Angles are degrees.
Segment lengths follow the usual anthropometric shares of stature (Drillis and Contini); joint limits are
the normal ranges of motion of an adult.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posereg.skeletons.skeleton import COCO, H80K, MPII

Array = NDArray[np.float64]

_OWN = ("left_hand", "right_hand", "left_toe", "right_toe", "left_heel", "right_heel", "head")
JOINTS: tuple[str, ...] = tuple(dict.fromkeys((*H80K.joints, *MPII.joints, *COCO.joints, *_OWN)))
INDEX = {name: k for k, name in enumerate(JOINTS)}

# Range of motion of each angle, (low, high). A side's angles are stored as left_... and right_...
_CENTRAL = {
    "pitch": (-95.0, 95.0),
    "roll": (-25.0, 25.0),
    "spine_flex": (-25.0, 60.0),
    "spine_side": (-28.0, 28.0),
    "spine_twist": (-40.0, 40.0),
    "neck_flex": (-35.0, 40.0),
    "neck_side": (-28.0, 28.0),
    "neck_twist": (-65.0, 65.0),
}
_SIDED = {
    "hip_flex": (-25.0, 125.0),
    "hip_spread": (-12.0, 55.0),
    "hip_turn": (-35.0, 40.0),
    "knee": (0.0, 145.0),
    "ankle": (-20.0, 45.0),
    "arm_plane": (-45.0, 130.0),
    "arm_raise": (0.0, 172.0),
    "arm_turn": (-60.0, 85.0),
    "elbow": (0.0, 145.0),
    "wrist": (-35.0, 50.0),
}
LIMITS: dict[str, tuple[float, float]] = {
    **_CENTRAL,
    **{f"{side}_{name}": span for side in ("left", "right") for name, span in _SIDED.items()},
}

Angles = dict[str, float]


@dataclass(frozen=True)
class Build:
    """Segment lengths and girths of one person, millimetres."""

    stature: float
    hip: float  # half the distance of the hip joints
    thigh: float
    shin: float
    spine: float  # pelvis to mid-torso, and mid-torso to thorax
    shoulder: float  # half the distance of the shoulder joints
    upper_arm: float
    forearm: float
    neck: float
    head: float  # scale of the head, 1 = adult of 230 mm
    girth: float  # limb and belly thickness, 1 = average
    woman: bool


def sample_build(rng: np.random.Generator, children: float = 0.08) -> Build:
    """A person with individual proportions; a child with chance `children`."""
    woman = bool(rng.random() < 0.5)
    child = rng.random() < children
    stature = (
        rng.uniform(1150, 1500) if child else np.clip(rng.normal(1640 if woman else 1760, 65), 1480, 1980)
    )

    def part(share: float) -> float:
        return float(stature * share * np.clip(rng.normal(1, 0.03), 0.93, 1.07))

    return Build(
        stature=float(stature),
        hip=part(0.064 if woman else 0.060),
        thigh=part(0.247),
        shin=part(0.244),
        spine=part(0.146),
        shoulder=part(0.097 if woman else 0.107),
        upper_arm=part(0.165),
        forearm=part(0.148),
        neck=part(0.062),
        head=float((0.86 + 0.14 * (stature - 1150) / 600) if child else rng.uniform(0.95, 1.06)),
        girth=float(np.clip(rng.normal(1, 0.13), 0.78, 1.4)),
        woman=woman,
    )


def clamp(angles: Angles) -> Angles:
    """Angles cut to the joint limits, also where one angle limits another."""
    fixed = {name: float(np.clip(angles.get(name, 0.0), *span)) for name, span in LIMITS.items()}
    for side in ("left", "right"):
        # A raised arm cannot stay behind the back, and behind the back it cannot be raised.
        if fixed[f"{side}_arm_plane"] < 0:
            fixed[f"{side}_arm_raise"] = min(
                fixed[f"{side}_arm_raise"], 150 + 2.2 * fixed[f"{side}_arm_plane"]
            )
        if fixed[f"{side}_arm_plane"] > 95:
            fixed[f"{side}_arm_raise"] = min(fixed[f"{side}_arm_raise"], 110.0)
        # The hamstrings: a straight knee lets the hip bend less.
        slack = 78 + 0.6 * fixed[f"{side}_knee"]
        fixed[f"{side}_hip_flex"] = min(fixed[f"{side}_hip_flex"], slack)
    return fixed


def _rx(degrees: float) -> Array:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _ry(degrees: float) -> Array:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _rz(degrees: float) -> Array:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


_MIRROR = np.outer([-1, 1, 1], [-1, 1, 1])


@dataclass(frozen=True)
class Pose3D:
    """Joint positions (J, 3) in `JOINTS` order and the frames (3, 3; columns left, up, front) of the solid parts."""

    joints: Array
    frames: dict[str, Array]

    def at(self, name: str) -> Array:
        """Position (3,) of a joint by name, millimetres."""
        point: Array = self.joints[INDEX[name]]
        return point


def forward(build: Build, angles: Angles, yaw: float = 0.0) -> Pose3D:
    """Joint positions in millimetres: body turned by `yaw` about the vertical, lowest point on y = 0.

    Args:
        angles: degrees by name (`LIMITS`); missing ones are 0. They are taken as given: `clamp` first.
    """
    get = {name: angles.get(name, 0.0) for name in LIMITS}
    root = _ry(yaw) @ _rx(get["pitch"]) @ _rz(get["roll"])
    half = _rx(get["spine_flex"] / 2) @ _rz(get["spine_side"] / 2) @ _ry(get["spine_twist"] / 2)
    middle = root @ half
    chest = middle @ half
    head = chest @ _rx(get["neck_flex"]) @ _rz(get["neck_side"]) @ _ry(get["neck_twist"])
    up = np.array([0.0, 1.0, 0.0])
    points: dict[str, Array] = {"pelvis": np.zeros(3)}
    points["torso"] = root @ (up * build.spine)
    points["thorax"] = points["torso"] + chest @ (up * build.spine)
    points["neck"] = points["thorax"] + (chest + head) @ np.array(
        [0, build.neck / 2, 0.006 * build.stature / 2]
    )
    size = build.head
    landmarks = {
        "head": (0, 112, 12), "head_top": (0, 228, 4), "nose": (0, 92, 112), "left_eye": (32, 124, 94),
        "right_eye": (-32, 124, 94), "left_ear": (76, 104, 2), "right_ear": (-76, 104, 2),
    }  # fmt: skip
    for name, offset in landmarks.items():
        points[name] = points["neck"] + head @ (np.array(offset, dtype=float) * size)
    frames = {"root": root, "middle": middle, "chest": chest, "head": head}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out = np.array([sign, 1.0, 1.0])
        a = {name: get[f"{side}_{name}"] for name in _SIDED}

        def turned(rotation: Array, left: bool = sign > 0) -> Array:
            return rotation if left else rotation * _MIRROR

        hip = root @ turned(_rx(-a["hip_flex"]) @ _rz(a["hip_spread"]) @ _ry(a["hip_turn"]))
        knee = hip @ _rx(a["knee"])
        foot = knee @ _rx(a["ankle"])
        arm = chest @ turned(
            _ry(-a["arm_plane"]) @ _rz(a["arm_raise"]) @ _ry(a["arm_plane"]) @ _ry(-a["arm_turn"])
        )
        fore = arm @ _rx(-a["elbow"])
        hand = fore @ turned(_rz(-a["wrist"]))
        # A raised arm lifts its shoulder.
        lift = 0.022 * build.stature * max(0.0, a["arm_raise"] - 60) / 112
        points[f"{side}_hip"] = root @ (out * [build.hip, 0, 0])
        points[f"{side}_knee"] = points[f"{side}_hip"] - hip[:, 1] * build.thigh
        points[f"{side}_ankle"] = points[f"{side}_knee"] - knee[:, 1] * build.shin
        scale = build.stature / 1750
        points[f"{side}_toe"] = points[f"{side}_ankle"] + foot @ np.array([0, -52, 158]) * scale
        points[f"{side}_heel"] = points[f"{side}_ankle"] + foot @ np.array([0, -48, -42]) * scale
        points[f"{side}_shoulder"] = points["thorax"] + chest @ (out * [build.shoulder, lift, 0])
        points[f"{side}_elbow"] = points[f"{side}_shoulder"] - arm[:, 1] * build.upper_arm
        points[f"{side}_wrist"] = points[f"{side}_elbow"] - fore[:, 1] * build.forearm
        points[f"{side}_hand"] = points[f"{side}_wrist"] - hand[:, 1] * 88 * scale
        frames |= {f"{side}_thigh": hip, f"{side}_shin": knee, f"{side}_foot": foot}
        frames |= {f"{side}_arm": arm, f"{side}_fore": fore, f"{side}_hand": hand}
    # The thorax of the 18-joint skeleton is the mean of the shoulders, so that truth and readers agree.
    points["thorax"] = (points["left_shoulder"] + points["right_shoulder"]) / 2
    joints = np.stack([points[name] for name in JOINTS])
    joints[:, 1] -= joints[:, 1].min() - 28.0
    return Pose3D(joints, frames)
