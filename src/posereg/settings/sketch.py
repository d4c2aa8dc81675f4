"""Configs are checked without torch: what they build is looked at as a sketch, its own code between stand-ins.

To check a config is to ask classes for their signatures, and to import those is to import torch, timm and Lightning:
seconds and a gigabyte, of which the check uses nothing but names. So while `sketched()` lasts, posereg's modules run
as they are, and a package outside them is a stand-in: a class for every name, to inherit from, to annotate and to
decorate with. Signatures of torch's optimisers are read from its source, names of timm's models from timm's.

A stand-in computes nothing: whoever calls one once its module is there, or asks for its truth or its signature, gets
`Unsketched`, and the config has to be checked with the packages themselves.
"""

from __future__ import annotations

import ast
import fnmatch
import inspect
import re
import sys
import typing
from abc import ABCMeta
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

# Packages that are themselves: small, and what they compute is looked at.
THEMSELVES = {"posereg", "numpy", "yaml", "omegaconf", "hydra", "pydantic", "pydantic_core", "annotated_types",
              "typing_extensions"}  # fmt: skip
OPTIMIZERS = "torch.optim"
REGISTERED = re.compile(rb"^@register_model\b.*\ndef (\w+)\(", re.MULTILINE)  # a model in timm's source


class Unsketched(BaseException):
    """Only the package itself can answer this; no `except Exception` takes it for a mistake in a config."""


_modules: dict[str, ModuleType] = {}  # what the sketch has imported, for the next time
_running = 0  # modules whose code is being run


@contextmanager
def sketched() -> Iterator[None]:
    """Meanwhile what is imported for the first time is a sketch; afterwards it is gone from `sys.modules`, and whoever
    imports it then gets it whole.

    Raises:
        Unsketched: from within, where a package itself would have to answer.
    """
    before, finder = set(sys.modules), _Finder()
    for name, module in _modules.items():
        sys.modules.setdefault(name, module)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name not in before]:
            if _is_sketch(name):
                _modules[name] = sys.modules.pop(name)
                owner, _, inner = name.rpartition(".")
                if owner in before:
                    vars(sys.modules[owner]).pop(inner, None)


def _is_sketch(name: str) -> bool:
    top = name.partition(".")[0]
    return top == "posereg" or not (top in THEMSELVES or top in sys.stdlib_module_names)


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _is_sketch(name):
            return None
        if name.partition(".")[0] != "posereg":
            below = "." in name
            return ModuleSpec(name, _Blank(), is_package=True) if below or _spec(name) is not None else None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Own(spec.loader)
        return spec


class _Own(Loader):
    """Runs a module of posereg's; stand-ins may be called meanwhile, as decorators are."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        global _running
        _running += 1
        try:
            self.loader.exec_module(module)
        finally:
            _running -= 1


class _Blank(Loader):
    """A package that consists of stand-ins."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__getattr__"] = lambda name: _attribute(module.__name__, name)


class _StandIn(ABCMeta):
    """Of a name of a package that is not there."""

    def __getattr__(cls, name: str) -> Any:
        whole = "__of__" not in vars(cls) or "__init__" in vars(
            cls
        )  # a class of posereg's, or of its signature
        if whole or name.startswith("_"):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return _attribute(vars(cls)["__of__"], name)

    def __call__(cls, *given: Any, **named: Any) -> Any:
        if "__of__" not in vars(cls):
            return super().__call__(*given, **named)
        if not _running:
            _refuse(vars(cls)["__of__"])
        if len(given) == 1 and not named and inspect.isroutine(given[0]) | inspect.isclass(given[0]):
            return given[0]  # a decorator; what it does to the function is not looked at
        return _class(f"{vars(cls)['__of__']}()")

    def __getitem__(cls, item: Any) -> Any:
        return cls

    def __bool__(cls) -> bool:
        return True if "__of__" not in vars(cls) else _refuse(vars(cls)["__of__"])

    __len__ = __iter__ = __lt__ = __le__ = __gt__ = __ge__ = lambda cls, *_: _refuse(cls.__name__)

    @property
    def __signature__(cls) -> inspect.Signature | None:
        return None if "__of__" not in vars(cls) or "__init__" in vars(cls) else _refuse(vars(cls)["__of__"])


def _refuse(name: str) -> NoReturn:
    raise Unsketched(name)


