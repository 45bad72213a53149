"""Which cases exist: those on a promise, and those whose check has a threshold of its own."""

import pytest

from harness.gates import accuracy_sides, has_promise, promises_for
from tests.harness.gates.handmade import (
    CPU_FLOOR,
    baseline,
    card_of,
    case_of,
    expect,
    fps,
    ort,
    ratio,
)

PROMISED = {
    "parity": (card_of(), ort("parity"), True),
    "batch consistency": (card_of(), ort("batch-consistency"), True),
    "paired accuracy": (card_of(), ort(), True),
    "accuracy of the framework": (card_of(), ort().model_copy(update={"runtime": "torch-cpu"}), False),
    "promised accuracy of the framework": (
        card_of(baseline()),
        ort().model_copy(update={"runtime": "torch-cpu"}),
        True,
    ),
    "speed on a CPU": (card_of(fps()), ort("throughput"), False),
    "a canary floor": (card_of(CPU_FLOOR), ort("throughput"), True),
    "a rate": (card_of(fps()), case_of("throughput"), True),
    "a rate at another batch": (card_of(fps()), case_of("throughput", batch=4), False),
    "a rate for reference": (card_of(fps(role="reference")), case_of("throughput"), False),
    "a measured rate": (card_of(fps(role="measured")), case_of("throughput"), True),
    "a rate is no latency": (card_of(fps()), case_of("latency"), False),
    "an expected failure": (card_of(expect=(expect(),)), case_of("latency"), True),
    "an expected failure of another check": (
        card_of(expect=(expect(check="accuracy"),)),
        case_of("latency"),
        False,
    ),
    "a ratio": (card_of(ratio=(ratio(at_least=1.6),)), case_of("ratio"), True),
    "a ratio of best batches belongs to the card's first batch size": (
        card_of(ratio=(ratio(at_least=1.6),)),
        case_of("ratio", batch=8),
        False,
    ),
    "an expected failure of any check is none of a ratio": (card_of(expect=(expect(),)), case_of("ratio"), False),
    "a ratio for reference": (card_of(ratio=(ratio(at_least=1.6, role="reference"),)), case_of("ratio"), False),
}


@pytest.mark.parametrize("name", PROMISED)
def test_a_case_is_a_promise(name):
    card, case, expected = PROMISED[name]

    assert has_promise(card, case) is expected


def test_an_alias_names_the_same_chip():
    card = card_of(fps(chip="310P"))

    assert len(promises_for(card, case_of("throughput")).baselines) == 1


def test_the_accuracies_that_ratios_compare_are_told_by_chip_and_batch_size():
    sides = [{"chip": chip, "batch": 8, "metric": "miou"} for chip in ("310P", "Ascend310")]
    within = ratio(name="accuracy", numerator=sides[0], denominator=sides[1], within=1.0)
    card = card_of(ratio=(within, ratio(at_least=1.6)))

    assert [accuracy_sides(card, chip) for chip in ("Ascend310P3", "Ascend310", "cpu")] == [(8,), (8,), ()]
