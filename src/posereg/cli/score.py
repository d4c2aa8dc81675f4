"""Score a predictions file of anybody's with the data set's own metric.

posereg score data=mpii data.annotations=FILE predictions=FILE [out=FILE.json] [split=NAME] [one_based=true|false]

data          mpii, lsp, lspet, coco, crowdpose, h80k ... (conf/data), with any data.<key>=value
predictions   our predictions.npz, an h5/mat/npy file with `preds`, or COCO result JSON
out           also write {"metrics", "curve", "protocol"} there
split         default: the data set's validation split
one_based     whether foreign MPII and LSP coordinates start at 1; by default as the official files do
"""

from __future__ import annotations

from posereg.errors import UserError

HELP = "score a predictions file with the data set's own metric"
KEYS = ("predictions", "out", "split", "one_based")


def run(arguments: list[str]) -> int:
    from posereg.cli._source import source_of, split_arguments
    from posereg.evaluation.score import score

    own, overrides = split_arguments(arguments, "score", KEYS)
    if "predictions" not in own:
        raise UserError("posereg score: predictions= is missing")
    source = source_of(overrides)
    choices = {"true": True, "false": False}
    one_based = own.get("one_based")
    if one_based is not None and one_based not in choices:
        raise UserError(f"posereg score: one_based={one_based} is neither true nor false")
    poses = source.read_truth(own.get("split", source.val_split))
    score(poses, own["predictions"], source.evaluate, own.get("out"), choices.get(one_based or ""))
    return 0
