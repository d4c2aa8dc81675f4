import numpy as np
import pytest
import torch

from posereg.codecs.art import gaussians
from posereg.codecs.art_maps import Maps
from posereg.geometry.affine import transform
from posereg.geometry.scenes import inference_matrix, inference_size
from posereg.inference.grouping import Grouping
from posereg.inference.multiscale import (
    as_proposals,
    enlarge,
    forward,
    heat_and_proposals,
    heat_of,
    people,
)
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk
from posereg.skeletons.skeleton import COCO


def test_sizes_of_the_released_code():
    """Short side 512, long side up to a multiple of 64; other scales are exact multiples."""
    assert inference_size((640, 480), 512) == (704, 512)
    assert inference_size((480, 640), 512) == (512, 704)
    assert inference_size((500, 500), 640) == (640, 640)
    # With scale 0.5 in the test the long side is rounded there: 341.3 -> 384.
    sizes = [inference_size((640, 480), 512, scale, smallest=0.5) for scale in (0.5, 1, 2)]
    assert sizes == [(384, 256), (768, 512), (1536, 1024)]


@pytest.mark.parametrize("convention", ["center", "corner"])
def test_scales_agree_about_places(convention):
    """A point of the image lands on matching pixels of all scales."""
    point = np.array([[100.0, 37.0]])
    places = {}
    for scale in (0.5, 1.0, 2.0):
        size = inference_size((640, 480), 512, scale, smallest=0.5)
        places[scale] = transform(point, inference_matrix((640, 480), size, convention))
    half = 0.5 if convention == "center" else 0.0
    for scale in (0.5, 2.0):
        np.testing.assert_allclose((places[scale] + half) / scale - half, places[1.0])
    left, right = (transform(np.array([[x, 0.0]]), inference_matrix((480, 480), (512, 512), convention))
                   for x in (0.0, 480.0))  # fmt: skip
    assert right[0, 0] - left[0, 0] == pytest.approx(512)


def test_enlarging_keeps_cells_in_place():
    maps = torch.randn(1, 2, 5, 6)
    corner = enlarge(maps, 4, "corner")
    assert corner.shape == (1, 2, 20, 24)
    # out[4j] = in[j]: docs/papers/data_and_metrics.md#pixels
    torch.testing.assert_close(corner[..., ::4, ::4], maps)
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    center = enlarge(ramp, 4, "center")[0, 0, 0]
    torch.testing.assert_close(center[6:26], (torch.arange(6.0, 26) - 1.5) / 4)


class Painter:
    """A perfect network that reads the people off a plain list: it paints what they are at any size.

    The image only says whether it is mirrored and how large it is: column 0 is brighter than the last one
    unless mirrored.
    """

    def __init__(self, keypoints, side, fine=False, convention="center"):
        self.keypoints, self.side, self.fine, self.convention = keypoints, side, fine, convention

    def __call__(self, images):
        scale = images.shape[-1] / self.side
        half = 0.5 if self.convention == "center" else 0.0
        points = (self.keypoints + half) * scale - half
        left, right = images[0, 0, 0].argmax(), images.shape[-1] - 1
        if int(left) > right // 2:  # mirrored; the corner convention shifts it, too
            points = torch.stack([int(left) - points[..., 0], points[..., 1]], -1)[
                :, torch.from_numpy(COCO.flip)
            ]
        cells = tuple(n // 4 for n in images.shape[-2:])
        return self.paint(points, cells)

    def paint(self, points, cells):
        shift = {4: 1.5, 2: 0.5} if self.convention == "center" else {4: 0.0, 2: 0.0}
        joints = (points - shift[4]) / 4
        every = torch.ones(1, 17, len(points), dtype=torch.bool)
        heat = gaussians(joints.transpose(0, 1)[None], every, cells, 2.0)
        middle = joints.mean(1)
        centers = gaussians(middle[None, None], every[:, :1], cells, 4.0)
        ys, xs = torch.meshgrid(*(torch.arange(float(n)) for n in cells), indexing="ij")
        here = torch.stack([xs, ys])
        owner = (here[:, None] - middle.t()[:, :, None, None]).norm(dim=0).argmin(0)
        offsets = joints[owner].permute(2, 3, 0, 1)[None] - here
        fine = None
        if self.fine:
            finer = ((points - shift[2]) / 2).transpose(0, 1)[None]
            fine = gaussians(finer, every, (2 * cells[0], 2 * cells[1]), 2.0)
        return Maps(heat, heat[:, None].expand(-1, 3, -1, -1, -1), centers, offsets, fine)


def inputs(*scales, side=128):
    found = {}
    for scale in scales:
        n = round(side * scale)
        image = torch.zeros(1, 3, n, n)
        image[..., 0] = 1
        found[scale] = image
    return found


def crowd(seed=0):
    g = torch.Generator().manual_seed(seed)
    centers = torch.tensor([[35.0, 40.0], [92.0, 88.0]])
    return centers[:, None] + torch.rand(2, 17, 2, generator=g) * 36 - 18


def detect(network, images, settings, flip=None, convention="center"):
    return people(*heat_and_proposals(network, images, settings, flip, convention)[0], settings)


FLIP = torch.from_numpy(COCO.flip)


@pytest.mark.parametrize("convention", ["center", "corner"])
@pytest.mark.parametrize("fine", [False, True])
def test_flip_test_of_an_equivariant_network_changes_nothing(convention, fine):
    painter = Painter(crowd(), 128, fine, convention)
    images = inputs(1.0)[1.0]
    once, twice = forward(painter, images, None, convention), forward(painter, images, FLIP, convention)
    inner = (..., slice(8, -8), slice(8, -8))
    torch.testing.assert_close(once.heatmaps[inner], twice.heatmaps[inner], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(once.centers[inner], twice.centers[inner], rtol=1e-3, atol=1e-4)
    if fine:
        torch.testing.assert_close(once.fine[inner], twice.fine[inner], rtol=1e-3, atol=1e-4)
    peak = once.centers[0, 0].flatten().topk(2).indices
    torch.testing.assert_close(
        once.offsets.flatten(3)[..., peak], twice.offsets.flatten(3)[..., peak], atol=1e-2, rtol=0
    )


@pytest.mark.parametrize("convention", ["center", "corner"])
@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 2.0)])
@pytest.mark.parametrize("fine", [False, True])
def test_people_come_back_at_any_scale(scales, fine, convention):
    shifts = []
    for seed in range(6):
        truth = crowd(seed)
        painter = Painter(truth, 128, fine, convention)
        found = detect(painter, inputs(*scales), Grouping(), FLIP, convention)
        best = found.keypoints[found.scores.topk(2).indices]
        distance = (best[:, None] - truth).norm(dim=-1).mean(-1)
        assert distance.min(0).values.max() < (1.2 if fine else 2.2)
        shifts.append((best[distance.argmin(0)] - truth).mean((0, 1)))
    # Not biased: a wrong origin would show as a common shift.
    assert torch.stack(shifts).mean(0).abs().max() < 0.25


