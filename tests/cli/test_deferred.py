"""Packages whose code waits: what a command loads, what they are worth afterwards, and packages laid out otherwise.

Each in a process of its own: what this one has imported already cannot wait any more.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from posereg.cli.deferred import _Compiled

START = "import sys\nfrom posereg.cli.deferred import DEFERRED, defer\n"


def _run(code: str, path: Path | None = None) -> str:
    command = f"import sys; sys.path.insert(0, {str(path)!r})\n{code}" if path else code
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package `slow` of two modules, which says when its code runs."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "__init__.py").write_text("print('ran')\nfrom slow.part import PART\nREST = 3\n")
    (tmp_path / "slow" / "part.py").write_text("PART = 2\n")
    return tmp_path


def test_runs_and_predictions_load_no_more_than_they_need() -> None:
    unneeded = (
        "scipy.signal",
        "scipy.stats",
        "matplotlib",
        "transformers",
        "torchmetrics.functional",
        "torchvision.models.resnet",
        "torchvision.ops.roi_align",
        "torchvision.datasets.folder",
        "torch.export.exported_program",
        "triton",
        "huggingface_hub.hf_api",
        "torch._dynamo.eval_frame",
    )
    code = f"""defer()
import posereg.train, posereg.methods.integral, posereg.predict.estimator
print([name for name in {unneeded} if name in sys.modules])
"""
    assert _run(START + code).strip() == "[]"


def test_a_metric_imported_before_its_plots_still_draws_itself() -> None:
    code = """defer()
import matplotlib
matplotlib.use('Agg')
import torch
from torchmetrics.utilities.plot import plot_single_or_multi_val
figure, axes = plot_single_or_multi_val(torch.tensor(2.0))
print(len(axes.lines))
"""
    assert _run(START + code).strip() == "1"


@pytest.mark.slow
def test_an_optimiser_steps_without_the_compiler_and_models_compile_after_it() -> None:
    code = """defer()
import pytorch_lightning, torch
from lightning_fabric.wrappers import OptimizedModule
layer = torch.nn.Linear(2, 1)
adam = torch.optim.Adam(layer.parameters())
layer(torch.ones(1, 2)).sum().backward()
adam.step()
print('torch._dynamo.eval_frame' in sys.modules, isinstance(layer, OptimizedModule))
compiled = torch.compile(layer, backend='eager')
print(torch.equal(compiled(torch.ones(1, 2)), layer(torch.ones(1, 2))))
print(isinstance(compiled, OptimizedModule), isinstance(layer, OptimizedModule))
adam.add_param_group({'params': [torch.nn.Parameter(torch.ones(1))]})
adam.step()
"""
    assert _run(START + code).split("\n")[:3] == ["False False", "True", "True False"]


@pytest.mark.slow
def test_the_packages_are_whole_when_they_are_asked() -> None:
    code = """defer()
import timm, torch, torchvision, torchmetrics
boxes = torch.tensor([[0., 0., 9., 9.], [0., 0., 9., 8.]])
print(torchvision.ops.nms(boxes, torch.tensor([1., 2.]), 0.5).tolist(), torchvision.models.resnet18.__name__)
mean = torchmetrics.MeanMetric()
mean.update(torch.tensor([1., 3.]))
print(float(mean.compute()), isinstance(mean, torchmetrics.Metric))
"""
    assert _run(START + code).splitlines() == ["[1] resnet18", "2.0 True"]


def test_a_module_below_wandb_that_is_imported_first_is_the_only_one_of_its_name() -> None:
    _run(
        START
        + """
defer()
import wandb
from wandb.sdk.lib import RunDisabled  # as Lightning's logger does
import wandb.sdk
assert wandb.sdk is sys.modules["wandb.sdk"]
assert wandb.sdk.data_types.base_types.wb_value.WBValue
assert wandb.sdk.lib.RunDisabled is RunDisabled
assert wandb.sdk.__spec__.submodule_search_locations and wandb.__version__
"""
    )


def test_code_waits_until_a_name_is_asked_for(package: Path) -> None:
    code = """DEFERRED['slow'] = {}
defer()
import slow.part
print(slow.part.PART, hasattr(slow, '__wrapped__'))
print(slow.REST, slow.__spec__.loader.get_source('slow') is not None)
"""
    assert _run(START + code, package).splitlines() == ["2 False", "ran", "3 True"]


def test_all_names_of_a_package_are_imported_after_its_code_ran(package: Path) -> None:
    assert (
        _run(START + "DEFERRED['slow'] = {}\ndefer()\nfrom slow import *\nprint(REST)", package) == "ran\n3\n"
    )


def test_known_names_come_without_the_rest(package: Path) -> None:
    code = "DEFERRED['slow'] = {'PART': lambda: 7}\ndefer()\nfrom slow import PART\nprint(PART)"
    assert _run(START + code, package) == "7\n"


def test_a_class_that_waits_can_be_called_derived_from_and_asked_for_its_instances(package: Path) -> None:
    with (package / "slow" / "__init__.py").open("a") as file:
        file.write("class Base:\n    pass\n")
    code = """from posereg.cli.deferred import _all_later
DEFERRED['slow'] = _all_later('slow', 'Base')
defer()
from slow import Base
print('waits')
class Own(Base):
    pass
import slow
print(Own.__mro__[1] is slow.Base, isinstance(Own(), Base), isinstance(3, Base), type(Base()) is slow.Base)
"""
    assert _run(START + code, package) == "waits\nran\nTrue True False True\n"


def test_another_layout_of_a_package_is_no_error(package: Path) -> None:
    code = """def gone():
    from slow.elsewhere import PART
DEFERRED['slow'] = {'PART': gone}
defer()
from slow import PART
print(PART)
"""
    assert _run(START + code, package) == "ran\n2\n"


def test_an_unknown_name_is_an_error_as_ever(package: Path) -> None:
    code = """DEFERRED['slow'] = {}
defer()
try:
    from slow import nothing
except ImportError as error:
    print(error.name)
"""
    assert _run(START + code, package) == "ran\nslow\n"


def test_what_was_imported_before_stays(package: Path) -> None:
    assert _run(
        START + "import slow\nDEFERRED['slow'] = {}\ndefer()\nimport slow\nprint(slow.REST)", package
    ) == ("ran\n3\n")


def test_no_value_is_compiled_for_a_class_without_compiler() -> None:
    assert not isinstance(object(), _Compiled("OptimizedModule", (), {}))
