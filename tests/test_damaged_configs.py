"""Configs that are wrong in any way: one error without a traceback, or settings that mean something and build.

Settings of whole command lines are replaced, removed, doubled and made into other kinds of values. What is accepted
is held against a table of what each kind of setting may mean, written from the papers' and torch's conventions and
not from posereg's annotations; then everything that the config describes is built from it.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from posereg import config as configs
from posereg.build import build_method
from posereg.errors import UserError
from posereg.methods.integral import IntegralPose
from posereg.runs import folder as runs
from tiny import data_set

SMALL = ("input_scale=0.25", "width=0.125", "backbone.pretrained=false", "batch_size=2", "loader.workers=0",
         "trainer=cpu", "trainer.epochs=1", "trainer.limit_train_batches=1")  # fmt: skip
SCENES = ("loader=bottomup", "augment=art", "augment.scale=[0.8,1.2]", "backbone=hrnet_w18_small")
LSP = "data.reader.ranges={train: [1, 16], test: [17, 24], all: [1, 24]}"
# Families, data sets and rows: the command line, and the layout that its synthetic data have.
COMMANDS = {
    "row": ("mpii", "+experiments/integral/table2=I1"),
    "heat maps": ("mpii", "method=H2", "schedule=cosine", "logger=tensorboard"),
    "stages": ("mpii", "+experiments/integral/table5=S4_MS_I1"),
    "coordinates": ("lsp", "method=R1", "schedule=plateau", LSP),
    "cascade": ("mpii", "method=cascade_res", "backbone=resnet10", "augment=cascade"),
    "soft-argmax": ("mpii", "method=softargmax_context", "augment=softargmax", "method.network.blocks=1"),
    "scenes": ("coco", "method=art", *SCENES),
    "volume": ("h80k", "method=volume", "loader=mixed", "augment=volume"),
}  # fmt: skip


@cache
def composed(name: str) -> DictConfig:
    kind, *given = COMMANDS[name]
    data = "synthetic" if kind == "mpii" else f"synthetic_{kind}"
    beside = [f"loader.others.mpii.root={data_set('mpii')}"] if kind == "h80k" else []
    config = configs.compose([*SMALL, *given, f"data={data}", f"data.root={data_set(kind)}", *beside])
    OmegaConf.set_struct(config, False)
    return config


@cache
def keys(name: str) -> list[tuple[str, Any]]:
    """Every key of the command's config with its value, groups and lists included."""
    found: list[tuple[str, Any]] = []

    def walk(node: Any, path: str) -> None:
        for key, value in node.items():
            where = f"{path}.{key}" if path else str(key)
            # What the run only passes on, and Hydra's own.
            if where not in ("paper", "tags", "report.columns", "hydra"):
                found.append((where, value))
                if isinstance(value, dict):
                    walk(value, where)

    walk(configs.plain(copy.deepcopy(composed(name))), "")
    return found


# What settings mean, by the last part of their key; `None` where leaving it out means something.
def number(low: float, high: float = 1e9, *, open_: bool = False) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return (low < value if open_ else low <= value) and value <= high

    return holds


