"""Trunks: which weights the shipped configs start from."""

import pytest
import timm
import yaml

from posereg import config as configs
from posereg.networks.backbone import backbone, channels

SHIPPED = sorted((configs.root() / "conf/backbone").glob("resnet*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_resnets_start_from_torchvisions_first_weights(path):
    """The papers' weights: ImageNet-1k by the original recipe; timm's default would be a later one (a1)."""
    name = yaml.safe_load(path.read_text())["name"]
    if path.stem == "resnet10":
        return  # not in the papers, and torchvision has none
    assert timm.get_pretrained_cfg(name).tag == "tv_in1k"
    assert name.partition(".")[0] == path.stem


def test_the_tag_leaves_the_network_as_it_is():
    tagged, plain = backbone("resnet18.tv_in1k"), backbone("resnet18")
    assert channels(tagged) == channels(plain)
    assert tagged.state_dict().keys() == plain.state_dict().keys()
