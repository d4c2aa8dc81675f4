import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.context import aggregate, hard_argmax, soft_argmax, to_label, to_pixels

RAMPS = ("linspace", "paper", "half_pixel")
# docs/papers/softargmax.md#soft-argmax-ramp, maps 32 wide: a delta at cell i, and the uniform map.
DELTA = {
    "linspace": lambda i: i / 31,
    "paper": lambda i: (i + 1) / 32,
    "half_pixel": lambda i: (i + 0.5) / 32,
}
UNIFORM = {"linspace": 0.5, "paper": 0.515625, "half_pixel": 0.5}


def _ramp(kind: str, length: int) -> torch.Tensor:
    i = torch.arange(length, dtype=torch.float64)
    return {"linspace": i / (length - 1), "paper": (i + 1) / length, "half_pixel": (i + 0.5) / length}[kind]


@pytest.mark.parametrize("ramp", RAMPS)
def test_delta_and_uniform(ramp: str) -> None:
    maps = torch.zeros(1, 2, 32, 32)
    maps[0, 0, 7, 20] = 200
    expected = torch.tensor([[DELTA[ramp](20), DELTA[ramp](7)], [UNIFORM[ramp]] * 2])
    torch.testing.assert_close(soft_argmax(maps, ramp)[0], expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(hard_argmax(maps, ramp)[0, 0], expected[0])


@pytest.mark.parametrize("ramp", RAMPS)
def test_gradient_is_the_closed_form(ramp: str) -> None:
    """dPsi/dh_ij = Phi_ij (W_ij - Psi), on a map that is not square."""
    torch.manual_seed(0)
    maps = torch.randn(1, 1, 5, 8, requires_grad=True)
    phi = maps.detach().double().flatten().softmax(0).view(5, 8)
    grids = _ramp(ramp, 8).expand(5, 8), _ramp(ramp, 5)[:, None].expand(5, 8)
    for axis, grid in enumerate(grids):
        psi = (phi * grid).sum()
        value = soft_argmax(maps, ramp)[0, 0, axis]
        torch.testing.assert_close(value.double(), psi, rtol=0, atol=1e-6)
        (grad,) = torch.autograd.grad(value, maps)
        torch.testing.assert_close(grad[0, 0].double(), phi * (grid - psi), rtol=0, atol=1e-7)


def test_gradient_by_finite_differences() -> None:
    """Of the whole aggregate, through part maps, context maps and their probabilities."""
    torch.manual_seed(0)
    maps = torch.randn(1, 6, 4, 4, requires_grad=True)
    weight = torch.randn(1, 2, 2)
    (grad,) = torch.autograd.grad((aggregate(maps, joints=2).coordinates * weight).sum(), maps)
    step = 1e-2
    with torch.no_grad():
        for index in torch.randperm(maps.numel())[:40]:
            shift = torch.zeros(maps.numel())
            shift[index] = step
            shift = shift.view(maps.shape)
            ahead, behind = (aggregate(maps + sign * shift, 2).coordinates for sign in (1, -1))
            slope = ((ahead - behind) * weight).sum() / (2 * step)
            assert grad.flatten()[index].item() == pytest.approx(slope.item(), abs=2e-5)


@pytest.mark.parametrize("alpha", [0.8, 0.9, 1.0])
def test_aggregation_is_equation_6(alpha: float) -> None:
    torch.manual_seed(0)
    joints, contexts = 3, 2
    maps = 3 * torch.randn(2, joints * (1 + contexts), 8, 8)
    pose = aggregate(maps, joints, alpha)
    for n in range(joints):
        own = maps[:, n : n + 1]
        total, mass = torch.zeros(2, 2), torch.zeros(2, 1)
        for i in range(contexts):
            context = maps[:, joints + n * contexts + i][:, None]  # joint-major, after the part maps
            p = context.amax((2, 3)).sigmoid()
            total, mass = total + p * soft_argmax(context)[:, 0], mass + p
        expected = alpha * soft_argmax(own)[:, 0] + (1 - alpha) * total / mass
        torch.testing.assert_close(pose.coordinates[:, n], expected)
        torch.testing.assert_close(pose.logits[:, n], own.amax((1, 2, 3)))
    torch.testing.assert_close(pose.weights.sum(-1), torch.full((2, joints), 1 - alpha))


def test_without_context_alpha_does_not_matter() -> None:
    maps = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(aggregate(maps, 4, alpha=0.8).coordinates, soft_argmax(maps))


def test_hopeless_context_maps_still_give_a_position() -> None:
    """Probabilities that vanish in float32 keep their ratio."""
    maps = torch.randn(1, 3, 8, 8)
    maps[:, 1:] -= 500
    pose = aggregate(maps, joints=1)
    assert pose.coordinates.isfinite().all()
    ratio = (maps[0, 1].max() - maps[0, 2].max()).exp()
    torch.testing.assert_close(pose.weights[0, 0, 0] / pose.weights[0, 0, 1], ratio, rtol=1e-3, atol=0)


def test_wrong_number_of_maps() -> None:
    with pytest.raises(ValueError, match="10 maps"):
        aggregate(torch.zeros(1, 10, 4, 4), joints=4)


@given(st.floats(-50, 300), st.floats(-50, 300), st.sampled_from(RAMPS))
def test_labels_round_trip(x: float, y: float, ramp: str) -> None:
    pixels = torch.tensor([[x, y]])
    torch.testing.assert_close(
        to_pixels(to_label(pixels, (256, 192), ramp), (256, 192), ramp), pixels, atol=1e-3, rtol=0
    )


@given(st.integers(0, 31), st.integers(0, 31))
@settings(max_examples=20)
def test_half_pixel_ramp_returns_the_cell_centre(column: int, row: int) -> None:
    """A sharp map at a cell decodes to that cell's centre in input pixels, and its mirror to the mirror."""
    maps = torch.zeros(1, 1, 32, 32)
    maps[0, 0, row, column] = 200
    found = to_pixels(soft_argmax(maps, "half_pixel"), (256, 256), "half_pixel")[0, 0]
    torch.testing.assert_close(found, torch.tensor([8 * column + 3.5, 8 * row + 3.5]), rtol=0, atol=1e-3)
    mirrored = to_pixels(soft_argmax(maps.flip(-1), "half_pixel"), (256, 256), "half_pixel")[0, 0]
    assert mirrored[0].item() == pytest.approx(255 - found[0].item(), abs=1e-3)


def test_stays_float32_under_autocast() -> None:
    torch.manual_seed(0)
    maps = torch.randn(1, 6, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pose = aggregate(maps, joints=2)
    assert pose.coordinates.dtype == torch.float32
    torch.testing.assert_close(pose.coordinates, aggregate(maps, joints=2).coordinates)