@pytest.mark.parametrize("convention", ["center", "corner"])
def test_heat_of_several_scales_is_the_mean_of_the_enlarged_maps(convention):
    g = torch.Generator().manual_seed(0)
    sizes = {0.5: (64, 96), 1.0: (128, 192), 2.0: (256, 384)}
    heats = {size: torch.randn(2, 3, size[0] // 4, size[1] // 4, generator=g) for size in sizes.values()}

    def network(images):
        heat = heats[tuple(images.shape[-2:])]
        return Maps(heat, heat[:, None], heat[:, :1], heat.new_zeros(2, 3, 2, *heat.shape[-2:]), None)

    images = {scale: torch.zeros(2, 3, *size) for scale, size in sizes.items()}
    found = heat_and_proposals(network, images, Grouping(), convention=convention)
    grown = [enlarge(heat, 128 // heat.shape[-2], convention) for heat in heats.values()]
    expected = torch.stack(grown).mean(0)
    for (heat, _), one in zip(found, expected, strict=True):
        assert (heat.stride, heat.maps.shape[-2:]) == (1.0, sizes[1.0])
        torch.testing.assert_close(heat.maps, one, rtol=1e-5, atol=1e-6)


def test_maps_of_a_scale_that_do_not_fit_the_input_are_refused():
    heat = torch.zeros(1, 3, 16, 16)
    maps = Maps(heat, heat[:, None], heat[:, :1], torch.zeros(1, 3, 2, 16, 16), None)
    images = {1.0: torch.zeros(1, 3, 64, 64), 0.5: torch.zeros(1, 3, 32, 32)}
    with pytest.raises(ValueError, match="do not fit"):
        heat_and_proposals(lambda _: maps, images, Grouping())


def test_grouping_by_annotated_people():
    truth = crowd()
    heat, _ = heat_and_proposals(Painter(truth, 128), inputs(1.0), Grouping())[0]
    found = people(heat, as_proposals(truth + 3), Grouping())
    assert found.centers.tolist() == [1, 1]
    assert (found.keypoints - truth).norm(dim=-1).max() < 3


def test_high_resolution_averages_two_maps():
    maps = Painter(crowd(), 128, fine=True)(inputs(1.0)[1.0])
    heat, stride = heat_of(maps)
    assert stride == 2
    assert heat.shape[-1] == 64
    torch.testing.assert_close(heat, (enlarge(maps.heatmaps, 2) + maps.fine) / 2)


def test_a_real_network_on_a_wide_image():
    torch.manual_seed(0)
    net = ARTNet(HRNetTrunk("hrnet_w18_small"), high_resolution=True).eval()
    images = {1.0: torch.randn(1, 3, 64, 128), 0.5: torch.randn(1, 3, 32, 64)}
    for compat in ("paper", "released"):
        with torch.no_grad():
            found = detect(net, images, Grouping(compat=compat, refine=True, center_threshold=-9), FLIP)
        assert found.keypoints.shape[1:] == (17, 2)
        assert torch.isfinite(found.keypoints).all()
