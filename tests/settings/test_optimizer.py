"""torch's optimisers accept what their code takes, and no more."""

import pytest
import torch

from posereg.settings.model import mistake
from posereg.settings.optimizer import TORCH, ranges


@pytest.mark.parametrize(("name", "bad"), [("lr", -1), ("momentum", -0.1), ("weight_decay", -1), ("eps", -1)])
def test_what_torch_refuses_is_refused(name, bad):
    with pytest.raises(ValueError, match=r"Invalid"):
        torch.optim.RMSprop([torch.nn.Parameter(torch.zeros(1))], **{name: bad})
    assert mistake(TORCH[name], bad)


def test_only_torchs_own():
    assert ranges(torch.optim.Adam) is TORCH
    assert ranges(dict) == {}
