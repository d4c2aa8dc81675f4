"""`posereg config`: the config of a run, without running it."""

from __future__ import annotations

from posereg.cli.spec import Command

COMMAND = Command(
    "config",
    "print the config a run would use, checked",
    config="all",
    examples=("posereg config '+experiments/integral/table2=I1' data=mpii",),
)


def run(overrides: list[str]) -> int:
    """Print the resolved config as YAML.

    Raises:
        UserError: an override that does not exist, or a key that nothing reads.
    """
    import yaml

    from posereg import config as configs
    from posereg.runs.folder import config_hash

    plain = configs.plain(configs.compose(overrides))
    configs.validate(plain, alone=True)
    print(f"# config hash {config_hash(plain)}")
    print(yaml.safe_dump(plain, sort_keys=False), end="")
    return 0
