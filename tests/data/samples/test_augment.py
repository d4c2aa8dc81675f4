import numpy as np
import pytest

from posereg.data.samples.augment import Augment, stream
from posereg.errors import UserError


def draws(augment, count=4000):
    return [augment.draw(stream(7, 0, k)) for k in range(count)]


def test_integral_recipe_has_its_published_distribution():
    """1 + 0.25 clip(N, +-1); 30 clip(N, +-2) degrees with chance 0.6; flip 1/2; gain U(0.8, 1.2)."""
    found = draws(Augment())
    scale = np.array([c.scale for c in found])
    turn = np.array([c.rotation for c in found])
    gain = np.stack([c.color_gain for c in found])
    assert scale.min() == 0.75
    assert scale.max() == 1.25
    assert np.mean(scale == 1.25) == pytest.approx(0.1587, abs=0.02)  # the normal's tail above 1
    assert np.abs(turn).max() == 60
    assert np.mean(turn == 0) == pytest.approx(0.4, abs=0.03)
    assert turn[turn != 0].std() == pytest.approx(30 * 0.9594, rel=0.05)  # sd of a normal clipped at 2
    assert np.mean([c.flip for c in found]) == pytest.approx(0.5, abs=0.03)
    assert gain.min() >= 0.8
    assert gain.max() <= 1.2
    assert gain.std() == pytest.approx(0.4 / np.sqrt(12), rel=0.05)
    assert all((c.color_power == 1).all() and c.shift == (0, 0) for c in found)


def test_steps_take_each_value_alike():
    """Soft-argmax: rotation -40 ... 40 by 5, window x0.7, 1, 1.3, exponents 0.90 ... 1.10 by 0.02."""
    recipe = Augment(
        40, "steps", 5, rotation_chance=1, scale=0.3, scale_law="steps", scale_step=0.3, color_power=0.1
    )
    found = draws(recipe, 2000)
    turns, counts = np.unique([round(c.rotation, 6) for c in found], return_counts=True)
    assert turns.tolist() == list(range(-40, 41, 5))
    assert counts.min() > 2000 / 17 * 0.6
    assert np.unique([round(c.scale, 6) for c in found]).tolist() == [0.7, 1.0, 1.3]
    powers = np.unique(np.round(np.stack([c.color_power for c in found]), 4))
    assert np.allclose(powers, np.arange(0.90, 1.101, 0.02))


def test_uniform_law_and_translation_fill_their_range():
    found = draws(
        Augment(30, "uniform", rotation_chance=1, scale=0.25, scale_law="uniform", translation=0.02), 2000
    )
    turn = np.array([c.rotation for c in found])
    shift = np.array([c.shift for c in found])
    assert np.abs(turn).max() <= 30
    assert turn.std() == pytest.approx(60 / np.sqrt(12), rel=0.05)
    assert np.abs(shift).max() <= 0.02
    assert shift.std() == pytest.approx(0.04 / np.sqrt(12), rel=0.05)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"scale_law": "normall"}, "did you mean 'normal'"),
        ({"rotation": -3}, "augment.rotation"),
        ({"scale": 1.5}, "augment.scale"),
        ({"flip": 2}, "augment.flip"),
    ],
)
def test_impossible_settings_are_named(settings, word):
    with pytest.raises(UserError, match=word):
        Augment(**settings)


def test_reused_stream_is_the_new_one():
    used = stream(1, 2, 3)
    used.integers(10, size=3, dtype=np.uint32)  # leaves half a word behind
    for key in ((5, 0, 7), (5, 1, 7), (2**40, 3, 2**33)):
        used = stream(*key, reuse=used)
        fresh = stream(*key)
        assert used.random(5).tolist() == fresh.random(5).tolist()
        assert (
            used.integers(1000, size=5, dtype=np.uint32).tolist()
            == fresh.integers(1000, size=5, dtype=np.uint32).tolist()
        )
        assert used.standard_normal(5).tolist() == fresh.standard_normal(5).tolist()
