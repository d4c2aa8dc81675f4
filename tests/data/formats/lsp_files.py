"""A joints.mat in the layout of LSP."""

import numpy as np
from scipy.io import savemat


def write_lsp(root, count=6):
    rng = np.random.default_rng(0)
    joints = np.zeros((3, 14, count))
    joints[:2] = rng.uniform(10, 90, (2, 14, count))
    joints[2, 4, 1] = 1  # occluded
    savemat(root / "joints.mat", {"joints": joints})
    return joints
