import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest
import simplejpeg

from data.made import noise_image
from posereg.data.samples import jpeg
from posereg.data.samples.jpeg import BadImageError
from shared import shared


def encoded(width=100, height=90, subsampling="420", seed=0):
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 3)
    return simplejpeg.encode_jpeg(image, quality=90, colorsubsampling=subsampling)


@pytest.mark.parametrize("subsampling", ["420", "422", "444", "440", "Gray"])
@pytest.mark.parametrize("shrink", [1.0, 2.3, 4.0])
def test_top_rows_are_those_of_the_whole_image(subsampling, shrink):
    if subsampling == "Gray":
        gray = np.ascontiguousarray(simplejpeg.decode_jpeg(encoded(), "gray"))
        data = simplejpeg.encode_jpeg(gray, colorspace="gray", colorsubsampling="Gray")
    else:
        data = encoded(subsampling=subsampling)
    whole = jpeg.decode(data, "x.jpg", shrink=shrink)
    part = jpeg.decode(data, "x.jpg", bottom=37.0, shrink=shrink)
    assert whole.factor == part.factor == int(shrink)
    assert len(part.pixels) < len(whole.pixels)
    assert len(part.pixels) * part.factor > 38  # the row and the next, for the interpolation
    assert (part.pixels == whole.pixels[: len(part.pixels)]).all()


def test_pixels_are_those_of_another_decoder():
    data = encoded(subsampling="444")
    expected = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    found = jpeg.decode(data, "x.jpg").pixels[..., :3]
    assert np.abs(found.astype(int) - expected).mean() < 1.5
    assert np.abs(found.astype(int) - expected).max() <= 8  # the fast DCT


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("bottom", [1e9, 20.0])
def test_truncated_file_is_an_error_not_grey(tmp_path, keep, bottom):
    data = encoded(400, 300)
    path = tmp_path / "cut.jpg"
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(BadImageError, match=r"cut\.jpg"):
        jpeg.read(path, bottom)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n1234"])
