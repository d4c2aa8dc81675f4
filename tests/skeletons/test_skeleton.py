"""Joint sets against the published index lists (docs/papers/data_and_metrics.md)."""

import numpy as np
import pytest

from posereg.errors import UserError
from posereg.skeletons.skeleton import COCO, CROWDPOSE, H80K, LSP, MPII, mapping, names, skeleton


def test_flip_orders_as_published():
    assert MPII.flip_pairs == ((0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13))
    assert LSP.flip.tolist() == [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13]
    assert COCO.flip.tolist() == [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    assert CROWDPOSE.flip.tolist() == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 12, 13]
    assert H80K.flip_pairs == ((1, 4), (2, 5), (3, 6), (11, 14), (12, 15), (13, 16))


def test_mappings_as_published():
    assert mapping(MPII, H80K).tolist() == [6, 2, 1, 0, 3, 4, 5, -1, 8, -1, 9, 13, 14, 15, 12, 11, 10, 7]
    assert mapping(COCO, H80K).tolist() == [-1, 12, 14, 16, 11, 13, 15, -1, -1, 0, -1, 5, 7, 9, 6, 8, 10, -1]
    # LSP 1-6 -> 0-5, 7-12 -> 10-15, 13 -> 8, 14 -> 9; pelvis and thorax missing.
    assert mapping(LSP, MPII).tolist() == [0, 1, 2, 3, 4, 5, -1, -1, 12, 13, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("name", names())
def test_every_skeleton_is_consistent(name):
    joints = skeleton(name)
    assert np.array_equal(joints.flip[joints.flip], np.arange(len(joints)))
    assert all(0 <= a < len(joints) and 0 <= b < len(joints) and a != b for a, b in joints.limbs)
    assert all(0 <= k < len(joints) for group in joints.groups.values() for k in group)
    assert joints.sigmas is None or len(joints.sigmas) == len(joints)


def test_unknown_skeleton_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'mpii'"):
        skeleton("mpi")
