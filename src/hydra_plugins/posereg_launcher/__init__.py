"""Hydra launcher `pool`: the runs of a sweep on one machine, each in a process with a device of its own."""
