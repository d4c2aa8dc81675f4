"""A predictions file of real COCO images, as `posereg score` says and as pycocotools says."""

import contextlib
import io
import json

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posereg.cli.program import invoke
from posereg.evaluation.oks import METRICS, write_results
from posereg.records import predictions


def score_coco(root, file, folder):
    """Figures of both for the 2017 validation people below `root`."""
    invoke(["score", "data=coco", f"data.root={root}", f"predictions={file}", f"out={folder / 'score.json'}"])
    write_results(folder / "results.json", predictions.load(file))
    annotations = root / "annotations/person_keypoints_val2017.json"
    official = pycocotools_figures(annotations, folder / "results.json")
    return json.loads((folder / "score.json").read_text())["metrics"], official


def pycocotools_figures(annotations, results):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluator = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return dict(zip(METRICS, 100 * evaluator.stats, strict=True))
