"""Decoding: what the originals' `Image.open(path).convert("RGB")` gives, or a clear refusal."""

import contextlib
import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.datasets import pictures
from harness.errors import DataError

GOLDENS = Path(__file__).parents[2] / "goldens"
NOISE = np.random.default_rng(0).integers(0, 256, (23, 37, 3), dtype=np.uint8)


def saved(path, image, **options):
    image.save(path, **options)
    return path


def png(path, depth, colour, rows, *more_chunks):
    """Write a PNG of raw rows, for kinds that Pillow does not write."""
    height, width = len(rows), len(rows[0]) * 8 // depth // {0: 1, 2: 3, 3: 1}[colour]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    chunks = [(b"IHDR", header), *more_chunks, (b"IDAT", pixels), (b"IEND", b"")]
    framed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    return path


@pytest.mark.parametrize(("name", "index"), [("det_a.png", 1), ("det_rgba.png", 2)], ids=["rgb", "rgba"])
def test_png_pictures_have_the_bytes_that_the_original_script_wrote(name, index):
    picture = pictures.picture(GOLDENS / "images" / name, "x")

    with np.load(GOLDENS / "preprocess.npz") as golden:
        probe = {key: golden[f"spinenet/{index:05d}.bin/{key}"] for key in ("idx", "val", "nbytes")}
    assert picture.pixels.nbytes == probe["nbytes"]
    np.testing.assert_array_equal(picture.pixels.ravel()[probe["idx"]], probe["val"])


def test_a_picture_has_its_id_and_file_and_the_rgb_bytes_of_a_lossless_file(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(NOISE))

    picture = pictures.picture(path, "a")

    assert (picture.id, picture.source) == ("a", str(path))
    assert picture.pixels.dtype == np.uint8
    np.testing.assert_array_equal(picture.pixels, NOISE)


def test_gray_is_repeated_on_three_channels(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(NOISE[:, :, 0]))

    picture = pictures.picture(path, "a")

    np.testing.assert_array_equal(picture.pixels, NOISE[:, :, :1].repeat(3, axis=2))


def test_alpha_is_dropped_and_not_blended(tmp_path):
    alpha = np.dstack([NOISE, np.zeros(NOISE.shape[:2], np.uint8)])
    path = saved(tmp_path / "a.png", Image.fromarray(alpha))

    picture = pictures.picture(path, "a")

    np.testing.assert_array_equal(picture.pixels, NOISE)


@pytest.mark.parametrize("options", [{}, {"transparency": 1}, {"transparency": b"\x01\x02"}], ids=["", "one", "some"])
def test_palette_indices_are_looked_up_whatever_is_transparent(tmp_path, options):
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    path = saved(tmp_path / "a.png", image, **options)

    picture = pictures.picture(path, "a")

    assert picture.pixels.tolist() == [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [10, 20, 30]]]


def test_cmyk_is_converted_to_rgb(tmp_path):
    image = Image.new("CMYK", (16, 16), (255, 0, 255, 0))
    path = saved(tmp_path / "a.jpeg", image, quality=100)

    picture = pictures.picture(path, "a")

    # No red and no blue light is left by full cyan and yellow; JPEG may round by a level or two.
    np.testing.assert_allclose(picture.pixels, np.tile(np.uint8([0, 255, 0]), (16, 16, 1)), rtol=0, atol=2)


def test_an_exif_orientation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpeg", Image.fromarray(NOISE), exif=exif)

    picture = pictures.picture(path, "a")

    assert picture.pixels.shape == NOISE.shape


def test_the_content_counts_and_not_the_suffix(tmp_path):
    image = saved(tmp_path / "a.png", Image.fromarray(NOISE))
    path = image.rename(tmp_path / "a.JPEG")

    picture = pictures.picture(path, "a")

    np.testing.assert_array_equal(picture.pixels, NOISE)


