"""Names of output files: each tool's own, and which tool a folder's names are of."""

import pytest

from harness.errors import DataError
from harness.scoring.names import SCHEMES, Naming, Unit, candidates, in_input_order, natural

AIS_BENCH, MSAME, BENCHMARK, AIS_INFER = SCHEMES


def units(*names):
    return tuple(Unit(name, (name,)) for name in names)


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        (AIS_BENCH, ["img_0_0", "img_0_1"]),
        (MSAME, ["img_0.v2_output_0", "img_0.v2_output_1"]),
        (BENCHMARK, ["img_0.v2_1", "img_0.v2_2"]),
        (AIS_INFER, ["sample_id_3_output_0", "sample_id_3_output_1"]),
    ],
)
def test_each_tool_cuts_and_counts_in_its_own_way(scheme, names):
    assert [scheme.stem("img_0.v2", 3, output) for output in range(2)] == names


def test_two_inputs_that_agree_before_the_first_dot_are_named():
    with pytest.raises(DataError, match=r"img_0\.b .*img_0_0, that of img_0\.a too.*before the first dot"):
        Naming(AIS_BENCH).stems(units("img_0.a", "img_0.b"), 1)


def test_numbers_in_names_sort_by_value_as_ais_infer_takes_files():
    assert sorted(["a10", "a9", "b1", "a"], key=natural) == ["a", "a9", "a10", "b1"]
    assert in_input_order(units("10", "9", "8")) == {"8": 0, "9": 1, "10": 2}


def best(tool, ours, stems, outputs=1, others=()):
    namings = candidates(tool, ours, others, stems)
    return max(namings, key=lambda one: one.hits((*ours, *others), outputs, stems))


@pytest.mark.parametrize(
    ("stems", "outputs", "scheme"),
    [
        ({"a_0", "b_0"}, 1, AIS_BENCH),
        ({"a_1", "b_1"}, 1, BENCHMARK),
        ({"a_0", "a_1", "b_0", "b_1"}, 2, AIS_BENCH),
        ({"a_1", "a_2", "b_1", "b_2"}, 2, BENCHMARK),
        ({"a_output_0", "b_output_0"}, 1, MSAME),
        ({"sample_id_0_output_0", "sample_id_1_output_0"}, 1, AIS_INFER),
    ],
)
def test_a_tool_is_recognised_by_its_names(stems, outputs, scheme):
    assert best("", units("a", "b"), stems, outputs).scheme is scheme


def test_what_a_script_put_behind_every_id_is_found():
    naming = best("", units("bonn_1", "bonn_2"), {"bonn_1_leftImg8bit_0", "bonn_2_leftImg8bit_0"})

    assert (naming.scheme, naming.affix) == (AIS_BENCH, "_leftImg8bit")


def test_an_id_that_begins_another_is_not_taken_for_one_with_something_behind():
    assert best("", units("a", "a_1"), {"a_0", "a_1_0"}).affix == ""


def test_only_the_schemes_of_a_tool_that_is_known_are_tried():
    assert {one.scheme for one in candidates("msame", units("a"), (), {"a_1"})} == {MSAME}
    assert {one.scheme for one in candidates("aclruntime", units("a"), (), {"a_0"})} == {AIS_BENCH}
    assert {one.scheme for one in candidates("ais_bench", units("a"), (), {"a_0"})} == {AIS_BENCH, AIS_INFER}


def test_numbered_files_count_the_whole_set_only_where_all_of_it_was_run():
    ours, others = units("b"), units("a")

    all_run = best("", ours, {"sample_id_0_output_0", "sample_id_1_output_0"}, others=others)
    some_run = best("", ours, {"sample_id_0_output_0"}, others=others)

    assert (all_run.numbers["b"], some_run.numbers["b"]) == (1, 0)
