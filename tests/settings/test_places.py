"""Where configs lie."""

import os

from posereg.settings.places import config_roots, root


def test_the_users_folders_come_before_posereg_s_own(monkeypatch, tmp_path):
    monkeypatch.delenv("POSEREG_CONFIG_DIR", raising=False)
    assert config_roots() == [root() / "conf"]
    assert (root() / "conf/train.yaml").is_file()
    monkeypatch.setenv("POSEREG_CONFIG_DIR", os.pathsep.join([str(tmp_path), "", "other"]))
    assert [str(path) for path in config_roots()[:-1]] == [str(tmp_path), "other"]
