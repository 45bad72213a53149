"""AIPP: what it does to pictures, and what of it is refused."""

import numpy as np
import numpy.typing as npt
import pytest
from onnx import helper

from tests.harness.emulator.toy_graphs import Atc, convolution, convolved, execute, model

PLAIN = "aipp_op {\n  aipp_mode: static\n  input_format : RGB888_U8\n  csc_switch: false\n"
NORMALISED = (
    PLAIN
    + "  src_image_size_w: 12\n  src_image_size_h: 10\n  crop: true  # the middle\n"
    + "  load_start_pos_h: 1\n  load_start_pos_w: 2\n  crop_size_w: 8\n  crop_size_h: 8\n"
    + "  rbuv_swap_switch: true\n  mean_chn_0: 124\n  mean_chn_1: 117\n  min_chn_1: 0.5\n  mean_chn_2: 104\n"
    + "  var_reci_chn_0: 0.0125\n  var_reci_chn_1: 0.0175\n  var_reci_chn_2: 0.0225\n}\n"
)
PICTURE = np.random.default_rng(3).integers(0, 256, (1, 10, 12, 3), dtype=np.uint8)


def normalised(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return crop → BGR → (pixel − mean − min) × reciprocal, channels first, as the configuration says."""
    cropped = picture[:, 1:9, 2:10, ::-1].astype(np.float64)
    scaled = (cropped - [124, 117.5, 104]) * [0.0125, 0.0175, 0.0225]
    return np.asarray(scaled.transpose(0, 3, 1, 2))


def test_pictures_are_cropped_swapped_and_normalised_before_the_model(atc_face: Atc) -> None:
    atc_face.save(convolution())
    (atc_face.folder / "aipp.cfg").write_text(NORMALISED)

    made = atc_face.convert(insert_op_conf=str(atc_face.folder / "aipp.cfg"), precision_mode="force_fp32")

    (source,) = made.inputs
    assert (source.name, source.dtype, source.shape) == ("x", "uint8", (1, 10, 12, 3))
    assert (source.format, source.nbytes) == ("NHWC", 360)
    output = np.concatenate(execute(made, PICTURE), 1)
    np.testing.assert_allclose(output, convolved(normalised(PICTURE)), atol=1e-5)


def test_without_a_source_size_it_is_the_models(atc_face: Atc) -> None:
    atc_face.save(convolution())
    (atc_face.folder / "aipp.cfg").write_text(PLAIN + "}")

    made = atc_face.convert(insert_op_conf=str(atc_face.folder / "aipp.cfg"))

    assert made.inputs[0].shape == (1, 8, 8, 3)


def test_the_batch_may_be_dynamic(atc_face: Atc) -> None:
    atc_face.save(convolution(("n", 3, 8, 8)))
    (atc_face.folder / "aipp.cfg").write_text(PLAIN + "}")
    flags = {"input_shape": "x:-1,3,8,8", "dynamic_batch_size": "1,4"}

    made = atc_face.convert(insert_op_conf=str(atc_face.folder / "aipp.cfg"), **flags)

    assert (made.inputs[0].shape, made.inputs[0].nbytes) == ((-1, 8, 8, 3), 4 * 192)
    assert execute(made, np.zeros((4, 8, 8, 3), np.uint8))[0].shape == (4, 2, 8, 8)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no aipp_op"),
        ("aipp_op {", "not closed"),
        ("aipp_op { aipp_mode static }", "cannot be read"),
        ("mean_chn_0: 1", "outside"),
        ("}", "outside"),
        ("other_op { a: 1 }", "other_op"),
        ("aipp_op { aipp_mode: dynamic input_format: RGB888_U8 }", "dynamic"),
        ("aipp_op { aipp_mode: static input_format: YUV420SP_U8 }", "RGB888_U8"),
        ("aipp_op { aipp_mode: static }", "RGB888_U8"),
        (PLAIN.replace("csc_switch: false", "csc_switch: true") + "}", "csc_switch"),
        (PLAIN.replace("csc_switch: false", "csc_switch: maybe") + "}", "true or false"),
        (PLAIN + "resize: true }", "resize"),
        (PLAIN + "padding: true }", "padding"),
        (PLAIN + "sharpen: 3 }", "sharpen"),
        (PLAIN + "mean_chn_0: grey }", "number"),
        (PLAIN + "src_image_size_w: 9 src_image_size_h: 8 }", "8 x 9"),
        (PLAIN + "src_image_size_w: 9 src_image_size_h: 9 crop: true crop_size_w: 8 crop_size_h: 8 "
         "load_start_pos_w: 2 }", "out of the source"),
        (PLAIN + "related_input_rank: 1 }", "no input"),
    ],
)  # fmt: skip
def test_what_is_not_emulated_or_makes_no_sense_is_refused_with_the_reason(
    atc_face: Atc, text: str, reason: str
) -> None:
    atc_face.save(convolution())
    (atc_face.folder / "aipp.cfg").write_text(text)

    done = atc_face.run(insert_op_conf=str(atc_face.folder / "aipp.cfg"))

    assert done.code == 255
    assert done.lines[3].startswith("E10052: AIPP configuration is invalid. Reason: ")
    assert reason in done.lines[3]


def test_an_input_that_is_no_picture_cannot_have_aipp(atc_face: Atc) -> None:
    atc_face.save(model([helper.make_node("Abs", ["x"], ["y"], "Abs_0")], ["y"], shape=(1, 7)))
    (atc_face.folder / "aipp.cfg").write_text(PLAIN + "}")

    assert atc_face.run(insert_op_conf=str(atc_face.folder / "aipp.cfg")).lines[3].startswith("E10052")


def test_an_input_with_aipp_cannot_be_float16(atc_face: Atc) -> None:
    atc_face.save(convolution())
    (atc_face.folder / "aipp.cfg").write_text(PLAIN + "}")

    done = atc_face.run(insert_op_conf=str(atc_face.folder / "aipp.cfg"), input_fp16_nodes="x")

    assert done.lines[3].startswith("E10034")
