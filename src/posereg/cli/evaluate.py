"""`posereg evaluate`: any trained model scored on any data set, without training."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import (
    BATCH_SIZE,
    BOOLEAN,
    CHECKPOINT,
    DEVICE,
    DIR,
    MISSING_IMAGES,
    NAME,
    Command,
    Option,
    listed,
    number,
)

COMMAND = Command(
    "evaluate",
    "score a trained model on a data set, without training",
    """
    Predicts a split from its boxes (bottom-up models: from its images), scores it by the data set's own metric as a
    training does, and writes result.json, predictions.npz and evaluation.npz: `posereg report runs=DIR` lays them
    beside others. Joints are matched by name; one that the model lacks counts as missed, and is named.
    """,
    config="data",
    options=(
        Option("checkpoint", CHECKPOINT, "a trained model", default_text="the model that comes with posereg"),
        Option("out", DIR, "where the files go", default_text="runs/<data>/<table>/<row>/seed0"),
        Option("split", NAME, "split of the data set", default_text="the validation split"),
        Option("row", NAME, "what the model is called in tables", default_text="its file or run"),
        Option("table", NAME, "the table it stands in", default="single"),
        Option(
            "flip_test", BOOLEAN, "average with the mirrored picture's poses", default_text="as in training"
        ),
        Option(
            "crop_scales", listed(number(0.01)), "sizes of each person's crop, poses averaged", default=[1.0]
        ),
        MISSING_IMAGES,
        DEVICE,
        BATCH_SIZE,
    ),
    examples=(
        "posereg evaluate checkpoint=runs/mpii/single/H1/seed0 data=lsp data.root=data/lsp",
        "posereg evaluate data=mpii data.root=data/mpii flip_test=true",
    ),
)


def run(
    overrides: list[str],
    checkpoint: str | None,
    out: Path | None,
    split: str | None,
    row: str | None,
    table: str,
    flip_test: bool | None,
    crop_scales: list[float],
    missing_images: str,
    device: str,
    batch_size: int,
) -> int:
    """Evaluate, print the metrics, and write the files.

    Raises:
        UserError: a model or a data set that cannot be used, or of which no joint is the other's.
    """
    from posereg import config as configs
    from posereg.build import load_method
    from posereg.evaluation.score import print_tables
    from posereg.files import sha256_of
    from posereg.models import cards
    from posereg.models.hub import model_name
    from posereg.models.resolve import checkpoint_file
    from posereg.predict.evaluate import Request, evaluate, people_of_source
    from posereg.records.evaluation import Evaluation
    from posereg.runs.folder import RESULT

    checkpoint = checkpoint or cards.default_name()
    path = checkpoint_file(checkpoint)
    module = load_method(path)
    if flip_test is not None:
        module.flip_test = flip_test
    node = configs.plain(configs.compose(overrides))["data"]
    configs.validate_data(node)
    data = people_of_source(module, configs.instantiate(node), split, missing_images)
    row = row or (
        str(module.plain_config.get("row") or module.name) if path.suffix == ".ckpt" else model_name(path)
    )
    request = Request(sha256_of(path), node, table, row, crop_scales, batch_size, device)
    out = out or Path("runs") / str(node["name"]) / table / row / "seed0"
    result = evaluate(module, data, request, out)
    lacking = result["protocol"].get("joints_lacking", [])
    if lacking:
        print(f"{row} has no {', '.join(lacking)}: counted as missed")
    metrics = {name: float("nan") if value is None else value for name, value in result["metrics"].items()}
    print_tables(Evaluation(metrics, protocol=result["protocol"]))
    for name, (low, high) in result.get("intervals", {}).items():
        print(f"{name}: 95 % between {low:.1f} and {high:.1f}")
    print(out / RESULT)
    return 0