def test_what_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "what.jpg"
    path.write_bytes(content)
    with pytest.raises(BadImageError, match=r"what\.jpg"):
        jpeg.read(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(BadImageError, match="not there"):
        jpeg.read(tmp_path / "none.jpg")


def test_stray_bytes_after_the_end_do_no_harm():
    data = encoded()
    clean = jpeg.decode(data, "x.jpg").pixels
    assert (jpeg.decode(data + b"\0" * 500, "x.jpg").pixels == clean).all()


def test_png_and_progressive_files_are_read(tmp_path):
    noise_image(tmp_path / "a.png")
    assert jpeg.read(tmp_path / "a.png", bottom=3, shrink=4).pixels.shape == (48, 64, 4)
    image = cv2.imread(str(tmp_path / "a.png"))
    cv2.imwrite(str(tmp_path / "p.jpg"), image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    decoded = jpeg.read(tmp_path / "p.jpg", bottom=3, shrink=2)
    assert decoded.pixels.shape == (24, 32, 4)
    assert jpeg.image_size(tmp_path / "p.jpg") == jpeg.image_size(tmp_path / "a.png") == (64, 48)


@pytest.mark.parametrize("folder", ["mpii/images", "coco/val2017", "lspet/images"])
def test_real_images_agree_with_the_plain_decoder(folder):
    for path in sorted(shared(f"data/{folder}").glob("*.jpg"))[:12]:
        expected = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        height, width = expected.shape[:2]
        assert jpeg.image_size(path) == (width, height)
        found = jpeg.read(path, bottom=height * 0.4).pixels
        assert len(found) < height
        assert (
            np.abs(found[..., :3].astype(int) - expected[: len(found)]).mean() < 3
        )  # plain chroma upsampling


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp"])
def test_a_header_that_promises_more_pixels_than_there_is_memory(tmp_path, kind):
    """A few bytes that say 60,000 x 60,000: refused before memory is asked for."""
    written, data = cv2.imencode(f".{kind.replace('jpeg', 'jpg')}", np.zeros((8, 8, 3), np.uint8))
    assert written
    content = bytearray(data.tobytes())
    if kind == "jpeg":
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    elif kind == "png":
        content[16:24] = struct.pack(">II", 60_000, 60_000)
        content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    else:
        content[18:26] = struct.pack("<ii", 60_000, 60_000)
    path = tmp_path / f"a.{kind}"
    path.write_bytes(bytes(content))
    for reader in (jpeg.read, jpeg.image_size):
        with pytest.raises(BadImageError, match=r"more pixels than are ever decoded \(268,435,456\)"):
            reader(path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_and_sixteen_bits_a_pixel(tmp_path, suffix):
    """Grey is the same in all channels; of 16 bits the upper eight are read."""
    deep = (np.arange(64 * 48).reshape(48, 64) * 21).astype(np.uint16)
    for values, wanted in ((deep, deep // 256), ((deep // 256).astype(np.uint8), deep // 256)):
        cv2.imwrite(str(tmp_path / f"a{suffix}"), values)
        pixels = jpeg.read(tmp_path / f"a{suffix}").pixels
        assert pixels.dtype == np.uint8
        for channel in range(3):
            np.testing.assert_allclose(pixels[..., channel].astype(int), wanted, atol=1)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_levels_say_what_is_black_and_white_of_sixteen_bits(tmp_path, suffix, channels):
    """By hand: of 100 to 4095, 100 and less is 0, 4095 and more 255, the middle 2097.5 a half."""
    row = np.array([0, 100, 2097, 2098, 4095, 65535], np.uint16)
    values = np.repeat(row[None, :, None], channels, axis=2)
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), values)
    assert jpeg.is_deep(path)
    for pixels in (
        jpeg.read(path, levels=(100, 4095)).pixels,
        jpeg.decode(path.read_bytes(), path, levels=(100, 4095)).pixels,
    ):
        assert pixels.dtype == np.uint8
        for channel in range(3):
            assert pixels[0, :, channel].tolist() == [0, 0, 127, 128, 255, 255]


@pytest.mark.parametrize("kind", ["float32", "int32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_32_bits_need_levels(tmp_path, kind, channels):
    """By hand: of 10 to 20, 12 is a fifth; what is no number is black."""
    if (kind, channels) == ("int32", 3):
        pytest.skip("no format has it")
    row = np.array([0, 10, 12, 20, 30, 10], kind)
    path = tmp_path / "a.tif"
    if kind == "float32":
        row[-1] = np.nan
        cv2.imwrite(str(path), np.repeat(row[None, :, None], channels, axis=2))
    else:
        PIL.Image.fromarray(row[None]).save(path)
    with pytest.raises(
        BadImageError, match=rf"a.tif: holds {kind} from .* source.levels .* must say which values"
    ):
        jpeg.read(path)
    for channel in range(3):
        assert jpeg.read(path, levels=(10, 20)).pixels[0, :, channel].tolist() == [0, 0, 51, 255, 255, 0]


def test_levels_of_pictures_that_one_can_see_through(tmp_path):
    values = np.zeros((2, 3, 4), np.uint16)
    values[...] = (100, 200, 300, 7)  # blue, green, red
    cv2.imwrite(str(tmp_path / "a.png"), values)
    pixels = jpeg.read(tmp_path / "a.png", levels=(0, 300)).pixels
    assert pixels[0, 0].tolist() == [255, 170, 85, 255]


def test_levels_leave_pictures_of_eight_bits_alone(tmp_path):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for name in ("a.png", "a.tif", "a.bmp"):
        cv2.imwrite(str(tmp_path / name), values)
        assert not jpeg.is_deep(tmp_path / name)
        assert (jpeg.read(tmp_path / name, levels=(0, 4095)).pixels[..., 0] == values).all()
    (tmp_path / "a.jpg").write_bytes(encoded())
    assert not jpeg.is_deep(tmp_path / "a.jpg")
    assert not jpeg.is_deep(tmp_path / "missing.png")
    read = [jpeg.read(tmp_path / "a.jpg", levels=levels).pixels for levels in (None, (0, 9))]
    assert (read[0] == read[1]).all()
