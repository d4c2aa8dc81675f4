"""Packages that others import along, but that hardly a command needs: their code runs when somebody asks for a part.

Lightning imports torchmetrics with all its metrics, and those transformers, scipy.signal and pyplot, and a counter of
operations, which imports triton; timm imports torchvision with all its networks, operators and data sets, and the Hub's
client; and torch itself its compiler and exporter. That is more than half of what a command would wait for until it
begins.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

COMPILER, EXPORTER = "torch._dynamo", "torch.export"
IN_CIRCLES = (COMPILER, EXPORTER, "wandb")  # modules below these import one another, by way of the package
DATA_SETS = (
    "CIFAR10", "CIFAR100", "FashionMNIST", "ImageFolder", "ImageNet", "INaturalist", "KMNIST", "MNIST", "Places365",
    "QMNIST",
)  # fmt: skip
ALONE = {f"{COMPILER}.config"}  # modules that need nothing of the package above them


def _of(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


class _Later:
    """Stands for a function or a class of a module, which runs when this one is called or derived from."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def itself(self) -> Any:
        import_module(self.module)
        _run(self.module)
        return _of(self.module, self.name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self.itself()(*given, **named)

    def __mro_entries__(self, _: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.itself(),)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, self.itself())


def _all_later(module: str, *names: str) -> dict[str, Callable[[], Any]]:
    return {name: partial(_Later, module, name) for name in names}


class _Compiled(type):
    """Of the class of compiled modules: there is none before the compiler was there to make it."""

    def __instancecheck__(cls, value: object) -> bool:
        made_by = sys.modules.get(f"{COMPILER}.eval_frame")
        return made_by is not None and isinstance(value, made_by.OptimizedModule)


def _as_it_is(function: Any = None, *given: Any, **named: Any) -> Any:
    """Without a compiler, a function that it must leave alone is the function itself."""
    if callable(function) and COMPILER in _waiting:
        return function
    return _of(COMPILER, "disable")(function, *given, **named)


# package -> names that those ask for who import it along, and what makes them without the rest of it
DEFERRED: dict[str, Mapping[str, Callable[[], Any]]] = {
    "huggingface_hub": _all_later("huggingface_hub", "HfApi", "hf_hub_download", "model_info"),
    "torchmetrics": {
        "__version__": partial(_of, "torchmetrics.__about__", "__version__"),
        "_logger": partial(logging.getLogger, "torchmetrics"),
        "Metric": partial(_of, "torchmetrics.utilities.checks", "Metric"),
        "MetricCollection": partial(_of, "torchmetrics.collections", "MetricCollection"),
    },
    "torchmetrics.utilities.plot": {
        "_AX_TYPE": lambda: Any,
        "_PLOT_OUT_TYPE": lambda: Any,
        **_all_later("torchmetrics.utilities.plot", "plot_single_or_multi_val"),
    },
    EXPORTER: {},
    "torch.utils.flop_counter": _all_later("torch.utils.flop_counter", "FlopCounterMode"),
    "torchvision.datasets": _all_later("torchvision.datasets", *DATA_SETS),
    "torchvision.models": {},
    "torchvision.ops": {},
    COMPILER: {
        "OptimizedModule": partial(_Compiled, "OptimizedModule", (), {}),
        "disable": lambda: _as_it_is,
        "graph_break": lambda: lambda: None,
    },
    "wandb": {},
}

_waiting: dict[str, Callable[[], None]] = {}  # runs the code of a package that was imported
_lock = threading.RLock()


def defer() -> None:
    """From now on a package of `DEFERRED` that was not imported yet runs no code of its own when it is imported, but
    when one of its names is looked up. Modules below it can be imported as ever."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _run(package: str) -> None:
    with _lock:
        if package in _waiting:
            _waiting.pop(package)()


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for package in IN_CIRCLES:
            if name.startswith(f"{package}.") and name not in ALONE and name not in sys.modules:
                _run(package)
                if name in sys.modules:
                    return _There(sys.modules[name]).spec
        spec = PathFinder.find_spec(name, path, target) if name in DEFERRED else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Deferred(spec.loader)
        return spec


class _There(Loader):
    """The loader of a module that its package has imported meanwhile: it stays the one that it is."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.own = module, module.__spec__
        self.spec = module.__spec__ = ModuleSpec(module.__name__, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own


class _Deferred(Loader):
    """The loader of a package, which waits."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        package = module.__name__
        known = DEFERRED[package]

        def run() -> None:
            module.__dict__.pop("__getattr__", None)  # its own, if it has one, follows
            self.loader.exec_module(module)

        def look_up(name: str) -> Any:
            if name in known and package in _waiting:
                try:
                    return known[name]()
                except (ImportError, AttributeError):  # another version, laid out differently
                    for inner in [key for key in sys.modules if key.startswith(f"{package}.")]:
                        del sys.modules[inner]
            elif name.startswith("__") and name != "__all__":  # what tools ask every module
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            _run(package)
            return getattr(module, name)

        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self.loader
        module.__dict__["__getattr__"] = look_up
        _waiting[package] = run
