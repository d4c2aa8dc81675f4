"""Every method, small, with a batch of real samples of tiny data."""

from posereg import config as configs
from posereg.build import build_method
from tiny import overrides

SMALL = ("input_scale=0.25", "width=0.25", "backbone=resnet10", "backbone.pretrained=false")
MEASURED = ("method.beta=1.0", "method.heatmap_weight=1.0")  # which a run measures when it starts
METHODS = {
    **{name: ("mpii", f"method={name}") for name in ("H1", "H2", "H3", "R1", "I_star")},
    **{name: ("mpii", f"method={name}", *MEASURED) for name in ("I1", "I2", "I3")},
    "cascade_res": ("mpii", "method=cascade_res", "augment=cascade"),
    "softargmax": ("mpii", "method=softargmax", "++method.network.blocks=1", "++method.network.width=32"),
    "softargmax_context": ("mpii", "method=softargmax_context", "++method.network.blocks=1",
                           "++method.network.width=32"),
    **{
        name: ("mpii", f"method={name}", "flip_test=true")
        for name in ("dark", "dsnt", "lateral", "offsets", "rle", "rle_gaussian", "rle_laplace",
                     "sampling", "simcc", "simcc_onehot")
    },
    "debiased": ("mpii", "method=debiased", "flip_test=true", *MEASURED),
    "vit_simple": ("mpii", "method=vit_simple", "flip_test=true", "backbone=timm",
                   "backbone.name=vit_tiny_patch16_224"),
    "volume": ("h80k", "method=volume", "loader=mixed", "augment=volume"),
}  # fmt: skip
SCENES = (
    "method=art",
    "loader=bottomup",
    "augment=art",
    "augment.scale=[0.9,1.1]",
    "backbone=hrnet_w18_small",
)


def setting(folder, kind, *more):
    """The method and a batch of real samples of tiny data."""
    given = [*overrides(kind, folder), *SMALL, *more]
    plain = configs.plain(
        configs.compose(list({text.lstrip("+").partition("=")[0]: text for text in given}.values()))
    )
    data = configs.instantiate(plain["loader"])
    return build_method(plain, weights=False), next(iter(data.train_dataloader()))
