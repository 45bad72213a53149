"""Baselines by toolchain: the narrowest layer that matches is judged, and an unknown version is told."""

import pytest

from harness import cards
from harness.errors import CardError
from harness.gates import judge
from tests.harness.gates.handmade import TODAY, card_of, fps, speed

LAYERS = (fps(100.0), fps(120.0, when="CANN >= 7"), fps(140.0, when="CANN >= 8"))


def targets(seen, *rows, **toolchain):
    result = speed(seen).model_copy(update={"toolchain": {"name": "CANN", **toolchain}})
    verdict = judge(result, card_of(*rows), TODAY)
    return verdict, [one.target for one in verdict.judgements if one.target is not None]


@pytest.mark.parametrize(
    ("version", "target"), [("6.3.RC1", 100.0), ("7.0.0", 120.0), ("8.0.RC1", 140.0), ("8.2.0", 140.0)]
)
def test_the_narrowest_layer_that_matches_is_the_promise(version, target):
    _, found = targets(150.0, *LAYERS, version=version)

    assert found == [target]


def test_a_layer_that_does_not_match_is_no_promise():
    verdict, found = targets(150.0, fps(120.0, when="CANN >= 7"), version="6.0.1")

    assert (verdict.outcome, found) == ("NO_BASELINE", [])


def test_an_unknown_version_takes_the_number_without_a_condition_and_says_so():
    verdict, found = targets(110.0, *LAYERS, version="")

    assert (verdict.outcome, found) == ("PASS", [100.0])
    assert "CANN >= 7 and CANN >= 8 holds is not known" in verdict.reason


def test_a_known_version_is_not_remarked_upon():
    verdict, _ = targets(150.0, *LAYERS, version="8.0.0")

    assert "not known" not in verdict.reason
    assert "when CANN >= 8" in verdict.reason


def test_a_layer_replaces_the_number_without_a_condition_whoever_measured_it():
    verdict, found = targets(110.0, fps(120.0), fps(105.0, when="CANN >= 8", role="measured"), version="8.0.0")

    assert (verdict.outcome, found) == ("PASS", [105.0])


def test_layers_of_another_batch_size_are_left_alone():
    _, found = targets(110.0, fps(100.0), fps(90.0, batch="any", when="CANN >= 8"), version="8.0.0")

    assert sorted(found) == [90.0, 100.0]


CARD = """
name = "net"
family = "f"
classes = 2
source = {url = "u", framework = "torch"}
input = [{name = "x", dtype = "float32", shape = ["N", 3]}]
output = [{name = "y", dtype = "float32", shape = ["N", 2], index = 0, scored = true}]
dataset = {kind = "imagenet", count = 1}
metric = {name = "top1", protocol = "top-k"}
"""
ROW = """
[[baseline]]
chip = "310P"
batch = 1
metric = "throughput"
value = 1.0
role = "promise"
source = {file = "r", text = "t"}
"""


def loaded(tmp_path, *conditions):
    path = tmp_path / "card.toml"
    path.write_text(CARD + "".join(f'{ROW}when = "{condition}"\n' for condition in conditions), encoding="utf-8")
    return cards.load(path)


@pytest.mark.parametrize("condition", ["CANN 8", "8", "CAN >= 8", "CANN >= new", "CANN >= 8, < 8"])
def test_a_condition_that_cannot_be_read_is_an_error_of_the_card(tmp_path, condition):
    with pytest.raises(CardError, match=r"baseline\[0\]\.when: expected") as caught:
        loaded(tmp_path, condition)

    assert repr(condition) in str(caught.value)


@pytest.mark.parametrize("second", ["CANN >= 6, < 8", "driver >= 23"])
def test_two_layers_that_one_host_may_be_in_must_be_nested(tmp_path, second):
    with pytest.raises(CardError, match=r"baseline\[1\]\.when"):
        loaded(tmp_path, "CANN >= 7", second)


@pytest.mark.parametrize("second", ["CANN < 7", "CANN >= 8", "CANN >= 7, < 8", "CANN >= 6"])
def test_layers_apart_or_nested_are_sound(tmp_path, second):
    assert len(loaded(tmp_path, "CANN >= 7", second).baseline) == 2


def test_the_same_condition_twice_is_two_promises_of_one_thing(tmp_path):
    with pytest.raises(CardError, match="expected one promise"):
        loaded(tmp_path, "CANN >= 7", "cann>=7")