REFUSED = {
    "missing": (None, "expected a readable picture, got No such file"),
    "empty": (b"", "expected a picture, got 0 bytes; get the file again"),
    "text": (b"not a picture", "expected a PNG or JPEG picture"),
    "bitmap": (b"BM" + bytes(60), "expected a PNG or JPEG picture"),
    "png-start-only": (b"\x89PNG\r\n\x1a\n", "expected a whole PNG"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DataError, match=f"a.png: {message}"):
        pictures.picture(path, "a")


def test_a_folder_in_place_of_a_picture_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a readable picture"):
        pictures.picture(tmp_path, "a")


@pytest.mark.parametrize("colour", [0, 2], ids=["gray", "rgb"])
def test_sixteen_bits_a_channel_are_refused(tmp_path, colour):
    path = png(tmp_path / "a.png", 16, colour, [bytes(12), bytes(12)])

    with pytest.raises(DataError, match=r"a.png: expected at most 8 bits a channel, got 16; convert"):
        pictures.picture(path, "a")


def test_an_animation_is_refused(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = saved(tmp_path / "a.png", frames[0], save_all=True, append_images=frames[1:])

    with pytest.raises(DataError, match=r"a.png: expected one picture, got an animation"):
        pictures.picture(path, "a")


def test_a_decompression_bomb_is_refused(tmp_path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = png(tmp_path / "a.png", 8, 2, [bytes(6)]).read_bytes()
    old = data[16:29]
    (tmp_path / "a.png").write_bytes(
        data.replace(old, header).replace(
            struct.pack(">I", zlib.crc32(b"IHDR" + old)), struct.pack(">I", zlib.crc32(b"IHDR" + header))
        )
    )

    with pytest.raises(DataError, match=r"a.png: expected an intact picture, got Image size"):
        pictures.picture(tmp_path / "a.png", "a")


def encoded(kind, mode):
    stream = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(stream, kind)
    return stream.getvalue()


ENCODED = [encoded("PNG", "RGB"), encoded("PNG", "P"), encoded("JPEG", "RGB"), encoded("JPEG", "L")]


@given(data=st.sampled_from(ENCODED), share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path_factory, data, share):
    path = tmp_path_factory.getbasetemp() / "cut.png"
    path.write_bytes(data[: int(share * len(data))])

    with pytest.raises(DataError, match=r"cut.png"):
        pictures.picture(path, "cut")


@pytest.mark.parametrize("data", ENCODED, ids=["png", "palette", "jpeg", "gray-jpeg"])
def test_a_file_without_its_last_byte_is_refused(tmp_path, data):
    path = tmp_path / "cut.png"
    path.write_bytes(data[:-1])

    with pytest.raises(DataError, match=r"cut.png"):
        pictures.picture(path, "cut")


@given(data=st.sampled_from(ENCODED), place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_flipped_byte_gives_a_picture_or_a_data_error_and_nothing_else(tmp_path_factory, data, place, value):
    path = tmp_path_factory.getbasetemp() / "flipped.png"
    damaged = bytearray(data)
    damaged[place % len(data)] = value
    path.write_bytes(damaged)

    with warnings.catch_warnings(), contextlib.suppress(DataError):
        warnings.simplefilter("ignore")
        pixels = pictures.picture(path, "flipped").pixels

        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3


def test_label_ids_are_the_bytes_of_a_gray_png(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(NOISE[:, :, 0]))

    ids = pictures.label_ids(path)

    assert ids.dtype == np.uint8
    np.testing.assert_array_equal(ids, NOISE[:, :, 0])


def test_label_ids_of_a_palette_png_are_its_indices_and_not_its_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    path = png(tmp_path / "a.png", 8, 3, [[0, 1], [2, 0]], (b"PLTE", bytes([10, 20, 30, 40, 50, 60, 70, 80, 90])))

    ids = pictures.label_ids(path)

    assert ids.tolist() == [[0, 1], [2, 0]]


@pytest.mark.parametrize(
    ("depth", "colour", "kind"),
    [(16, 0, "16-bit gray"), (8, 2, "8-bit RGB"), (4, 0, "4-bit gray"), (16, 2, "16-bit RGB")],
)
def test_label_pngs_of_another_kind_are_refused_with_what_they_are(tmp_path, depth, colour, kind):
    path = png(tmp_path / "a.png", depth, colour, [bytes(12), bytes(12)])

    with pytest.raises(DataError, match=f"a.png: expected an 8-bit single-channel label PNG, got {kind}"):
        pictures.label_ids(path)


def test_a_label_picture_that_is_no_png_is_refused(tmp_path):
    path = saved(tmp_path / "a.jpeg", Image.fromarray(NOISE[:, :, 0]))

    with pytest.raises(DataError, match=r"a.jpeg: expected a label PNG"):
        pictures.label_ids(path)


def test_a_label_png_that_is_cut_short_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG", "L")[:-30])

    with pytest.raises(DataError, match=r"a.png: expected a whole PNG"):
        pictures.label_ids(path)


def test_the_size_is_height_and_width(tmp_path):
    path = saved(tmp_path / "a.jpeg", Image.fromarray(NOISE))

    assert pictures.size(path) == (23, 37)


def test_the_size_of_a_file_that_is_no_picture_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")

    with pytest.raises(DataError, match=r"a.png: expected a PNG or JPEG picture"):
        pictures.size(path)