def whole(low: int, high: int = 2**32) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def word(*choices: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in choices


def or_none(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


def several(holds: Callable[[Any], bool], least: int = 1, most: int = 100) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(holds, value))


def safe(value: Any) -> bool:
    return isinstance(value, str) and value.strip() == value != "" and ".." not in value.split("/")


def text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and value.isprintable()


boolean: Callable[[Any], bool] = lambda value: isinstance(value, bool)  # noqa: E731
share, above_zero, from_zero = number(0, 1), number(0, open_=True), number(0)
count, none_or_more = whole(1), whole(0)
KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        ("batch_size", "epochs", "validate_every", "every", "accumulate", "num_nodes", "joints", "keypoints", "stages",
         "blocks", "deconv_width", "regression_width", "channels", "units", "order", "depth", "det_up", "stride",
         "max_people", "min_keypoints"), count),
    **dict.fromkeys(("limit_train", "limit_val", "limit_others", "scoring_images"), or_none(count)),
    **dict.fromkeys(
        ("seed", "warmup", "patience", "workers", "max_bad_images", "context", "deconv_layers", "scoring_epochs"),
        none_or_more),
    **dict.fromkeys(
        ("lr", "eps", "rotation_step", "scale_step", "factor", "rate_factor", "width",
         "input_scale"), above_zero),
    **dict.fromkeys(("sigma", "radius", "center_sigma"), number(0.01, 10_000)),
    **dict.fromkeys(("beta", "checkpoint_minutes", "clip"), or_none(above_zero)),
    **dict.fromkeys(("joint_weight", "regression_weight", "presence_weight", "minimum", "min_box_score", "small_area"),
                    from_zero),
    **dict.fromkeys(("heatmap_weight", "max_relative"), or_none(from_zero)),
    **dict.fromkeys(("flip", "rotation_chance", "translation", "color_gain", "color_power", "alpha", "background",
                     "fine_background", "keypoint_threshold", "nms_threshold", "momentum", "final"), share),
    **dict.fromkeys(
        ("flip_test", "evaluate_only", "overwrite", "pretrained", "adaptive", "guidance", "high_resolution", "scoring",
         "qualities", "count_macs", "scale_sigma", "channels_last", "compile", "complexity"), boolean),
    "rotation": number(0, 180),
    "ema": or_none(number(0, 1, open_=True)),
    "limit_train_batches": lambda value: whole(1)(value) or (isinstance(value, float) and share(value) and value > 0),
    "scale": lambda value: number(0, 1)(value) or several(above_zero, 2, 2)(value),
    "devices": lambda value: whole(1)(value) or value in ("auto", -1) or several(none_or_more)(value),
    "input_size": several(whole(32), 2, 2),
    **dict.fromkeys(("crop_scales", "scales"), several(above_zero)),
    "dilations": several(count),
    "mean": several(number(-1e6), 3, 3),
    "std": several(above_zero, 3, 3),
    "at": several(share, 0),
    "convention": word("center", "corner"),
    "joint_kind": word("l1", "l2", "euclidean"),
    "normalisation": word("softmax", "relu_sum"),
    "reduction": word("mean", "sum", "paper"),
    "first": word("parts", "confidence"),
    "ramp": word("linspace", "paper", "half_pixel"),
    "decode": word("argmax", "integral", "window", "softargmax"),
    "mode": word("min", "max"),
    "law": word("geometric", "steps"),
    **dict.fromkeys(("rotation_law", "scale_law"), word("normal", "uniform", "steps")),
    "skeleton": word("coco", "crowdpose", "h36m", "h80k", "lsp", "mpii"),
    "precision": word("32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true"),
    "accelerator": word("auto", "cpu", "gpu", "cuda", "mps"),
    "strategy": word("auto", "ddp", "ddp_find_unused_parameters_true", "fsdp"),
    "missing_images": word("error", "drop"),
    **dict.fromkeys(("table", "row"), safe),
    **dict.fromkeys(("train_split", "val_split", "root", "runs", "run_dir"), text),
    "test_split": or_none(text),
    "compare_to": or_none(safe),
}  # fmt: skip
# Nodes may be left out or given as they are; whether they build is tried.


def means_something(key: str, before: Any, value: Any) -> bool:
    leaf = key.rpartition(".")[2]
    if ".phases." in key and leaf in (
        "epochs",
        "lr",
    ):  # a phase may be left out, and has a rate for each part
        return none_or_more(value) if leaf == "epochs" else isinstance(value, dict | list) or value is None
    if leaf in KINDS:
        return KINDS[leaf](value)
    if isinstance(before, bool):
        return boolean(value)
    if isinstance(before, int | float):
        return number(0)(value)
    if isinstance(before, list):
        return isinstance(value, list)
    if isinstance(before, dict):
        return isinstance(value, dict) or value is None
    return before is None or text(value) or value is None


ODD: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 7, 33, 10**9, 2**70, -(2**70), 0.5, 1.5, -0.5, 1e-30, 1e30, -1e30,
    float("nan"), float("inf"), float("-inf"), "", " ", "x", "yes", "maybe", "1", "nan", "l3", "../../x", "/etc/x",
    "a/b", "a\nb", "ü", "\udcff", "train", "val", "None", "a" * 5000, "${nope}", "${seed}", "${oc.env:NOPE}",
    "9" * 6000, [], [1], [0, 0], [-1, 2], [64, 64], [0.5, 2.0], [1, 2, 3], ["x"], [None], [[]], [float("nan")] * 3,
    {}, {"a": 1}, {1: 2}, {"_target_": "os.system"}, {"_target_": "posereg.nope"}, {"_target_": None},
    {"_target_": "torch.nn.Identity"}, {"_target_": "builtins.dict"}, {"_partial_": True},
]  # fmt: skip


