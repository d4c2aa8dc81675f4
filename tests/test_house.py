"""The house: few files in the root, short files, imports downwards, tests that mirror the rooms."""

import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent
SOURCE = REPOSITORY / "src" / "posereg"
MODULES = sorted(f for f in SOURCE.rglob("*.py") if f.name != "__init__.py" and not f.stem.startswith("_"))


def mirror(module: Path) -> Path:
    """Where the test of a module belongs."""
    place = module.relative_to(SOURCE)
    return TESTS / place.parent / f"test_{module.stem}.py"


def is_mirrored(module: Path) -> bool:
    """Whether the test in the mirrored place is there and imports the module."""
    test = mirror(module)
    name = ".".join(("posereg", *module.relative_to(SOURCE).with_suffix("").parts))
    if not test.exists():
        return False
    text = test.read_text()
    return name in text or f"from {name.rpartition('.')[0]} import" in text


def test_the_root_holds_at_most_six_files():
    assert len(list(SOURCE.glob("*.py"))) <= 6


def test_files_are_short():
    lengths = {str(f): len(f.read_text().splitlines()) for f in MODULES}
    assert not {name: length for name, length in lengths.items() if length > 400}
    assert statistics.median(lengths.values()) <= 110


def test_every_module_has_a_test_in_its_mirrored_place():
    assert not [f.relative_to(SOURCE).as_posix() for f in MODULES if not is_mirrored(f)]


def test_imports_run_downwards():
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which(
        "lint-imports"
    )
    if command is None:
        pytest.skip("import-linter is not installed (pip install -e '.[dev]')")
    run = subprocess.run([command, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
