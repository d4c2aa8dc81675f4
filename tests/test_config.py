"""Configs: unknown keys are errors with the nearest valid name, wherever they come from."""

import importlib
import json
import re
import subprocess

import pytest

from posereg import config as configs
from posereg.data.samples.augment import Augment
from posereg.errors import UserError
from posereg.runs import folder as runs
from posereg.settings.targets import locate


def plain(*overrides):
    return configs.plain(configs.compose(overrides))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+method.hetmap_weight=2", r"method\.hetmap_weight: no such key, did you mean 'heatmap_weight'"),
        ("+method.optimizer.learning_rate=2", r"method\.optimizer\.learning_rate: no such key"),
        ("+method.network.deconv_layer=3", r"did you mean 'deconv_layers'"),
        ("+trainer.epoch=3", r"trainer\.epoch: no such key, did you mean 'epochs'"),
        ("+loader.batchsize=3", r"loader\.batchsize: no such key, did you mean 'batch_size'"),
        ("+augment.rotate=3", r"augment\.rotate: no such key, did you mean 'rotation'"),
        ("+data.rot=x", r"data\.rot: no such key, did you mean 'root'"),
        ("+sede=3", r"sede: no such key, did you mean 'seed'"),
    ],
)
def test_unknown_keys_behind_plus_are_errors(override, message):
    with pytest.raises(UserError, match=message):
        configs.validate(plain(override))


def test_all_unknown_keys_are_reported_at_once():
    with pytest.raises(UserError, match=r"(?s)sede.*trainer\.epoch"):
        configs.validate(plain("+sede=3", "+trainer.epoch=2"))


@pytest.mark.parametrize("override", ["sede=3", "method=I9", "method.beta.x=1", "=3"])
def test_overrides_that_do_not_compose_are_user_errors(override):
    with pytest.raises(UserError):
        plain(override)


def test_a_target_that_is_not_there_names_the_path():
    with pytest.raises(UserError, match=r"schedule\._target_.*posereg\.training\.schedules has no 'step'"):
        configs.validate(plain("schedule._target_=posereg.training.schedules.step"))


def test_identity_ignores_where_a_run_happens_but_not_what_it_is():
    base = runs.config_hash(plain("method=H1"))
    assert (
        runs.config_hash(plain("method=H1", "runs=elsewhere", "loader.workers=7", "logger.name=wandb"))
        == base
    )
    assert runs.config_hash(plain("method=H1", "seed=1")) != base
    assert runs.config_hash(plain("method=H1", "method.heatmap_loss.sigma=2")) != base


def test_reduced_inputs_are_multiples_of_the_trunks_stride():
    assert plain("input_scale=0.25")["loader"]["input_size"] == [64, 64]
    assert plain("input_size=[288,384]", "input_scale=0.3")["loader"]["input_size"] == [96, 128]


def test_effective_batch_is_the_recipes():
    assert plain("trainer.accumulate=4")["loader"]["batch_size"] == 32


def test_differences_name_the_leaves():
    assert configs.differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}) == ["a.b: 1 -> 3"]


def test_a_folder_of_the_working_directory_is_no_config_group():
    (configs.root() / "runs").mkdir(exist_ok=True)  # where runs go by default
    assert plain("runs=runs/mine", "+experiments/integral/table2=H1")["run_dir"].startswith("runs/mine/")


def test_globs_find_the_rows_of_a_table():
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.utils import create_config_search_path

    loader = ConfigLoaderImpl(create_config_search_path(str(configs.root() / "conf")))
    assert loader.get_group_options("experiments/integral/table2") == sorted(
        ["H1", "H2", "H3", "I1", "I2", "I3", "I_star", "R1"]
    )


def test_a_target_of_another_version_is_the_users_error():
    with pytest.raises(UserError, match=r"cannot import 'posereg\.data\.source\.Nothing'"):
        configs.instantiate({"_target_": "posereg.data.source.Nothing"})


def _targets(node):
    if isinstance(node, list):
        return set().union(*map(_targets, node))
    if not isinstance(node, dict):
        return set()
    own = {node["_target_"]} if "_target_" in node else set()
    return own.union(*map(_targets, node.values()))


