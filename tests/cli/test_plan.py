"""`posereg plan` as a user calls it."""

from posereg import config
from posereg.cli.main import main
from posereg.cli.plan import COMMAND


def test_the_plan_of_a_table_without_its_data(tmp_path, capsys):
    out = tmp_path / "plan.md"
    command = ["plan", "method=H1,R1", "data=mpii", "data.root=nowhere", f"runs={tmp_path}", "seed=0,1"]
    assert main([*command, "devices=2", "tflops=10", f"out={out}"]) == 0
    printed = capsys.readouterr().out
    assert "2 rows, 4 runs, 0 of them done" in printed
    assert "10 TFLOP/s a device (stated)" in printed
    assert "24,220" in printed  # steps: 173 batches in 140 epochs
    assert out.read_text().count("24,220") == 2
    assert not list(tmp_path.glob("mpii*"))  # nothing is run


def test_mistakes_are_one_line(tmp_path, capsys):
    assert main(["plan", "method=H9", "data=mpii"]) == 2
    assert main(["plan", "method=H1", "data=mpii", f"measured={tmp_path}"]) == 2
    assert main(["plan", "method=H1", "data=mpii", "devices=0"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("error: ") for line in lines)
    for line, part in zip(lines, ("H9", "no finished run", "devices=0"), strict=True):
        assert part in line


def test_its_own_words_are_no_settings_of_a_run():
    assert not {option.name for option in COMMAND.options} & config.top_level_keys()
