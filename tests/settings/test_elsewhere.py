"""Many configs checked by another process: the same answers as here, and this process stays without torch."""

import subprocess
import sys

PROGRAM = """
import sys
from posereg import config as configs
from posereg.settings.elsewhere import problems_of

plain = configs.plain(configs.compose(["method=I1", "data.root=/nowhere", "trainer.accelerator=cpu"]))
wrong = {**plain, "batch_size": 0, "seed": -1}
mine = {**plain, "method": {**plain["method"], "_target_": "shouting.Method"}}
told = problems_of([plain, wrong, {**plain, "seed": 1}, mine])
assert "torch" not in sys.modules
again = configs.mistakes([{**plain, "seed": 1}, plain])
assert "torch" not in sys.modules
from posereg.settings.check import problems
assert told == [problems(config) for config in (plain, wrong, {**plain, "seed": 1}, mine)]
assert again == [[], []]
assert [len(each) for each in told[:3]] == [0, 2, 0]
assert "gone" in told[3][0], told[3]
print("equal")
"""


def test_another_process_says_what_this_one_would(tmp_path, monkeypatch):
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "cache"))
    (tmp_path / "shouting.py").write_text("print('imported'); raise ValueError('gone')")
    run = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "equal"
