"""Print the resolved config of a run without running it.

posereg config [overrides ...]      e.g. posereg config '+experiments/integral/table2=I1' data=mpii
"""

from __future__ import annotations

HELP = "print the config a run would use, checked"


def run(arguments: list[str]) -> int:
    import yaml

    from posereg import config as configs
    from posereg.runs.folder import config_hash

    plain = configs.plain(configs.compose(arguments))
    configs.validate(plain)
    print(f"# config hash {config_hash(plain)}")
    print(yaml.safe_dump(plain, sort_keys=False), end="")
    return 0
