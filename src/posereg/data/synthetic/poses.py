"""What people do: a broad mixture of everyday and sports poses inside the joint limits.

Legs, trunk and each arm are drawn on their own from a few habits (mean and spread of each angle), so
combinations are many; then the pose is cut to the limits and arms that run through the body are redrawn.
"""

from __future__ import annotations

import numpy as np

from posereg.data.synthetic.body import Angles, Build, Pose3D, clamp, forward

Habit = dict[str, tuple[float, float]]

# habit: weight, angles (mean, spread). Legs give (leading leg, trailing leg); sides are swapped at random.
_LEGS: dict[str, tuple[float, Habit, Habit]] = {
    "stand": (
        5,
        {"hip_flex": (3, 6), "hip_spread": (6, 4), "hip_turn": (5, 9), "knee": (6, 5)},
        {"hip_flex": (3, 7), "hip_spread": (6, 4), "hip_turn": (5, 9), "knee": (8, 8)},
    ),
    "relaxed": (
        3,
        {"hip_flex": (0, 4), "hip_spread": (3, 3), "knee": (3, 3)},
        {"hip_flex": (16, 8), "hip_spread": (10, 6), "hip_turn": (15, 9), "knee": (28, 10)},
    ),
    "wide": (
        2,
        {"hip_flex": (6, 8), "hip_spread": (24, 8), "hip_turn": (10, 8), "knee": (12, 10)},
        {"hip_flex": (6, 8), "hip_spread": (24, 8), "hip_turn": (10, 8), "knee": (12, 10)},
    ),
    "walk": (
        4,
        {"hip_flex": (24, 8), "hip_spread": (3, 3), "knee": (9, 7), "ankle": (-5, 6)},
        {"hip_flex": (-14, 7), "hip_spread": (3, 3), "knee": (26, 13), "ankle": (12, 10)},
    ),
    "run": (
        2.5,
        {"hip_flex": (58, 14), "hip_spread": (3, 4), "knee": (70, 20), "ankle": (0, 8)},
        {"hip_flex": (-14, 9), "hip_spread": (3, 4), "knee": (48, 28), "ankle": (20, 12)},
    ),
    "kick": (
        1.5,
        {"hip_flex": (62, 18), "hip_spread": (12, 10), "knee": (20, 16), "ankle": (22, 12)},
        {"hip_flex": (2, 7), "hip_spread": (5, 5), "knee": (14, 9)},
    ),
    "lunge": (
        1.8,
        {"hip_flex": (68, 12), "hip_spread": (10, 8), "knee": (74, 14)},
        {"hip_flex": (-14, 8), "hip_spread": (10, 8), "knee": (24, 14), "ankle": (20, 12)},
    ),
    "squat": (
        1.2,
        {"hip_flex": (98, 14), "hip_spread": (20, 10), "knee": (108, 14), "ankle": (-15, 6)},
        {"hip_flex": (98, 14), "hip_spread": (20, 10), "knee": (108, 14), "ankle": (-15, 6)},
    ),
    "kneel": (
        0.7,
        {"hip_flex": (82, 10), "hip_spread": (8, 6), "knee": (88, 10)},
        {"hip_flex": (2, 8), "hip_spread": (8, 5), "knee": (92, 10), "ankle": (38, 7)},
    ),
    "sit": (
        2.2,
        {"hip_flex": (84, 7), "hip_spread": (9, 8), "hip_turn": (4, 8), "knee": (82, 14)},
        {"hip_flex": (84, 7), "hip_spread": (9, 8), "hip_turn": (4, 8), "knee": (82, 14)},
    ),
    "balance": (
        0.9,
        {"hip_flex": (70, 16), "hip_spread": (25, 15), "hip_turn": (20, 12), "knee": (100, 20), "ankle": (15, 12)},
        {"hip_flex": (0, 4), "hip_spread": (2, 3), "knee": (4, 4)},
    ),
}  # fmt: skip

_ARMS: dict[str, tuple[float, Habit]] = {
    "down": (5, {"arm_plane": (20, 22), "arm_raise": (13, 6), "arm_turn": (20, 20), "elbow": (14, 11)}),
    "swing": (2.5, {"arm_plane": (75, 20), "arm_raise": (26, 14), "arm_turn": (25, 15), "elbow": (55, 30)}),
    "back": (1.2, {"arm_plane": (-30, 12), "arm_raise": (28, 12), "arm_turn": (10, 15), "elbow": (35, 25)}),
    "hip": (1.6, {"arm_plane": (-5, 10), "arm_raise": (42, 7), "arm_turn": (68, 9), "elbow": (92, 10)}),
    "hold": (2.2, {"arm_plane": (70, 18), "arm_raise": (34, 12), "arm_turn": (35, 18), "elbow": (82, 20)}),
    "reach": (2, {"arm_plane": (72, 22), "arm_raise": (78, 20), "arm_turn": (15, 25), "elbow": (22, 18)}),
    "side": (1.8, {"arm_plane": (12, 16), "arm_raise": (84, 16), "arm_turn": (0, 30), "elbow": (22, 22)}),
    "up": (1.8, {"arm_plane": (35, 25), "arm_raise": (148, 15), "arm_turn": (0, 25), "elbow": (26, 22)}),
    "wave": (1.3, {"arm_plane": (15, 18), "arm_raise": (82, 16), "arm_turn": (-50, 12), "elbow": (92, 22)}),
    "head": (0.9, {"arm_plane": (55, 15), "arm_raise": (78, 14), "arm_turn": (-20, 20), "elbow": (132, 8)}),
    "throw": (1.1, {"arm_plane": (-12, 12), "arm_raise": (95, 14), "arm_turn": (-45, 14), "elbow": (75, 24)}),
    "any": (1.5, {"arm_plane": (40, 50), "arm_raise": (75, 45), "arm_turn": (10, 40), "elbow": (55, 45)}),
}  # fmt: skip

