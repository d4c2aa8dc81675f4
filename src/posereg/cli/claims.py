"""`posereg claims`: the papers' claims judged from results."""

from __future__ import annotations

from pathlib import Path

from posereg.cli.spec import DIR, EXISTING_DIR, NAME, Command, Option, listed

COMMAND = Command(
    "claims",
    "judge the papers' claims from results: confirmed, refuted or open",
    """
    Judges the papers' claims, or those of the YAML files in claims=DIR, from the result.json files below the runs and
    the per-person arrays beside them: effect, 95 % interval, verdict and evidence. Prints the page and
    writes index.html, claims.md and claims.csv.
    """,
    options=(
        Option("runs", listed(EXISTING_DIR), "folders of runs", default_text="runs"),
        Option("out", DIR, "where the page goes", default_text="<runs>/claims"),
        Option("claims", DIR, "folder of claims", default_text="those of the papers"),
        Option("data", NAME, "keep to one data set"),
    ),
    examples=("posereg claims runs=results out=results/claims",),
)


def run(runs: list[Path] | None, out: Path | None, claims: Path | None, data: str | None) -> int:
    """Judge every claim, print the verdicts and write the page.

    Raises:
        UserError: no such folder, or a claim or result file that cannot be read.
    """
    from posereg import config
    from posereg.claims import definition, evidence, page, text
    from posereg.claims.family import adjusted
    from posereg.claims.judge import judge
    from posereg.cli.runs_folder import runs_or_default
    from posereg.runs import collector

    collector.until_the_end()
    folders = runs_or_default(runs)
    experiments = config.experiments()
    papers = definition.read_all(claims or definition.CATALOGUE)
    campaigns = evidence.campaigns(folders)
    if data is not None:
        campaigns = [campaign for campaign in campaigns if campaign.data == data]
    judged = adjusted([judge(claim, campaigns, experiments) for claim in papers])
    text.show(judged)
    print(f"page: {page.write(judged, out or folders[0] / 'claims')}")
    return 0
