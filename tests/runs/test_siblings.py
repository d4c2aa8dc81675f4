"""Which command trains the row that another one starts from."""

from posereg.runs.siblings import sibling_overrides

COMMON = ["data=synthetic", "trainer=demo", "seed=2"]


def test_a_row_of_the_same_table():
    given = ["+experiments/integral/table2=I1", *COMMON, "run_dir=elsewhere", "hydra.verbose=true"]
    assert sibling_overrides("H1", given) == ["+experiments/integral/table2=H1", *COMMON]


def test_a_row_of_another_table():
    given = ["+experiments/integral/table7=MS_I1", *COMMON]
    wanted = ["+experiments/integral/table6=MS_I1", *COMMON]
    assert sibling_overrides("integral/table6/MS_I1", given) == wanted


def test_it_inherits_how_is_learned_but_not_what_is_the_rows_own():
    shared = ["method.optimizer.lr=6e-4", "+method.network.deconv_width=64", "schedule=cosine"]
    own = [
        "method.beta=2",
        "method.joint_weight=32",
        "~method.heatmap_loss",
        "method.name=x",
        "method.pretrain=H2",
    ]
    wanted = [*COMMON, *shared, "method=H1"]
    assert sibling_overrides("H1", ["method=I1", *COMMON, *shared, *own]) == wanted
    row = "+experiments/integral/table2="
    assert sibling_overrides("H2", [f"{row}I2", *COMMON, *shared, *own]) == [f"{row}H2", *COMMON, *shared]