def _attribute(owner: str, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"{owner!r} has no attribute {name!r}")
    dotted = f"{owner}.{name}"
    if dotted in ANSWERS:
        return ANSWERS[dotted]
    return _class(dotted)


def _inherited(cls: type, **named: Any) -> None:
    """What a class says of itself to a package that is not there: `class Image(Struct, frozen=True)`."""


@cache
def _class(dotted: str) -> type:
    module, _, name = dotted.rpartition(".")
    own: dict[str, Any] = {"__of__": dotted, "__module__": module, "__init_subclass__": _inherited}
    if module == OPTIMIZERS and name[0].isupper():
        own["__init__"] = _constructor(name)
    return _StandIn(name, (), own)


def _constructor(name: str) -> Callable[..., Any]:
    """The constructor of one of torch's optimisers, with its signature alone.

    Raises:
        Unsketched: torch's source says nothing of it.
    """
    for line in _statements(_source(OPTIMIZERS)):
        if isinstance(line, ast.ImportFrom) and any((one.asname or one.name) == name for one in line.names):
            of = f"{OPTIMIZERS}.{line.module}" if line.level else str(line.module)
            classes = [one for one in _statements(_source(of)) if isinstance(one, ast.ClassDef)]
            functions = [
                f for c in classes if c.name == name for f in c.body if isinstance(f, ast.FunctionDef)
            ]
            for function in functions:
                if function.name == "__init__" and function.args.kwarg is None:
                    return _signature_alone(function)
    _refuse(f"{OPTIMIZERS}.{name}")


def _signature_alone(function: ast.FunctionDef) -> Callable[..., Any]:
    empty = ast.Constant(None)
    arguments = function.args
    arguments.defaults = [empty for _ in arguments.defaults]
    arguments.kw_defaults = [None if default is None else empty for default in arguments.kw_defaults]
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.annotation is not None:
            argument.annotation = ast.Constant(ast.unparse(argument.annotation))
    function.body, function.decorator_list = [ast.Pass()], []
    names: dict[str, Any] = {**vars(typing), "Tensor": _class("torch.Tensor")}
    module = ast.fix_missing_locations(ast.Module([function], []))
    exec(compile(module, OPTIMIZERS, "exec", dont_inherit=True), names)
    made: Callable[..., Any] = names["__init__"]
    return made


def _statements(source: bytes) -> list[ast.stmt]:
    return ast.parse(source).body


def _source(module: str) -> bytes:
    first, *inner = module.split(".")
    spec = _spec(first)
    if spec is None or spec.origin is None:
        _refuse(module)
    place = Path(spec.origin).parent.joinpath(*inner)
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return file.read_bytes() if file.is_file() else _refuse(module)


@cache
def _spec(package: str) -> ModuleSpec | None:
    return PathFinder.find_spec(package)


def _model_sources() -> list[bytes]:
    spec = _spec("timm")
    if spec is None or spec.origin is None:
        _refuse("timm")
    return [file.read_bytes() for file in sorted((Path(spec.origin).parent / "models").glob("*.py"))]


@cache
def _list_models(pattern: str = "*") -> list[str]:
    """The models that timm's source registers, in the order of timm's own list."""
    found = [name.decode() for source in _model_sources() for name in REGISTERED.findall(source)]
    return sorted(
        fnmatch.filter(found, pattern),
        key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.lower())],
    )


@cache
def _is_model(name: str) -> bool:
    """Whether timm's source registers a model of that name, with weights of its tag (`resnet50.tv_in1k`).

    Raises:
        Unsketched: it does not say so, and timm itself may know more names than those.
    """
    model, _, tag = name.partition(".")
    weights = re.compile(rf"""["']{re.escape(name)}[{"" if tag else "."}"']""".encode())
    for source in _model_sources():
        if model.encode() in REGISTERED.findall(source) and weights.search(source):
            return True
    _refuse(f"timm: {name}")


def _anything(self: Any, *given: Any, **named: Any) -> None: ...


# What a check asks of a package, and can be told without it.
ANSWERS: dict[str, Any] = {
    "timm.list_models": _list_models,
    "timm.is_model": _is_model,
    "timm.get_pretrained_cfg": _is_model,
    "torch.nn.Identity": _StandIn("Identity", (_class("torch.nn.Module"),), {"__init__": _anything}),
}
