"""Every method's work on a GPU, on tensors that only claim to be there: nothing is mixed with tensors of the host, and
neither training nor prediction makes the host wait for the device."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from methods.made import METHODS, SCENES, setting


class Waits(TorchDispatchMode):
    """Records what is copied between host and device. (Reading a value would fail: there is none.)"""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            places = {one.device.type for one in (result, *args) if isinstance(one, torch.Tensor)}
            if len(places) > 1 or "lift_fresh" in str(function):
                self.found.append(str(function))
        return result


def on_device(mode, module, batch):
    """Both as tensors of a GPU without content."""
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = torch.nn.Parameter(mode.from_tensor(weight).detach().to("cuda"))
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = mode.from_tensor(buffer).to("cuda")
    return {name: mode.from_tensor(value).to("cuda") for name, value in batch.items()}


@pytest.mark.parametrize("name", METHODS)
def test_training_and_prediction_stay_on_the_device(name, tmp_path):
    module, batch = setting(tmp_path, *METHODS[name])
    with FakeTensorMode() as mode:
        batch = on_device(mode, module, batch)
        with Waits() as training:
            losses = module.losses(module.images(batch), batch)
        module.eval()
        with torch.inference_mode(), Waits() as prediction:
            predicted = module.predict(module.images(batch))
    assert {value.device.type for value in (*losses.values(), *predicted)} == {"cuda"}
    assert predicted[0].shape[:2] == predicted[1].shape
    assert training.found == []
    assert prediction.found == []


@pytest.mark.parametrize("compat", ["paper", "released"])
def test_training_on_whole_images_stays_on_the_device(compat, tmp_path):
    # Prediction gives a list as long as the images have people, which the host has to know.
    module, batch = setting(tmp_path, "coco", *SCENES, f"method.compat={compat}")
    with FakeTensorMode() as mode:
        batch = on_device(mode, module, batch)
        with Waits() as waits:
            losses = module.losses(module.images(batch), batch)
    assert {value.device.type for value in losses.values()} == {"cuda"}
    assert waits.found == []


def test_what_is_made_on_the_host_is_found():
    with FakeTensorMode(), Waits() as waits:
        there = torch.empty(3, device="cuda")
        there.new_tensor([1.0, 2.0, 3.0])
    assert waits.found
