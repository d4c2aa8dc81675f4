"""posereg claims [runs=DIR,DIR ...] [out=DIR] [claims=DIR] [data=NAME]

Judges the papers' claims, or those of the YAML files in claims=DIR, from the result.json files below runs and the
per-person arrays beside them: effect, 95 % interval, verdict, and what stands behind it. Prints the page and writes
index.html, claims.md and claims.csv to out. Defaults: runs=runs, out=<runs>/claims. data keeps to one data set.
"""

from __future__ import annotations

from pathlib import Path

from posereg.cli._arguments import parse
from posereg.errors import UserError

HELP = "judge the papers' claims from results: confirmed, refuted or open"


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: no such folder, or a claim or result file that cannot be read.
    """
    options = parse(arguments, "claims", ("runs", "out", "claims", "data"))
    runs = [Path(folder) for folder in options.get("runs", "runs").split(",")]
    if missing := [folder for folder in runs if not folder.is_dir()]:
        raise UserError(f"posereg claims: runs={missing[0]}: no such folder")

    from posereg import config
    from posereg.claims import definition, evidence, page, text
    from posereg.claims.judge import judge

    experiments = config.experiments()
    claims = definition.read_all(options.get("claims") or definition.CATALOGUE)
    campaigns = evidence.campaigns(runs)
    if "data" in options:
        campaigns = [campaign for campaign in campaigns if campaign.data == options["data"]]
    found = [judge(claim, campaigns, experiments) for claim in claims]
    text.show(found)
    print(f"page: {page.write(found, Path(options.get('out') or runs[0] / 'claims'))}")
    return 0
