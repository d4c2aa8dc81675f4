"""A trained model as one file that other engines run: normalisation, network and decoding in one graph."""
