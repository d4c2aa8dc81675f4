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


def test_a_method_outside_a_table_keeps_nothing_of_this_method():
    given = ["method=I1", "method.beta=2", *COMMON]
    assert sibling_overrides("H1", given) == [*COMMON, "method=H1"]