def test_every_target_of_the_stored_results_still_exists():
    stored = sorted((configs.root() / "results").rglob("*.json"))
    targets = set()
    for file in stored:
        targets |= _targets(json.loads(file.read_text()))
    assert any(configs.current_target(target) != target for target in targets)
    for target in targets:
        assert callable(locate(configs.current_target(target))[0]), target


def test_every_target_that_a_config_ever_named_still_exists():
    log = subprocess.run(
        ["git", "log", "-p", "--format=", "--", "conf", "experiments"],
        cwd=configs.root(),
        capture_output=True,
        text=True,
    )
    if log.returncode:
        pytest.skip("not a git clone: no former configs to look at")
    targets = set(re.findall(r"^[-+].*_target_: *(posereg\.[\w.]+)", log.stdout, re.MULTILINE))
    assert len(targets) > 20
    for target in targets:
        assert callable(locate(configs.current_target(target))[0]), target


def test_renamed_names_no_module_that_is_there_under_its_former_name():
    packages = {"posereg.losses"}  # was a module, is a room now; nothing that configs name stands in it
    for old in configs.RENAMED:
        if old in packages or old.rpartition(".")[2][0].isupper():
            continue
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(old)


def test_instantiate_builds_nested_nodes_of_older_runs():
    old = {"_target_": "posereg.data.augment.Augment", "rotation": 10.0}
    new = {**old, "_target_": "posereg.data.samples.augment.Augment"}
    holder = {"_target_": "builtins.dict"}
    assert configs.instantiate({**holder, "nested": [old]}) == {"nested": [Augment(rotation=10.0)]}
    assert configs.differences({"nested": [old]}, {"nested": [new]}) == []
    assert configs.differences({"nested": old}, {"nested": {**new, "rotation": 5.0}}) == [
        "nested.rotation: 10.0 -> 5.0"
    ]


@pytest.mark.parametrize(
    ("former", "current"),
    [
        ("trainer=demo", ("recipe=demo", "trainer.accelerator=cpu")),
        ("trainer=reduced", ("recipe=reduced", "trainer=cpu")),
        ("trainer=softargmax_lsp", ("recipe=softargmax_lsp",)),
    ],
)
def test_recipes_by_their_former_spelling(former, current):
    assert plain("method=H1", former) == plain("method=H1", *current)


def test_a_recipe_given_by_its_former_spelling_wins_over_the_rows_own():
    config = plain("+experiments/softargmax/table1=context_08", "trainer=softargmax_reduced")
    assert config["trainer"]["epochs"] == 16


def test_debug_is_two_steps_of_any_recipe():
    config = plain("recipe=volume_reduced", "trainer=debug", "method=volume", "data=h80k", "loader=mixed")
    assert (config["trainer"]["epochs"], config["trainer"]["limit_train_batches"]) == (1, 2)


def test_timm_models_are_named_like_files_of_the_group():
    assert configs.current_overrides(["backbone=timm/swin_t,timm/vit_s", "backbone=resnet18", "row=timm/a"]) == [
        "backbone=timm", "backbone.name=swin_t,vit_s", "backbone=resnet18", "row=timm/a",
    ]  # fmt: skip
    trunk = plain("method=I1", "backbone=timm/convnext_atto", "input_size=[96,64]")["method"]["network"][
        "backbone"
    ]
    assert (trunk["name"], trunk["input_size"]) == ("convnext_atto", [96, 64])


def test_a_timm_model_that_is_none_is_refused():
    with pytest.raises(UserError, match=r"backbone\.name.*convnext_attoo"):
        configs.validate(configs.compose(["method=I1", "backbone=timm/convnext_attoo"]))


def test_what_a_constructor_says_of_its_values_is_one_line():
    node = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 4, "kernel_size": 1, "groups": 2}
    with pytest.raises(
        UserError, match=r"'torch\.nn\.modules\.conv\.Conv2d' cannot be built: in_channels must be divisible"
    ) as told:
        configs.instantiate(node)
    assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=r"\(weight\) cannot be built"):
        configs.instantiate({"_target_": "builtins.dict", "weight": node})
