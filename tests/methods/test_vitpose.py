"""ViTPose of Hugging Face: read as its own library reads it, offline, on tiny networks with random weights."""

import json

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from posereg.build import load_method
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.methods.vitpose import VitPose
from posereg.predict.estimator import Estimator
from posereg.skeletons.skeleton import COCO
from tiny import data_set

transformers = pytest.importorskip("transformers", reason="pip install 'posereg[hf]'")
LABELS = dict(enumerate(joint.replace("left_", "L_").replace("right_", "R_") for joint in COCO.joints))


def tiny_model(folder, simple=True, experts=1, joints=17, labels=None):
    torch.manual_seed(0)
    backbone = transformers.VitPoseBackboneConfig(
        image_size=[64, 48], patch_size=[16, 16], hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_experts=experts, part_features=4 if experts > 1 else 0, out_indices=[2],
    )  # fmt: skip
    named = {"id2label": labels or LABELS} if joints == 17 else {"num_labels": joints}
    config = transformers.VitPoseConfig(backbone_config=backbone, use_simple_decoder=simple, **named)
    model = transformers.VitPoseForPoseEstimation(config).eval()
    model.save_pretrained(folder)
    transformers.VitPoseImageProcessor(size={"height": 64, "width": 48}).save_pretrained(folder)
    return model


@pytest.mark.parametrize("simple", [True, False])
@pytest.mark.parametrize("experts", [1, 3])
def test_maps_are_the_librarys_own(tmp_path, simple, experts):
    model = tiny_model(tmp_path, simple, experts)
    module = load_method(tmp_path)
    assert module.input_size == (48, 64)
    images = torch.randn(2, 3, 64, 48)
    with torch.inference_mode():
        expected = model(images, dataset_index=torch.zeros(2, dtype=torch.long)).heatmaps
        torch.testing.assert_close(module.network(images), expected)


class Bright(nn.Module):
    """Gaussian maps about the brightest place, from one picture's first channel, as unbiased crops have them."""

    def forward(self, images):
        """(B, 17, h, w) with the first cell on the first pixel and the last on the last."""
        light = (images - images.amin((1, 2, 3), keepdim=True))[:, :1]
        kernel = cv2.getGaussianKernel(33, 6)
        blur = torch.from_numpy((kernel @ kernel.T).astype(np.float32))[None, None]
        smooth = nn.functional.conv2d(light, blur, padding=16)
        size = images.shape[2] // 4, images.shape[3] // 4
        maps = nn.functional.interpolate(smooth, size, mode="bilinear", align_corners=True)
        return (maps / maps.amax((2, 3), keepdim=True)).expand(-1, 17, -1, -1)


@pytest.mark.parametrize("place", [(150, 120), (118.5, 90.25), (171, 186)])
def test_a_picture_and_a_box_end_at_the_pixel_where_the_librarys_own_way_ends(tmp_path, place):
    """Crop, network, decoding: both ways see the same bright spot through the same network."""
    picture = np.zeros((260, 320, 3), np.uint8)
    rows, columns = np.mgrid[:260, :320]
    spot = 255 * np.exp(-((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / (2 * 4.0**2))
    picture[:] = spot[..., None].round()
    box = [100.0, 60.0, 90.0, 140.0]

    processor = transformers.VitPoseImageProcessor(size={"height": 256, "width": 192})
    inputs = processor(picture, boxes=[[box]], return_tensors="pt")["pixel_values"]
    output = transformers.models.vitpose.modeling_vitpose.VitPoseEstimatorOutput(heatmaps=Bright()(inputs))
    ((theirs,),) = processor.post_process_pose_estimation(output, boxes=[[box]])

    module = VitPose(network=Bright(), skeleton="coco", input_size=(192, 256), optimizer=torch.optim.Adam)
    ours = Estimator(module, "cpu").predict(picture, [box])
    # The library counts the first pixel's edge as 0, posereg its centre.
    np.testing.assert_allclose(theirs["keypoints"][0].numpy(), place, atol=1.0)
    np.testing.assert_allclose(ours.keypoints[0, 0], place, atol=0.35)


def test_the_flip_test_is_exact_for_a_network_that_treats_both_sides_alike():
    module = VitPose(network=Bright(), skeleton="coco", input_size=(192, 256), optimizer=torch.optim.Adam)
    images = torch.zeros(1, 3, 256, 192)
    images[..., 100:104, 40:44] = 1.0
    once, _ = module.predict(images)
    module.flip_test = True
    torch.testing.assert_close(module.predict(images)[0], once, atol=1e-3, rtol=0)


def test_commands_take_the_folder(tmp_path):
    tiny_model(tmp_path / "vitpose-tiny")
    picture = next((data_set("mpii") / "images").glob("*.jpg"))
    out = tmp_path / "out"
    words = [f"checkpoint={tmp_path / 'vitpose-tiny'}", f"out={out}", "device=cpu"]
    assert invoke(["predict", str(picture), *words]) == 0
    header = json.loads((out / "predictions.jsonl").read_text().splitlines()[0])
    assert header["model"] == "vitpose-tiny"
    assert header["joints"] == list(COCO.joints)
    words = [*words[:1], f"out={tmp_path / 'scores'}", "device=cpu"]
    assert invoke(["evaluate", "data=synthetic", f"data.root={data_set('mpii')}", *words]) == 0
    assert json.loads((tmp_path / "scores/result.json").read_text())["config"]["row"] == "vitpose-tiny"


def test_it_is_packed_already(tmp_path):
    tiny_model(tmp_path)
    with pytest.raises(UserError, match="Hugging Face already"):
        invoke(["pack", f"checkpoint={tmp_path}", "name=mine", f"out={tmp_path / 'packed'}"])


def test_other_models_and_joints_are_refused(tmp_path):
    tiny_model(tmp_path / "hand", joints=21)
    with pytest.raises(UserError, match="a model of 21 joints"):
        load_method(tmp_path / "hand")
    swapped = {**LABELS, 1: LABELS[2], 2: LABELS[1]}
    tiny_model(tmp_path / "swapped", labels=swapped)
    with pytest.raises(UserError, match="joint 1 is R_eye, where COCO has left_eye"):
        load_method(tmp_path / "swapped")
    config = json.loads((tmp_path / "hand/config.json").read_text())
    (tmp_path / "hand/config.json").write_text(json.dumps({**config, "model_type": "bert"}))
    with pytest.raises(UserError, match="of type 'bert'"):
        load_method(tmp_path / "hand")


def test_a_damaged_file_ends_in_one_line(tmp_path):
    tiny_model(tmp_path)
    content = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"model\.safetensors"):
        load_method(tmp_path)
    (tmp_path / "config.json").write_text("[1]")
    with pytest.raises(UserError, match=r"config\.json"):
        load_method(tmp_path)
