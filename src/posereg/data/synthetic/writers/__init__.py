"""One file per on-disk format: `write(folder, options) -> what was written`."""
