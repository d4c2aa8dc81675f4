import pytest

from posereg.data.samples.photometric import build
from posereg.errors import UserError


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"name": "CoarseDropuot"}, "did you mean 'CoarseDropout'"),
        ({"name": "Affine", "rotate": 30}, "moves pixels"),
        ({"name": "HorizontalFlip"}, "moves pixels"),
        ({"name": "GaussNoise", "sigma": 3}, "sigma"),
        ({"name": "Blur", "blur_limit": "wide"}, "transforms.Blur"),
    ],
)
def test_mistakes_are_errors(spec, word):
    """albumentations alone only warns about an argument it does not know."""
    with pytest.raises(UserError, match=word):
        build([spec])


def test_nothing_to_do_is_nothing():
    assert build([]) is None
