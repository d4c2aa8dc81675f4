import pytest
import torch

from posereg.codecs.constants import filled


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
def test_the_same_as_a_copy(dtype):
    like = torch.zeros(2, 3, dtype=dtype)
    made = filled((192, 256, 1), like)
    assert made.dtype == dtype
    assert torch.equal(made, like.new_tensor((192, 256, 1)))


def test_it_is_where_the_other_one_is():
    assert filled((1, 2), torch.empty(3, device="meta")).device.type == "meta"
