"""posereg: human pose estimation, heat map against regression, under one protocol."""

__version__ = "0.1.0"
