"""Synthetic people: drawn figures with exact joints, written in the official format of each data set."""
