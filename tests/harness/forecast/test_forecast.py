"""The forecast, on a network whose loss in float16 and whose guilty operator are known by hand (`cancelling`)."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper

from harness import cards, memory
from harness.cards import Atc, TensorSpec
from harness.emulator import prefix
from harness.errors import CardError, MissingNeedError, RunError, UsageError
from harness.forecast import forecast
from harness.forecast.modes import output_error
from harness.forecast.operators import Suspect, by_type, distance
from harness.forecast.switches import named, renamed
from harness.forecast_results import Contributions, Forecast, ModeForecast
from tests.harness.forecast.cancelling import CHIP, bench, graph, request, write

NETWORK = """
import torch

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 3, 2)

    def forward(self, x):
        return (self.convolution(x).flatten(1),)

def build():
    return Network()
"""
CARD = cards.get("resnest50-tiny")
FLOAT32, FP16, CUBE = "must_keep_origin_dtype", "force_fp16", "cube_fp16in_fp32out"
MIXED = "allow_fp32_to_fp16"


@pytest.fixture(scope="module", autouse=True)
def own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.devices.LEASES", tmp_path_factory.mktemp("leases"))
        patch.delenv("OMGATE_EMULATE_FAULT", raising=False)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Forecast:
    """Return the forecast of three rounding modes, with every operator looked at."""
    folder = tmp_path_factory.mktemp("made")
    card = write(folder)
    return forecast(request(card, FP16, MIXED, CUBE, operators=10), bench(folder, card))


@pytest.fixture(scope="module")
def overflown(tmp_path_factory: pytest.TempPathFactory) -> Forecast:
    """Return the forecast of a network that comes to 60,000 + 10,000, and float16 ends at 65,504."""
    folder = tmp_path_factory.mktemp("overflown")
    card = write(folder, graph(60000.0, 10000.0))
    return forecast(request(card, FP16, operators=1), bench(folder, card))


def row(made: Forecast, mode: str) -> ModeForecast:
    return next(row for row in made.modes if row.mode == mode)


def contributions(made: Forecast) -> Contributions:
    assert made.contributions is not None
    return made.contributions


def test_float32_comes_first_and_scores_every_picture(made):
    first = made.modes[0]

    assert (first.mode, first.paired) == (FLOAT32, None)
    assert (first.measure.name, first.measure.protocol, first.measure.value) == ("top1", "by-name", 1.0)
    assert (made.samples.used, made.samples.declared) == (4, 4)


@pytest.mark.parametrize("mode", [FP16, MIXED])
def test_what_rounding_loses_is_counted_against_float32(made, mode):
    found = row(made, mode)

    assert found.measure.value == 0.25
    assert (found.paired.reference, found.paired.loss, found.paired.lost, found.paired.gained) == (FLOAT32, 0.75, 3, 0)


def test_a_mode_that_rounds_only_operands_of_matrix_products_loses_nothing(made):
    found = row(made, CUBE)

    assert (found.measure.value, found.paired.lost, found.paired.gained) == (1.0, 0, 0)
    # 0.2 is stored as 0.19995 and 1.0 as it is; 2048.19995 keeps 2 ** -12 of that in float32.
    assert found.parity[0].max_rel <= 0.2 * 2**-11 + 2**-12


def test_outputs_are_compared_with_the_framework_one_by_one(made):
    exact, zero = row(made, FLOAT32).parity[0], row(made, FP16).parity[0]

    assert (exact.output, zero.output, made.parity_reference, made.parity_inputs) == ("y", "y", "ort-plain", 4)
    assert exact.mean_rel == 0.0
    assert (zero.cosine, zero.mean_rel) == (0.0, 1.0)  # all zeros: the mean of |0 - b| is the mean of |b|


def test_weights_in_float16_take_half_the_memory(made):
    # 9 + 3 + 3 numbers of four bytes, or of two.
    assert (row(made, FLOAT32).memory.weights, row(made, FP16).memory.weights) == (60, 30)
    assert row(made, FP16).fits


def test_the_operator_that_loses_it_all_is_named_first(made):
    found = contributions(made)
    guilty = found.rows[0]

    assert (found.mode, found.error, found.considered) == (FP16, 1.0, 4)
    assert (guilty.name, guilty.type, guilty.tensor) == ("Conv_0", "Conv", "wide")
    assert (guilty.error, guilty.share) == (1.0, 1.0)
    # MaxPool moves values; the difference is 1 or 819 / 4096, as float32 keeps 2 ** -12 of 2048.2: both are float16.
    assert len(found.rows) == 1
    assert "4 of 4 were each the only one in float16 in an OM by the emulated ATC" in found.method
    assert "ranked" not in found.method


def test_what_is_said_to_keep_an_operator_in_float32_does_so(made, tmp_path):
    worst = contributions(made).rows[0].name
    assert "give that file as keep_dtype in the card's atc.flags" in contributions(made).method
    card = write(tmp_path)
    (card.path.parent / "keep.txt").write_text(f"{worst}\n")
    kept = Atc(framework=5, flags={"keep_dtype": "keep.txt"})

    card = card.model_copy(update={"atc": kept})
    again = forecast(request(card, FP16, operators=0), bench(tmp_path, card))

    assert row(again, FP16).parity[0].max_rel < row(made, FP16).parity[0].max_rel
    assert row(again, FP16).paired.loss < row(made, FP16).paired.loss


def test_a_card_whose_om_takes_pictures_is_forecast_without_aipp_and_says_so(made, tmp_path):
    card = write(tmp_path)
    (card.path.parent / "aipp.cfg").write_text("aipp_op { aipp_mode: static input_format: RGB888_U8 }")
    pictures = TensorSpec(name="x", dtype="uint8", shape=("N", 2, 2, 3), layout="NHWC")
    fed = Atc(framework=5, flags={"insert_op_conf": "aipp.cfg"}, input=(pictures,))

    card = card.model_copy(update={"atc": fed})
    found = forecast(request(card, FP16, operators=0), bench(tmp_path, card))

    assert row(found, FP16).measure == row(made, FP16).measure
    assert row(found, FP16).parity == row(made, FP16).parity
    assert any(note.startswith("Without AIPP") for note in found.notes)
    assert not any("AIPP" in note for note in made.notes)


@pytest.mark.parametrize(("names", "told"), [(["", "x"], True), (["a", "a"], True), (["a", "b"], False)])
def test_names_that_were_made_up_are_not_told_as_the_models_own(tmp_path, names, told):
    nodes = [helper.make_node("Relu", [at], [to], name) for name, at, to in zip(names, "xy", "yz", strict=True)]
    value = [helper.make_tensor_value_info(name, 1, [1]) for name in "xz"]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", value[:1], value[1:])), tmp_path / "g.onnx")

    assert renamed(tmp_path / "g.onnx", named(tmp_path / "g.onnx")) == told


def test_a_forecast_says_that_it_is_emulated_and_a_floor(made):
    assert (made.kind, made.emulated, made.toolchain["emulated"]) == ("rounding-floor", True, True)
    assert "not an NPU's number" in made.notes[0]
    assert "estimate" in made.notes[1]


def test_of_many_operators_the_first_are_found_by_ranking_and_then_confirmed(overflown):
    found = contributions(overflown)

    assert [one.name for one in found.rows] == ["Conv_0"]
    assert found.method.startswith("The 4 operators were ranked by ONNX Runtime on 4 inputs")
    assert "worst first, 1 of 4 were each the only one in float16 in an OM" in found.method


def test_an_overflow_breaks_its_mode_alone_and_has_no_share(overflown):
    broken, guilty = row(overflown, FP16), contributions(overflown).rows[0]

    assert row(overflown, FLOAT32).failures == ()
    assert broken.failures[0].startswith("nan: cancelling: sample 0: output y: expected finite numbers")
    assert (broken.measure, broken.parity[0].finite, broken.parity[0].cosine) == (None, False, 0.0)
    assert (guilty.error, guilty.share) == (1e300, None)


def test_where_float32_does_not_fit_on_the_chip_the_other_modes_are_still_forecast(tmp_path):
    card = write(tmp_path)

    made = forecast(request(card, FP16), bench(tmp_path, card, fault="oom@aclruntime#1"))

    assert made.modes[0].failures[0].startswith("oom: ")
    assert (row(made, FP16).measure.value, row(made, FP16).paired, row(made, FP16).failures) == (0.25, None, ())


def test_whatever_else_float32_breaks_with_ends_the_forecast(tmp_path):
    card = write(tmp_path)

    with pytest.raises(RunError) as caught:
        forecast(request(card, FP16), bench(tmp_path, card, fault="no-om@atc#1"))

    assert caught.value.kind == "tool-failed"


def test_where_there_is_no_data_parity_alone_is_forecast(tmp_path):
    card = write(tmp_path)

    made = forecast(request(card), bench(tmp_path, card, data=False))

    assert "data set imagenet" in made.unscored
    assert (made.samples, [row.mode for row in made.modes], made.contributions) == (None, [FLOAT32], None)
    assert made.modes[0].measure is None
    assert made.modes[0].parity[0].mean_rel < 2**-12


def test_seeded_weights_are_not_scored(tmp_path):
    card = write(tmp_path, source="torch")
    (tmp_path / "models" / "network.py").write_text(NETWORK)

    made = forecast(request(card), replace(bench(tmp_path, card), weights="seeded"))

    assert made.unscored == "seeded weights score nothing"
    assert (made.modes[0].measure, made.parity_reference) == (None, "torch-cpu")


def test_without_a_mode_the_cards_own_is_there_and_marked(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.forecast.DEFAULT_MODES", (FLOAT32,))
    card = write(tmp_path, tables=f'[atc]\nframework = 5\ninput_format = "NCHW"\nprecision_mode = "{CUBE}"\n')

    made = forecast(request(card, FLOAT32), bench(tmp_path, card))

    assert [(row.mode, row.own) for row in made.modes] == [(FLOAT32, False), (CUBE, True)]


def test_where_the_time_is_short_operators_of_a_type_are_taken_together():
    suspects = (
        Suspect("Conv_0", "Conv", "wide", frozenset({"Conv_0"})),
        Suspect("Sub_2", "Sub", "back", frozenset({"Sub_2"})),
        Suspect("Conv_5", "Conv", "narrow", frozenset({"Conv_5"})),
    )

    together, alone = by_type(suspects)

    assert (together.name, together.type, together.tensor) == ("all 2", "Conv", "the last: narrow")
    assert together.nodes == {"Conv_0", "Conv_5"}
    assert alone == suspects[1]


def test_the_distance_is_the_root_mean_square_over_the_outputs():
    card = CARD.model_copy(update={"output": (*CARD.output, CARD.output[0].model_copy(update={"index": 1}))})
    expected = [(np.array([3.0, 4.0]), np.array([2.0]))]

    # 5 off by 3 and 2 off by 2: sqrt((0.36 + 1) / 2).
    assert distance(card, [(np.array([3.0, 1.0]), np.array([4.0]))], expected) == pytest.approx(0.68**0.5)
    assert distance(card, expected, expected) == 0.0
    assert distance(card, [(np.array([3.0, np.inf]), np.array([2.0]))], expected) == 1e300
    assert distance(card, [(np.array([0.0]), np.array([2.0]))], expected) == 1e300  # of another shape
    assert distance(card, expected, [(np.zeros(2), np.zeros(1))]) == 1e300  # nothing to be off from


def test_outputs_are_off_by_the_mean_of_the_differences_over_the_mean_of_the_values():
    found = output_error("y", [np.array([1.0, 5.0])], [np.array([2.0, 4.0])])

    assert (found.mean_rel, found.max_rel) == (pytest.approx(2 / 6), pytest.approx(1 / 4))


def test_too_little_time_is_said_with_the_time_that_it_takes(tmp_path):
    card = write(tmp_path)

    made = forecast(request(card, FP16, operators=1, budget_s=1e-6), bench(tmp_path, card))

    assert "expected to rank them in 0 s" in contributions(made).skipped
    assert "pass --budget" in contributions(made).skipped


def test_too_little_memory_stops_it_before_anything_runs(tmp_path, monkeypatch):
    card = write(tmp_path)
    monkeypatch.setattr(memory, "available_mib", lambda: 1)

    with pytest.raises(MissingNeedError, match=r"cancelling: needs .* GB of memory"):
        forecast(request(card, FP16), bench(tmp_path, card))


def test_an_unknown_mode_is_wrong_usage(tmp_path):
    card = write(tmp_path)

    with pytest.raises(UsageError, match="unknown precision mode, got 'force_fp8'"):
        forecast(request(card, "force_fp8"), bench(tmp_path, card))


def test_a_host_that_is_not_emulated_is_sent_to_the_gates(tmp_path):
    card = write(tmp_path)

    with pytest.raises(UsageError, match="expected an emulated toolchain"):
        forecast(request(card), replace(bench(tmp_path, card), host=None))


def test_an_om_alone_has_its_precision_already(tmp_path):
    card = write(tmp_path)
    (tmp_path / "models" / "card.toml").write_text(
        (tmp_path / "models" / "card.toml").read_text().replace('onnx = "model.onnx"', 'om = "model.om"')
    )
    card = cards.load(tmp_path / "models" / "card.toml")

    with pytest.raises(CardError, match="expected weights, an ONNX file or a frozen graph"):
        forecast(request(card), bench(tmp_path, card))


def test_an_om_that_the_card_brings_beside_its_source_is_not_taken(tmp_path):
    card = write(tmp_path)
    (tmp_path / "models" / "model.om").write_text("built elsewhere")
    brought = card.artifact.model_copy(update={"om": "model.om"})

    made = forecast(request(card.model_copy(update={"artifact": brought})), bench(tmp_path, card))

    assert made.modes[0].measure.value == 1.0


def test_a_chip_that_the_host_lacks_is_wrong_usage(tmp_path):
    card = write(tmp_path)
    prefix.make(tmp_path / "prefix", (CHIP,), {})

    with pytest.raises(UsageError, match="--chip Ascend910: expected a chip of the emulated host, got Ascend310P3"):
        forecast(replace(request(card), chip="Ascend910"), bench(tmp_path, card))
