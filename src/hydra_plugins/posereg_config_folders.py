"""Hydra looks for configs in the folders of `--config-dir`, in every process of a run."""

import os

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class ConfigFolders(SearchPathPlugin):
    """The folders that POSEREG_CONFIG_DIR names, after posereg's own."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders; the provider's name is that of Hydra's own --config-dir."""
        for folder in filter(None, os.environ.get("POSEREG_CONFIG_DIR", "").split(os.pathsep)):
            search_path.append("command-line", f"file://{os.path.abspath(folder)}")
