"""What the integral rows leave behind: their cost, and a warning where the scored images were trained on."""

from posereg import config as configs
from posereg.reporting import table
from posereg.reporting.collect import collect
from posereg.reporting.experiments import definition
from posereg.train import train
from tiny import overrides

EXPERIMENTS = configs.experiments()


def test_trainval_holds_the_validation_images_and_the_table_says_so(tmp_path):
    given = overrides(
        "mpii", tmp_path, "+experiments/integral/table6=R1", "trainer.epochs=1", "report.complexity=true"
    )
    result = train(configs.compose(given), given)
    assert result["protocol"]["train_split"] == "trainval"
    assert result["protocol"]["validation_images_trained_on"] == result["protocol"]["images"] > 0
    cost = result["complexity"]
    assert cost["params"] > 0
    assert cost["macs"] > 0
    assert cost["images_per_s_batch32"] > 0
    found = collect("integral/table6", tmp_path, EXPERIMENTS)
    told = "\n".join(table.remarks(found))
    assert f"Up to {result['protocol']['images']} of the images scored here were trained on" in told
    assert "test set" in told
    text = table.as_markdown(found)
    assert "Newell et al. [29] (heat map)" in text


def test_quoted_rows_are_the_published_ones():
    quoted = dict(definition("integral/table6", EXPERIMENTS).quoted)
    assert len(quoted) == 17
    assert quoted["Chen et al. [8] (heat map)"] == {
        "PCKh@0.5": 91.9, "PCKh@0.5/Head": 98.1, "PCKh@0.5/Shoulder": 96.5, "PCKh@0.5/Elbow": 92.5,
        "PCKh@0.5/Wrist": 88.5, "PCKh@0.5/Hip": 90.2, "PCKh@0.5/Knee": 89.6, "PCKh@0.5/Ankle": 86.0,
    }  # fmt: skip
    table8 = definition("integral/table8", EXPERIMENTS)
    assert [metrics["AP"] for _, metrics in table8.quoted] == [61.8, 63.1, 64.9]
    assert [row["paper"]["AP"] for row in table8.rows.values()] == [66.3, 67.8]


def test_costs_have_their_units_and_no_delta(tmp_path):
    given = overrides("mpii", tmp_path, "+experiments/integral/table2=I_star", "trainer.epochs=1")
    result = train(configs.compose(given), given)
    assert "images_per_s_batch1" not in result["complexity"]
    found = collect("integral/table2", tmp_path, EXPERIMENTS)
    shown = [*found.columns, "params", "macs", "activation_bytes"]
    cells = {name: table.ours(found.row("I_star"), name) for name in shown}
    assert cells["params"].endswith("M")
    assert cells["macs"].endswith("G")
    assert cells["activation_bytes"].endswith(" MiB")
    assert not any(column in ("params", "macs") for _, column in found.deltas)
