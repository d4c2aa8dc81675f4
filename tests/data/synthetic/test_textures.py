import numpy as np

from posereg.data.synthetic import textures


def test_the_noise_tile_wraps_without_a_seam():
    tile = textures.noise_tile()
    assert abs(tile.mean()) < 0.3
    step = np.abs(np.diff(tile, axis=1)).mean()
    assert np.abs(tile[:, 0] - tile[:, -1]).mean() < 2 * step
    assert np.abs(tile[0] - tile[-1]).mean() < 2 * step


def test_clothes_and_faces_are_valid_colours_and_differ():
    made = [textures.cloth(np.random.default_rng(k)) for k in range(12)]
    assert all(t.shape == (64, 96, 3) and t.min() >= 5 and t.max() <= 250 for t in made)
    assert len({float(t.mean()) for t in made}) == 12
    rng = np.random.default_rng(0)
    face = textures.face(rng, textures.SKIN[2], textures.HAIR[0], beard=False)
    assert face.shape == (48, 96, 3)
    # The back of the head is hair, the front is mostly skin.
    assert np.allclose(face[:, 48:], textures.HAIR[0])
    assert (np.abs(face[:, :48] - textures.SKIN[2]).sum(axis=-1) < 40).mean() > 0.4


def test_grain_serves_large_pictures():
    assert textures.grain(np.random.default_rng(0), 1000, 700).shape == (1000, 700, 3)