_TRUNK: dict[str, tuple[float, Habit]] = {
    "upright": (8, {"pitch": (2, 4), "spine_flex": (4, 6), "spine_side": (0, 5), "spine_twist": (0, 8)}),
    "lean": (2.5, {"pitch": (14, 7), "spine_flex": (16, 9), "spine_side": (0, 8), "spine_twist": (0, 12)}),
    "turn": (2, {"pitch": (4, 6), "spine_flex": (8, 9), "spine_side": (0, 14), "spine_twist": (0, 24)}),
    "bend": (0.9, {"pitch": (42, 12), "spine_flex": (40, 10), "spine_side": (0, 6), "spine_twist": (0, 10)}),
    "arch": (0.8, {"pitch": (-6, 5), "spine_flex": (-14, 6), "spine_side": (0, 10), "spine_twist": (0, 10)}),
}  # fmt: skip
_NECK: Habit = {"neck_flex": (6, 13), "neck_side": (0, 8), "neck_twist": (0, 22)}
_LOW = ("squat", "sit", "kneel")
_DEFAULTS: Habit = {"hip_turn": (2, 7), "ankle": (0, 6), "wrist": (4, 14), "roll": (0, 3)}
_SMALL: Habit = {"wrist": _DEFAULTS["wrist"]}
LYING = 0.025  # share of people who lie


def _draw(rng: np.random.Generator, habit: Habit) -> Angles:
    return {name: float(rng.normal(mean, spread)) for name, (mean, spread) in habit.items()}


def _pick(rng: np.random.Generator, weights: list[float]) -> int:
    return int(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), side="right"))


def _side(side: str, angles: Angles) -> Angles:
    return {f"{side}_{name}": value for name, value in angles.items()}


def _arm(rng: np.random.Generator) -> Angles:
    habits = list(_ARMS.values())
    return _draw(rng, _SMALL | habits[_pick(rng, [weight for weight, _ in habits])][1])


def _through_body(pose: Pose3D, build: Build, side: str) -> bool:
    """Whether elbow, wrist or hand lies inside the trunk, the head or a thigh."""
    width, depth = 0.088 * build.stature * build.girth, 0.066 * build.stature * build.girth
    mid, frame = (pose.at("pelvis") + pose.at("thorax")) / 2, pose.frames["middle"]
    half = np.linalg.norm(pose.at("thorax") - pose.at("pelvis")) / 2 + 30
    for name in ("elbow", "wrist", "hand"):
        point = pose.at(f"{side}_{name}")
        left, up, front = frame.T @ (point - mid)
        if abs(up) < half and (left / width) ** 2 + (front / (depth + 25)) ** 2 < 1:
            return True
        if np.linalg.norm(point - pose.at("head")) < 125 * build.head:
            return True
        for leg in ("left", "right"):
            hip, knee = pose.at(f"{leg}_hip"), pose.at(f"{leg}_knee")
            t = np.clip((point - hip) @ (knee - hip) / build.thigh**2, 0, 1)
            if np.linalg.norm(point - hip - t * (knee - hip)) < 0.045 * build.stature:
                return True
    return False


def sample_pose(rng: np.random.Generator, build: Build, yaw: float) -> tuple[Pose3D, str]:
    """A pose inside the joint limits and the leg habit it came from (`lie` for lying people)."""
    names = list(_LEGS)
    habit = names[_pick(rng, [_LEGS[name][0] for name in names])]
    trunks = list(_TRUNK)
    trunk = trunks[_pick(rng, [_TRUNK[name][0] for name in trunks])]
    if trunk == "bend" and habit in _LOW:
        trunk = "lean"
    angles = _draw(rng, _DEFAULTS | _TRUNK[trunk][1] | _NECK)
    lying = rng.random() < LYING
    habit = "relaxed" if lying else habit
    sides = ("left", "right") if rng.random() < 0.5 else ("right", "left")
    for side, leg in zip(sides, _LEGS[habit][1:], strict=True):
        angles |= _side(side, _draw(rng, _DEFAULTS | leg))
    if habit == "squat":
        angles["pitch"] = abs(angles["pitch"]) + 20
    if lying:
        angles["pitch"] = float(rng.choice([-88.0, 86.0]))
        habit = "lie"
    shared = _arm(rng) if rng.random() < 0.35 else None
    for side in sides:
        angles |= _side(side, shared if shared is not None else _arm(rng))
    angles = clamp(angles)
    pose = forward(build, angles, yaw)
    for side in sides:
        for _ in range(6):
            if not _through_body(pose, build, side):
                break
            angles = clamp(angles | _side(side, _arm(rng)))
            pose = forward(build, angles, yaw)
    return pose, habit