def near(before: Any) -> list[Any]:
    """Values beside a good one: some mean something, some do not."""
    if isinstance(before, bool) or before is None:
        return [not before, int(bool(before)), str(before)]
    if isinstance(before, int | float):
        return [
            before * 2,
            before / 2,
            before + 1,
            -before,
            before + 0.5,
            str(before),
            [before],
            float(before),
        ]
    if isinstance(before, str):
        return [before.upper(), before + "x", before[:-1], f" {before}", [before]]
    if isinstance(before, list):
        return [before[::-1], before * 2, before[:-1], [before], dict(enumerate(before))]
    return [{**before, "more": 1}, list(before), dict(list(before.items())[1:])]


ACTIONS = ["replace"] * 8 + ["remove", "nest", "list", "item", "unknown", "rename"]


def change(config: DictConfig, key: str, before: Any, action: str, value: Any) -> None:
    """Change one key in place."""
    parent_key, _, leaf = key.rpartition(".")
    parent = OmegaConf.select(config, parent_key) if parent_key else config
    if not isinstance(parent, DictConfig):
        return  # an earlier change took its place away
    new = {"nest": {leaf: before}, "list": [before]}.get(action, value)
    if action == "item" and isinstance(before, list) and before:
        new = [value, *before[1:]]
    if action in ("remove", "rename"):
        parent.pop(leaf, None)
    if action == "rename":
        parent[f"{leaf}s"] = before
    elif action == "unknown":
        parent["nonsense"] = value
    elif action != "remove":
        parent[leaf] = new


def checked(config: DictConfig) -> dict[str, Any] | None:
    """The config as a run would take it; None if it is refused as it should be."""
    try:
        plain = configs.plain(config)
        configs.validate(plain)
    except UserError as error:
        refused = str(error)
    else:
        return plain
    assert refused.startswith("config: ")
    lines = refused.splitlines()
    assert len(set(lines)) == len(lines)
    assert all(len(line) < 700 and line.isprintable() for line in lines), refused
    return None


def built(plain: dict[str, Any]) -> int:
    """All that a run makes of its config before it reads data, the network without memory; gives its size."""
    json.dumps(plain, allow_nan=False)
    runs.config_hash(plain)
    assert ".." not in runs.run_dir(plain).parts
    with torch.device("meta"):
        module = build_method(plain, weights=False)
    optimizer = module.optimizer_factory([torch.nn.Parameter(torch.zeros(2))])
    assert all(0 < group["lr"] < 1e4 for group in optimizer.param_groups)
    if module.schedule_factory is not None:
        module.schedule_factory(optimizer, 100)
    configs.instantiate(plain["loader"])
    configs.instantiate(plain["trainer"])
    return sum(parameter.numel() for parameter in module.parameters())


def step(plain: dict[str, Any]) -> None:
    """One batch through augmentation, network and losses, and back: all gradients are finite."""
    loader = {**plain["loader"], "workers": 0}
    data = configs.instantiate(loader)
    torch.manual_seed(0)
    module = build_method(plain, weights=False)
    if isinstance(module, IntegralPose):  # what a run measures when it starts
        module.beta, module.heatmap_weight = module.beta or 1.0, module.heatmap_weight or 1.0
    batch = next(iter(data.train_dataloader()))
    loss = module.losses(module.images(batch), batch)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)


def one_change(name: str, data: st.DataObject, steps: bool = False) -> bool:
    """Whether a command with one, seldom two changed settings is accepted; `steps`: a step is taken where it is."""
    config = copy.deepcopy(composed(name))
    changes = []
    for _ in range(data.draw(st.sampled_from([1, 1, 1, 2]))):
        key, before = data.draw(st.sampled_from(keys(name)))
        action = data.draw(st.sampled_from(ACTIONS))
        values = data.draw(st.sampled_from([ODD, ODD, near(before)]))
        value = copy.deepcopy(data.draw(st.sampled_from(values)))
        with suppress(OmegaConfBaseException):  # what OmegaConf does not hold cannot stand in a config
            change(config, key, before, action, value)
            changes.append((key, before, action))
    plain = checked(config)
    if plain is None:
        return False
    gone = {key for key, _, action in changes if action in ("remove", "rename")}
    for key, before, action in changes:
        group = key.rpartition(".")[0]
        assert action != "unknown" or group in FREE or group.endswith("backbone"), (
            f"unknown key beside {key} is accepted"
        )
        now = OmegaConf.select(OmegaConf.create({"all": plain}), f"all.{key}")
        now = OmegaConf.to_container(now) if isinstance(now, DictConfig | ListConfig) else now
        assert key in gone or means_something(key, before, now), f"{key}={now!r} is accepted"
    # What only the building finds is one error, too.
    with suppress(UserError):
        size = built(plain)
        network = plain["method"].get(
            "network"
        )  # any class of torch may be one, also one that gives no poses
        foreign = isinstance(network, dict) and not str(network.get("_target_")).startswith("posereg.")
        if (
            steps
            and not foreign
            and size < 10**7
            and plain["batch_size"] <= 4
            and max(plain["loader"]["input_size"]) <= 128
        ):
            step(plain)
        return True
    return False


