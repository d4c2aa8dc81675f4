import pytest
import torch

from posereg.errors import UserError
from posereg.networks.hrnet import HRNetTrunk
from shared import shared


def test_branches_joined_at_a_quarter():
    trunk = HRNetTrunk("hrnet_w18_small").eval()
    assert (trunk.width, trunk.channels) == (16, 16 + 32 + 64 + 128)
    with torch.no_grad():
        out = trunk(torch.randn(1, 3, 64, 96))
    assert out.shape == (1, 240, 16, 24)


def test_full_sizes_without_classification_head():
    """Trunk parameters: the published totals minus the heads' (docs/papers/art.md#sizes)."""
    with torch.device("meta"):
        for name, total, heads in (
            ("hrnet_w32", 30_678_516, 21_144 + 1_199_112 + 15_424 + 127_744 + 9_556),
            ("hrnet_w48", 66_803_428, 45_528 + 1_199_112 + 34_656 + 189_184 + 9_828),
        ):
            trunk = HRNetTrunk(name)
            assert sum(p.numel() for p in trunk.parameters()) == total - heads


def test_local_weights():
    path = shared("weights/hrnet_w18_trunk_fp16.safetensors")
    from safetensors.torch import load_file

    trunk = HRNetTrunk("hrnet_w18", weights=str(path))
    stored = load_file(path)["conv1.weight"].float()
    torch.testing.assert_close(trunk.trunk.conv1.weight.detach(), stored)


def test_unknown_name_gives_the_nearest():
    with pytest.raises(UserError, match="hrnet_w32"):
        HRNetTrunk("hrnet_w33")
