"""MATLAB files through SciPy, and one line for those it cannot read."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from posereg.data.formats import matfile
from posereg.errors import UserError


def test_variables_and_their_names(tmp_path):
    savemat(tmp_path / "a.mat", {"joints": np.arange(6.0).reshape(2, 3), "other": 1.0})
    assert sorted(matfile.names(tmp_path / "a.mat")) == ["joints", "other"]
    content = matfile.load(tmp_path / "a.mat", variable_names="joints")
    assert "other" not in content
    np.testing.assert_array_equal(content["joints"], np.arange(6.0).reshape(2, 3))


def test_version_7_3_says_how_to_go_on(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["joints"] = np.zeros(3)
    with open(tmp_path / "a.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\x00\x02IM")
    for read in (matfile.load, matfile.names):
        with pytest.raises(UserError, match=r"a\.mat: MATLAB v7\.3; save it as v7 \(save -v7\)"):
            read(tmp_path / "a.mat")


@pytest.mark.parametrize("read", [matfile.load, matfile.names])
def test_missing_truncated_and_foreign_files(tmp_path, read):
    path = tmp_path / "a.mat"
    with pytest.raises(UserError, match="no such file"):
        read(path)
    path.write_bytes(b"not a matrix" * 20)
    with pytest.raises(UserError, match=r"a\.mat: not a MATLAB file"):
        read(path)
    savemat(path, {"joints": np.random.default_rng(0).random((50, 50))})
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(UserError, match=r"a\.mat: not a MATLAB file, or a damaged one"):
        read(path)
