"""What docs/benchmarks.md says of reading annotations holds, also for a file a seventh as large."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/bench_annotations.py"
ALWAYS = 6 << 20  # bytes that reading takes for files of any size


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_annotations_cost_less_than_parsing_and_little_more_memory_than_what_comes_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("bench_annotations", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    path = tmp_path / "person_keypoints_train2017.json"
    bench.write(path, 16_000, 37_500)
    parsed = bench.measure("json", path, tmp_path)
    for reader in ("coco", "own"):
        for _ in range(2):  # anew, and from what was kept
            found = bench.measure(reader, path, tmp_path / reader)
            assert found["memory"] < 1.5 * found["arrays"] + ALWAYS
            assert found["seconds"] < 1.3 * parsed["seconds"]
        assert list((tmp_path / reader / "annotations").iterdir())
