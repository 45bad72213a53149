"""Words for chips: what they mean, and which are refused."""

import pytest

from harness.emulator import inventory
from harness.errors import UsageError


@pytest.mark.parametrize("word", ["310P3", "Ascend310P3", "310P", "Ascend310P"])
def test_a_chip_is_named_with_or_without_ascend_and_310p_is_310p3(word: str) -> None:
    (chip,) = inventory.chips([word])

    assert (chip.name, chip.soc_version, chip.npu_id, chip.chip_id, chip.id) == ("310P3", "Ascend310P3", 0, 0, 0)


def test_memory_is_what_npu_smi_printed_on_real_hosts() -> None:
    memory = {chip.name: (chip.total_mib, chip.idle_mib) for chip in inventory.chips(["310P3", "310"])}

    assert memory == {"310P3": (21534, 1074), "310": (7759, 577)}


def test_a_300i_duo_is_one_npu_with_two_chips_on_one_bus_id() -> None:
    first, second, other = inventory.chips(["2144:310P3*2", "310"])

    assert (first.npu_id, first.chip_id, first.id) == (2144, 0, 0)
    assert (second.npu_id, second.chip_id, second.id) == (2144, 1, 1)
    assert (first.total_mib, second.total_mib) == (44280, 43693)
    assert first.bus_id == second.bus_id != other.bus_id
    assert (other.npu_id, other.id) == (0, 2)


def test_a_300i_card_has_four_310() -> None:
    chips = inventory.chips(["310*4"])

    assert [(chip.npu_id, chip.chip_id, chip.id) for chip in chips] == [(0, n, n) for n in range(4)]
    assert len({chip.bus_id for chip in chips}) == 4


def test_ids_not_given_are_the_first_free_ones() -> None:
    assert [chip.npu_id for chip in inventory.chips(["310", "0:310P3"][::-1])] == [0, 1]


@pytest.mark.parametrize("word", ["310P9", "", "310*0", "x:310", "310 310", "310*12", "Ascend", "-1:310"])
def test_another_word_is_refused_with_the_option_it_came_from(word: str) -> None:
    with pytest.raises(UsageError, match="OMGATE_EMULATE_CHIPS"):
        inventory.chips([word])


def test_an_id_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="each NPU id once"):
        inventory.chips(["3:310", "3:310P3"])
