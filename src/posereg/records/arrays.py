"""Arrays on disk (.npy, .npz, .h5, .mat), read without running anything that is in the file."""

from __future__ import annotations

import io
import os
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.files import reading

NPY = b"\x93NUMPY"  # what a .npy file begins with; then its version
NPY_1 = NPY + b"\x01\x00"
LARGE = 1 << 24  # bytes of an array
SMALL = 1 << 20  # bytes of an archive


def read_npz(path: Path | str, kind: str, *, needs: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz archive by name; pickled objects are refused.

    Args:
        kind: what the file should be, for the message.
        needs: arrays that must be there.

    Raises:
        UserError: missing, damaged or foreign file, or an array that is not there.
    """
    with reading(path, kind), open(path, "rb") as file:
        if file.read(len(NPY)) == NPY:
            raise UserError(f"{path}: not {kind} (one bare array)")
        file.seek(0)
        # A small file is read at once: zipfile goes to the disk several times for each array.
        small = os.fstat(file.fileno()).st_size <= SMALL
        with zipfile.ZipFile(io.BytesIO(file.read()) if small else file) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            arrays = {name.removesuffix(".npy"): _member(archive, name) for name in names}
    if lacking := [name for name in needs if name not in arrays]:
        raise UserError(f"{path}: not {kind} (no array '{lacking[0]}'; it has {_names(arrays)})")
    return arrays


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    if archive.getinfo(name).file_size < LARGE:
        return _array(archive.read(name))
    with archive.open(name) as file:  # piece by piece, so that it is not in memory twice
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _array(content: bytes) -> NDArray[Any]:
    """The array of a .npy file. numpy's own reader takes twice as long over small ones, most of it for headers, which
    thousands of runs have in common."""
    if content[: len(NPY_1)] != NPY_1:
        return np.asarray(np.lib.format.read_array(io.BytesIO(content), allow_pickle=False))
    start = len(NPY_1) + 2
    end = start + int.from_bytes(content[len(NPY_1) : start], "little")
    shape, fortran, kind = _header(content[len(NPY_1) : end])
    if kind.hasobject:
        raise ValueError("pickled objects are not read")
    return np.ndarray(shape, kind, content, end, order="F" if fortran else "C").copy("K")


@lru_cache(maxsize=256)
def _header(text: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    return np.lib.format.read_array_header_1_0(io.BytesIO(text))


class Kept:
    """.npz archives that are asked for again and again: those asked for last stay in memory, up to `limit` bytes."""

    def __init__(self, kind: str, limit: int) -> None:
        self.kind, self.limit, self.bytes = kind, limit, 0
        self.archives: dict[tuple[Path, int, int], dict[str, NDArray[Any]]] = {}  # asked for last at the end

    def read(self, path: Path) -> dict[str, NDArray[Any]]:
        """As `read_npz`, of the file as it is now. The arrays are everybody's: not to be written to.

        Raises:
            UserError: missing, damaged or foreign file.
        """
        with reading(path, self.kind):
            state = path.stat()
        key = (path, state.st_mtime_ns, state.st_size)
        arrays = self.archives.pop(key, None)
        if arrays is None:
            arrays = read_npz(path, self.kind)
            self.bytes += _size(arrays)
        self.archives[key] = arrays
        while self.bytes > self.limit:
            self.bytes -= _size(self.archives.pop(next(iter(self.archives))))
        return arrays


def _size(arrays: dict[str, NDArray[Any]]) -> int:
    return sum(array.nbytes for array in arrays.values())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every top-level array of a .npy, .npz, .mat (also v7.3) or HDF5 file by name; a .npy holds one, `array`.

    Raises:
        UserError: missing, damaged or foreign file.
    """
    kind = f"a {path.suffix} file"
    if path.suffix == ".npz":
        return read_npz(path, kind)
    with reading(path, kind):
        if not path.exists():
            raise FileNotFoundError(path)  # the readers' own messages do not tell this from a damaged file
        if path.suffix == ".npy":
            return {"array": np.asarray(np.load(path, allow_pickle=False))}
        if path.suffix == ".mat":
            import scipy.io

            try:
                return {k: v for k, v in scipy.io.loadmat(path).items() if isinstance(v, np.ndarray)}
            except NotImplementedError:  # MATLAB 7.3 files are HDF5
                pass
        return read_hdf5(path, kind)


def read_hdf5(path: Path, kind: str, *, needs: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    """Every top-level data set of an HDF5 file by name.

    Args:
        kind: what the file should be, for the message.
        needs: data sets that must be there.

    Raises:
        UserError: missing, damaged or foreign file, or a data set that is not there.
    """
    import h5py

    with reading(path, kind):
        if not path.exists():
            raise FileNotFoundError(path)  # h5py's own message does not tell this from a damaged file
        with h5py.File(path) as file:
            arrays = {k: np.asarray(v[()]) for k, v in file.items() if isinstance(v, h5py.Dataset)}
    if lacking := [name for name in needs if name not in arrays]:
        raise UserError(f"{path}: not {kind} (no data set '{lacking[0]}'; it has {_names(arrays)})")
    return arrays


def _names(arrays: dict[str, Any]) -> str:
    return ", ".join(sorted(arrays)) or "none"
