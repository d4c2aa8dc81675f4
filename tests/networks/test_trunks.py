"""Any timm model as a trunk: maps of the input's shape with the widths and strides that the model names."""

import pickle

import pytest
import torch

from posereg.errors import UserError
from posereg.networks.backbone import backbone, channels, refused, strides
from posereg.networks.deconv import HeatmapNet, RegressionNet

SIZE = (64, 96)  # width, height
QUICK = ("convnext_atto", "swin_tiny_patch4_window7_224", "vit_tiny_patch16_224", "vit_small_patch14_dinov2")
# One of each family, small ones.
FAMILIES = (
    *QUICK, "convnextv2_atto", "cspresnet50", "coat_lite_tiny", "darknet53", "davit_tiny", "deit_tiny_patch16_224",
    "densenet121", "dla34", "edgenext_xx_small", "efficientformerv2_s0", "efficientnet_b0", "eva02_tiny_patch14_224",
    "fastvit_t8", "focalnet_tiny_srf", "ghostnet_050", "hiera_tiny_224", "hrnet_w18_small", "inception_next_atto",
    "mambaout_femto", "mobilenetv3_small_050", "mobilenetv4_conv_small_035", "mobilevit_xxs", "nf_resnet50",
    "pvt_v2_b0", "regnetx_002", "repvgg_a0", "repvit_m0_9", "res2net50_14w_8s", "resnest14d", "starnet_s1",
    "swinv2_tiny_window8_256", "tiny_vit_5m_224", "vgg11", "vit_small_patch16_dinov3", "xcit_nano_12_p16_224",
)  # fmt: skip


def test_families_are_many_and_different():
    assert len({name.split("_")[0] for name in FAMILIES}) >= 25


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in FAMILIES]
)
def test_maps_have_the_inputs_shape_and_the_models_widths(name):
    trunk = backbone(name, input_size=SIZE).eval()
    with torch.inference_mode():
        maps = trunk(torch.randn(2, 3, SIZE[1], SIZE[0]))
    assert [each.shape[1] for each in maps] == channels(trunk)
    assert all(each.isfinite().all() for each in maps)
    # Rounded to whole cells, where a stride does not divide the side.
    for each, stride in zip(maps, strides(trunk), strict=True):
        for side, cells in zip((SIZE[1], SIZE[0]), each.shape[2:], strict=True):
            assert abs(cells - side / stride) < 1, (side, cells, stride)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_heads_sit_on_transformers(name):
    trunk = backbone(name, input_size=SIZE)
    maps = HeatmapNet(trunk, joints=3, deconv_width=8)(torch.randn(2, 3, 96, 64))[0]
    height, width = 96 // strides(trunk)[-1], 64 // strides(trunk)[-1]
    assert maps.shape == (2, 3, 4 * height, 4 * width)
    assert RegressionNet(trunk, joints=3)(torch.randn(2, 3, 96, 64)).shape == (2, 3, 2)


def test_patches_cover_the_whole_image():
    # 64 x 96 pixels in patches of 14: a change of the last column of pixels is seen.
    trunk = backbone("vit_small_patch14_dinov2", input_size=SIZE).eval()
    image = torch.randn(1, 3, 96, 64)
    changed = image.clone()
    changed[..., -1] += 5
    with torch.inference_mode():
        first, second = trunk(image)[-1], trunk(changed)[-1]
    assert first.shape[-2:] == (7, 5)
    assert (first - second).abs().max() > 1e-4


def test_weights_keep_their_names():
    names = backbone("swin_tiny_patch4_window7_224", input_size=SIZE).state_dict()
    assert "layers_0.blocks.0.attn.qkv.weight" in names


def test_layers_of_a_pyramid_are_frozen_by_its_maps_and_those_of_a_plain_transformer_are_refused():
    trunk = backbone("swin_tiny_patch4_window7_224", input_size=SIZE, frozen=2)
    moving = {name.partition(".")[0] for name, p in trunk.named_parameters() if p.requires_grad}
    assert moving == {"layers_2", "layers_3"}
    with pytest.raises(UserError, match=r"backbone\.frozen.*not layers of their own"):
        backbone("vit_tiny_patch16_224", input_size=SIZE, frozen=1)


@pytest.mark.parametrize("name", ["convit_tiny", "crossvit_tiny_240", "halonet26t"])
def test_a_model_that_does_not_take_the_images_says_so(name):
    trunk = backbone(name, input_size=SIZE)
    assert refused(HeatmapNet(backbone(QUICK[0], input_size=SIZE), joints=3), SIZE) is None
    message = refused(HeatmapNet(trunk, joints=3), SIZE)
    assert message is not None
    assert message.startswith(f"backbone {name}: ")
    assert "64x96" in message
    assert trunk.training


def test_a_trunk_can_be_pickled():
    trunk = backbone("convnext_atto", input_size=SIZE).eval()
    again = pickle.loads(pickle.dumps(trunk))
    image = torch.randn(1, 3, 96, 64)
    with torch.inference_mode():
        assert torch.equal(trunk(image)[-1], again(image)[-1])


def test_a_model_that_cannot_be_built_for_the_size_says_so():
    with pytest.raises(UserError, match=r"backbone nest_tiny: .*64x96 pixels.*square inputs"):
        backbone("nest_tiny", input_size=SIZE)
    with pytest.raises(UserError, match=r"backbone mvitv2_tiny: .*64x96 pixels \(AssertionError\)"):
        backbone("mvitv2_tiny", input_size=SIZE)


def test_a_model_that_leaves_out_the_images_edges_is_not_trained():
    trunk, images = backbone("inception_v3", input_size=(128, 192)), torch.zeros(2, 3, 192, 128)
    with torch.no_grad():
        with pytest.raises(UserError, match=r"backbone inception_v3: .*2x4 cells, not 4x6"):
            trunk(images)
        assert trunk.eval()(images)[-1].shape[-2:] == (4, 2)  # one that was trained before