# Where any key may stand; a trunk's are for timm, which refuses those that it does not know.
FREE = {"paper", "method.optimizer", "method.bone_lengths", "method.phases"}
# Command lines that no config comes of, or another than meant.
TEXTS = [
    "seed", "=", "=3", "seed=", "seed==3", "+seed=3", "~seed", "~nope", "++a.b.c=1", "seed=[1,2", "seed={a:1",
    "'seed=3", "seed=1 2", "seed=$x", "seed=${x", "seed=@", "a@b=c", "method=nope", "method=", "method=[I1,H1]",
    "+method=H1", "method/x=1", "data@loader=lsp", "seed=1,2", "seed=range(3)", "seed=glob(*)", "seed=sort(3,1)",
    "seed=int(x)", "seed=1e999", "seed=0x10", "seed=1_000", "seed=--1", "hydra.run.dir=/x", "+hydra=1", "~method",
    "~data.root", "experiments=x", "+experiments=integral/table2", "+experiments/integral/table2=nope",
    "recipe=nope", "trainer={}", "epochs=null", "row=ü", "row=..", "row=a/b", "table=/x", "data.root=",
    "data.root='a, b=1'", "tags=[1,a,2.5]", "tags=x", "paper={a: x}", "method.optimizer={}", "method.schedule=3",
    "loader.others=3", "\udcff=1", "seed=\\",
]  # fmt: skip


def one_command(name: str, data: st.DataObject) -> None:
    """A command line with odd words in it; whatever it comes to is refused in one line or builds."""
    kind, *given = COMMANDS[name]
    set_of = "synthetic" if kind == "mpii" else f"synthetic_{kind}"
    key, before = data.draw(st.sampled_from(keys(name)))
    value = data.draw(st.sampled_from([str(one) for one in [*ODD, *near(before)]]))
    odd = [
        data.draw(st.sampled_from([*TEXTS, f"{key}={value}", f"+{key}x={value}", f"~{key}"]))
        for _ in range(2)
    ]
    try:
        config = configs.compose([*SMALL, *given, f"data={set_of}", f"data.root={data_set(kind)}", *odd])
    except UserError as error:
        refused = str(error)
    else:
        plain = checked(config)
        if plain is not None:
            with suppress(UserError):
                built(plain)
        return
    assert refused.strip()
    assert len(refused.splitlines()) <= 4, refused


FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
MANY = settings(FEW, max_examples=150)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_is_good_as_it_is(name: str) -> None:
    plain = checked(copy.deepcopy(composed(name)))
    assert plain is not None
    for key, value in keys(name):
        assert means_something(key, value, value), f"{key}={value!r}"
    built(plain)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_takes_a_step_as_it_is(name: str) -> None:
    step(configs.plain(copy.deepcopy(composed(name))))


@pytest.mark.parametrize("name", COMMANDS)
@FEW
@given(data=st.data())
def test_some_changed_settings(name: str, data: st.DataObject) -> None:
    one_change(name, data)


@settings(FEW, max_examples=8)
@given(data=st.data())
def test_some_odd_command_lines(data: st.DataObject) -> None:
    one_command(data.draw(st.sampled_from(list(COMMANDS))), data)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
@MANY
@given(data=st.data())
def test_changed_settings(name: str, data: st.DataObject) -> None:
    one_change(name, data, steps=True)


@pytest.mark.slow
@MANY
@given(data=st.data())
def test_odd_command_lines(data: st.DataObject) -> None:
    one_command(data.draw(st.sampled_from(list(COMMANDS))), data)
