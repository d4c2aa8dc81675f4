"""`posereg score`: a predictions file of any origin, scored with the data set's own metric."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import BOOLEAN, FILE, NAME, Command, Option

COMMAND = Command(
    "score",
    "score a predictions file with the data set's own metric",
    config="data",
    options=(
        Option(
            "predictions",
            FILE,
            "our predictions.npz, an h5/mat/npy file with `preds`, or COCO result JSON",
            required=True,
        ),
        Option("out", FILE, "also write {metrics, curve, protocol} there"),
        Option("split", NAME, "split of the data set", default_text="the validation split"),
        Option(
            "one_based",
            BOOLEAN,
            "whether coordinates in other programs' files start at 1",
            default_text="as in the official files",
        ),
    ),
    examples=("posereg score data=mpii data.annotations=annot/valid.h5 predictions=preds.h5",),
)


def run(
    overrides: list[str], predictions: Path, out: Path | None, split: str | None, one_based: bool | None
) -> int:
    """Print the metrics, and write them to `out`.

    Raises:
        UserError: a data set or a predictions file that cannot be used.
    """
    from posereg.cli.data_source import source_of
    from posereg.evaluation.score import score

    source = source_of(overrides)
    poses = source.read_truth(split or source.val_split)
    score(poses, predictions, source.evaluate, out, one_based)
    return 0
