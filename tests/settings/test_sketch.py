"""Configs checked without torch: word for word what the packages themselves lead to, or no verdict at all."""

import copy
import importlib
import inspect
import json
import os
import subprocess
import sys

import pytest
import timm

from posereg import config as configs
from posereg.settings import check, remembered
from posereg.settings.sketch import ANSWERS, Unsketched, sketched
from posereg.settings.targets import arguments, locate
from posereg.settings.words import valid

TABLES = (
    "integral/table2",
    "cascade/table6",
    "art/table4",
    "softargmax/table1",
    "volume/table1",
    "modern/coding",
)
VALUES = ("nonsense", -1, None, {"_target_": "posereg.networks.hrnet.HRNetTrunk", "widht": 1})
OPTIMIZERS = ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "SGD")
ALONE = """
import json, os, sys
from posereg import config as configs
from posereg.settings import check, targets
from posereg.settings.sketch import sketched
from posereg.settings.words import valid
given = json.load(sys.stdin)
told = [check.problems_without_torch(config) for config in given["configs"]]
with sketched():
    made = {name: targets.arguments(targets.locate(f"torch.optim.{name}")[0]) for name in given["optimizers"]}
    said = {name: [[key, a.required, a.keyword_only, valid(a.annotation)] for key, a in its.items() if key != "params"]
            for name, (its, _) in made.items()}
left = [name for name in sys.modules if name.startswith(("torch", "timm", "pytorch_lightning", "posereg.methods"))]
import torch
from posereg.methods.integral import IntegralPose
from posereg import methods
whole = issubclass(IntegralPose, torch.nn.Module) and methods.integral.IntegralPose is IntegralPose
json.dump({"told": told, "said": said, "left": left, "whole": whole}, sys.stdout)
"""


def _leaves(node, path=()):
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _leaves(value, (*path, key))


def _with(config, path, value):
    """A copy with another value in one place, or without it (None)."""
    changed = node = copy.deepcopy(config)
    for key in path[:-1]:
        node = node[key]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed


def _first_row(table):
    row = min(path.stem for path in (configs.experiments() / table).glob("*.yaml"))
    return configs.plain(configs.compose([f"+experiments/{table}={row}", "trainer.accelerator=cpu"]))


@pytest.fixture(scope="module")
def given():
    """A right config of each paper, and each with one thing wrong in many places."""
    rows = [_first_row(table) for table in TABLES]
    paths = [(row, path) for row in rows for path in _leaves(row)]
    return rows + [_with(*paths[k], VALUES[k % len(VALUES)]) for k in range(0, len(paths), 5)]


@pytest.fixture(scope="module")
def alone(given, tmp_path_factory):
    """What a process of its own says, which has not imported torch."""
    asked = json.dumps({"configs": given, "optimizers": OPTIMIZERS})
    environment = {**os.environ, "POSEREG_CACHE": str(tmp_path_factory.mktemp("cache"))}
    command = [sys.executable, "-c", ALONE]
    run = subprocess.run(command, input=asked, env=environment, text=True, check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout)


def test_a_verdict_is_word_for_word_that_of_the_packages(given, alone, monkeypatch):
    monkeypatch.setattr(remembered, "is_known", lambda config: False)
    whole = [check.problems(config) for config in given]
    pairs = [(a, b) for a, b in zip(alone["told"], whole, strict=True) if a is not None]
    assert [a for a, _ in pairs] == [b for _, b in pairs]
    assert len(pairs) > 0.8 * len(given)
    assert alone["told"][: len(TABLES)] == [[]] * len(TABLES)


def test_signatures_of_optimizers_are_torchs(alone):
    for name in OPTIMIZERS:
        its, _ = arguments(locate(f"torch.optim.{name}")[0])
        told = [
            [key, a.required, a.keyword_only, valid(a.annotation)]
            for key, a in its.items()
            if key != "params"
        ]
        assert alone["said"][name] == told, name


def test_afterwards_every_module_is_whole(alone):
    assert alone["left"] == []
    assert alone["whole"]


@pytest.mark.parametrize("name", ["resnet50", "hrnet_w32", "resnet50.tv_in1k", "vit_small_patch16_224"])
def test_names_of_models_are_timms(name):
    assert timm.is_model(name)
    assert timm.get_pretrained_cfg(name) is not None
    assert ANSWERS["timm.is_model"](name)


def test_the_list_of_models_is_timms():
    assert ANSWERS["timm.list_models"]() == timm.list_models()
    assert ANSWERS["timm.list_models"]("hrnet*") == timm.list_models("hrnet*") != []


@pytest.mark.parametrize("name", ["resnet50.nonsense", "resnet", "", "resnet50(", "esnet50"])
def test_what_no_source_names_is_left_to_timm(name):
    with pytest.raises(Unsketched):
        ANSWERS["timm.is_model"](name)


def test_a_stand_in_computes_nothing():
    with sketched():
        import tensorboard as stand_in  # no other test imports it

        assert issubclass(type("Own", (stand_in.Anything,), {}), stand_in.Anything)
        for question in (
            bool,
            len,
            iter,
            inspect.signature,
            lambda it: it(),
            lambda it: it.part(1),
            lambda it: it > 1,
        ):
            with pytest.raises(Unsketched):
                question(stand_in.Anything)
    assert "tensorboard" not in sys.modules


def test_a_package_that_is_not_installed_is_not_there():
    with sketched(), pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_package_of_anybody")
