"""Arrays there and back through every container, and what is refused."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from posereg.errors import UserError
from posereg.records import arrays as arrays_file
from posereg.records.arrays import SMALL, Kept, read_arrays, read_hdf5, read_npz

POINTS = np.arange(12, dtype=np.float64).reshape(3, 4)


def write(path):
    if path.suffix == ".npy":
        np.save(path, POINTS)
    elif path.suffix == ".npz":
        np.savez(path, points=POINTS)
    elif path.suffix == ".mat":
        savemat(path, {"points": POINTS})
    else:
        with h5py.File(path, "w") as file:
            file["points"] = POINTS
            file.create_group("group")["inner"] = POINTS
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5"])
def test_what_was_written_comes_back(tmp_path, suffix):
    arrays = read_arrays(write(tmp_path / f"a{suffix}"))
    assert list(arrays) == [
        "array" if suffix == ".npy" else "points"
    ]  # groups and MATLAB's header are no arrays
    np.testing.assert_array_equal(next(iter(arrays.values())), POINTS)


def test_large_arrays_are_read_piece_by_piece_and_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays_file, "LARGE", 1)
    arrays = read_npz(write(tmp_path / "a.npz"), "arrays")
    np.testing.assert_array_equal(arrays["points"], POINTS)
    arrays["points"][0] = 0  # as writable as small ones
    np.savez(tmp_path / "odd.npz", points=np.array([{}]))
    with pytest.raises(UserError, match="odd"):
        read_npz(tmp_path / "odd.npz", "arrays")


def test_matlab_7_3_is_read_as_the_hdf5_that_it_is(tmp_path):
    """Such files begin with a MATLAB header of 512 bytes; HDF5 follows."""
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["points"] = POINTS
    header = b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\x00\x02IM"
    with open(tmp_path / "a.mat", "r+b") as file:
        file.write(header)
    np.testing.assert_array_equal(read_arrays(tmp_path / "a.mat")["points"], POINTS)


def test_a_missing_array_is_named_beside_those_that_are_there(tmp_path):
    with pytest.raises(UserError, match=r"a\.npz: not a box file \(no array 'boxes'; it has points\)"):
        read_npz(write(tmp_path / "a.npz"), "a box file", needs=("points", "boxes"))
    with pytest.raises(UserError, match=r"a\.h5: not a box file \(no data set 'boxes'; it has points\)"):
        read_hdf5(write(tmp_path / "a.h5"), "a box file", needs=("boxes",))
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(UserError, match="it has none"):
        read_npz(tmp_path / "empty.npz", "a box file", needs=("boxes",))


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(POINTS), np.array(3.5), np.zeros((0, 3), np.float32), np.array([True, False]),
        np.random.default_rng(0).random(SMALL // 8),  # larger than what is read at once
        np.array(["a", "bc"]), np.array([(1, 2.0)], [("id", "<i4"), ("score", ">f8")]), POINTS.astype(np.float16)[::2],
        pytest.param(  # a header of version 3.0
            np.array([(1,)], [("größe", "<i4")]), marks=pytest.mark.filterwarnings("ignore:Stored array in format 3")
        ),
    ],
)  # fmt: skip
def test_arrays_come_back_as_numpy_reads_them(tmp_path, array):
    np.savez_compressed(tmp_path / "a.npz", array=array)
    with np.load(tmp_path / "a.npz") as archive:
        expected = archive["array"]
    found = read_npz(tmp_path / "a.npz", "a box file")["array"]
    np.testing.assert_array_equal(found, expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.flags.f_contiguous == expected.flags.f_contiguous
    assert found.flags.writeable


def test_pickled_objects_are_not_read(tmp_path):
    np.savez(tmp_path / "a.npz", array=np.array([{}], dtype=object))
    with pytest.raises(UserError, match=r"a\.npz: not a box file, or a damaged one"):
        read_npz(tmp_path / "a.npz", "a box file")


def test_a_bare_array_is_no_archive(tmp_path):
    np.save(tmp_path / "a.npy", POINTS)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(UserError, match="one bare array"):
        read_npz(tmp_path / "a.npz", "a box file")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5"])
def test_missing_and_damaged_files_are_one_line(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(UserError, match=r"no such file"):
        read_arrays(path)
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(UserError, match=rf"a\{suffix}: not a {suffix} file, or a damaged one") as caught:
        read_arrays(path)
    assert "\n" not in str(caught.value)


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", points=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz", "a box file")


def test_archives_asked_for_again_are_read_once_until_they_change_or_others_need_the_room(tmp_path):
    paths = [tmp_path / f"{name}.npz" for name in "abc"]
    for path in paths:
        np.savez(path, points=POINTS)
    kept = Kept("points", limit=2 * POINTS.nbytes)
    first = kept.read(paths[0])
    assert kept.read(paths[0]) is first
    second = kept.read(paths[1])
    kept.read(paths[0])
    kept.read(paths[2])  # b was asked for longest ago
    assert kept.read(paths[0]) is first
    assert kept.bytes == 2 * POINTS.nbytes
    assert kept.read(paths[1]) is not second
    np.savez(paths[1], points=2 * POINTS, more=POINTS)
    np.testing.assert_array_equal(kept.read(paths[1])["points"], 2 * POINTS)
    assert kept.bytes == 2 * POINTS.nbytes
    paths[1].unlink()
    with pytest.raises(UserError, match=r"b\.npz: no such file"):
        kept.read(paths[1])


def test_an_archive_larger_than_the_room_is_read_and_not_kept(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, points=POINTS)
    kept = Kept("points", limit=1)
    np.testing.assert_array_equal(kept.read(path)["points"], POINTS)
    assert (kept.bytes, kept.archives) == (0, {})
