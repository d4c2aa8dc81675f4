"""MPII's official file and the stacked-hourglass list, written small for tests."""

import h5py
import numpy as np
from scipy.io import savemat

from posereg.data.formats import mpii


def struct(**fields):
    return fields


def point(joint, x, y, **flags):
    return struct(x=float(x), y=float(y), id=float(joint), **flags)


def many(items):
    """A MATLAB structure array whose elements lack some fields is one with empty fields."""
    names = list(dict.fromkeys(name for item in items for name in item))
    array = np.empty((1, len(items)), dtype=[(name, object) for name in names])
    for k, item in enumerate(items):
        for name in names:
            array[0, k][name] = item.get(name, np.zeros((0, 0)))
    return array


def official(folder):
    """Five images with every irregularity of the published file."""
    full = struct(
        x1=11.0, y1=21.0, x2=41.0, y2=61.0, scale=2.0, objpos=struct(x=101.0, y=201.0),
        annopoints=struct(point=many([point(0, 11, 12, is_visible="1"), point(9, 0, -3, is_visible=1.0),
                                      point(15, 31, 32, is_visible="0"), point(6, 41, 42)])),
    )  # fmt: skip
    one_point = struct(
        x1=1.0, y1=1.0, x2=4.0, y2=5.0, scale=1.0, objpos=struct(x=51.0, y=61.0),
        annopoints=struct(point=point(9, 7, 8, is_visible=np.zeros((0, 0)))),
    )  # fmt: skip
    no_scale = struct(x1=1.0, y1=1.0, x2=4.0, y2=5.0, annopoints=struct(point=point(3, 5, 5, is_visible=1.0)))
    no_points = struct(x1=1.0, y1=1.0, x2=4.0, y2=5.0, scale=1.5, objpos=struct(x=9.0, y=9.0))
    test_person = struct(scale=3.0, objpos=struct(x=71.0, y=81.0))
    images = [
        struct(image=struct(name="000000010.jpg"), annorect=full),
        struct(image=struct(name="000000020.jpg"), annorect=many([no_scale, one_point, no_points])),
        struct(image=struct(name="000000030.jpg"), annorect=many([test_person, test_person])),
        struct(image=struct(name="000000040.jpg"), annorect=test_person),
        struct(image=struct(name="000000050.jpg"), annorect=np.zeros((0, 0))),
    ]
    single = np.empty((5, 1), dtype=object)
    single[:] = [[1.0], [np.array([[1.0, 2.0]])], [2.0], [1.0], [np.zeros((0, 0))]]
    release = struct(
        annolist=many(images),
        img_train=np.array([[1, 1, 0, 0, 1]], dtype=np.uint8),
        single_person=single,
        version="12",
    )
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / mpii.OFFICIAL, {"RELEASE": release})


def hourglass(path, rows):
    """Rows of (image, person, name, center, scale raw, joints 1-based or None)."""
    with h5py.File(path, "w") as file:
        file["imgname"] = np.array([row[2] for row in rows], dtype="S13")
        file["index"] = np.array([float(row[0]) for row in rows])
        file["person"] = np.array([float(row[1]) for row in rows])
        scale = np.array([row[4] for row in rows])
        center = np.array([row[3] for row in rows], dtype=float)
        file["center"] = center + np.stack([0 * scale, 15 * scale], axis=1)
        file["scale"] = 1.25 * scale
        file["normalize"] = 25 * scale
        file["part"] = np.stack([row[5] for row in rows])
        file["visible"] = (np.stack([row[5] for row in rows]) != 0).any(axis=2).astype(float)
