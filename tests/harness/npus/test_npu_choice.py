"""Which NPU a case gets, and which it never gets."""

from pathlib import Path

import pytest

from harness import npus
from harness.errors import MissingNeedError, UsageError
from harness.npus import Npu, marks

P3 = [Npu(f"0000:0{n}:00.0", n, 0, n, "Ascend310P3") for n in range(3)]
OLD = Npu("0000:81:00.0", 9, 0, 3, "Ascend310")
HOST = [*P3, OLD]


def test_workers_take_the_npus_of_a_chip_in_turn(tmp_path):
    chosen = [npus.choose(HOST, "Ascend310P3", turn=turn, root=tmp_path).runtime_id for turn in range(4)]

    assert chosen == [0, 1, 2, 0]


@pytest.mark.parametrize("wanted", ["2", "0000:02:00.0"])
def test_an_npu_is_asked_for_by_runtime_id_or_bus_id(tmp_path, wanted):
    assert npus.choose(HOST, "Ascend310P3", wanted, turn=1, root=tmp_path) == P3[2]


@pytest.mark.parametrize(
    ("chip", "wanted", "message"),
    [
        ("Ascend310P3", "7", r"--npu-device 7: expected an NPU of this host, got none; there are: 0 \(Ascend310P3"),
        ("Ascend310P3", "3", r"--npu-device 3: expected an Ascend310P3, got Ascend310; there are: 0"),
        ("Ascend910A", "", r"--chip Ascend910A: expected a chip of this host, got none; there are: 0"),
    ],
)
def test_what_is_not_there_is_a_usage_error_that_names_what_is(tmp_path, chip, wanted, message):
    with pytest.raises(UsageError, match=message):
        npus.choose(HOST, chip, wanted, root=tmp_path)


def test_unhealthy_and_drained_npus_are_passed_over(tmp_path):
    ill = Npu("0000:00:00.0", 0, 0, 0, "Ascend310P3", health="Critical")
    npus.drain(P3[1], "507033", tmp_path)

    chosen = {npus.choose([ill, *P3[1:]], "Ascend310P3", turn=turn, root=tmp_path).runtime_id for turn in range(3)}

    assert chosen == {2}


def test_when_none_is_fit_the_case_lacks_a_device_and_each_reason_is_told(tmp_path):
    ill = Npu("0000:82:00.0", 9, 1, 4, "Ascend310", health="Alarm")
    npus.drain(OLD, "its memory does not come back", tmp_path)

    with pytest.raises(MissingNeedError, match=r"does not come back; .*health Alarm") as caught:
        npus.choose([OLD, ill], "Ascend310", root=tmp_path)

    assert caught.value.need == "device"


def test_a_requested_npu_that_is_drained_lacks_a_device(tmp_path):
    npus.drain(P3[0], "it hangs", tmp_path)

    with pytest.raises(MissingNeedError, match="it hangs"):
        npus.choose(HOST, "Ascend310P3", "0", root=tmp_path)


def test_a_drained_npu_stays_drained_until_it_is_restored(tmp_path):
    npus.drain(P3[0], "it hangs", tmp_path)
    npus.drain(P3[0], "still", tmp_path)
    before = npus.drained(P3[0], tmp_path)
    npus.restore(P3[0], tmp_path)

    assert before in ("it hangs", "still")
    assert npus.drained(P3[0], tmp_path) is None
    assert npus.drained(P3[1], tmp_path) is None


def test_a_restart_of_the_host_ends_it(tmp_path, monkeypatch):
    npus.drain(P3[0], "it hangs", tmp_path)
    (tmp_path / "boot").write_text("another start\n")
    monkeypatch.setattr(marks, "BOOT_ID", tmp_path / "boot")

    assert npus.drained(P3[0], tmp_path) is None


def test_the_other_chip_of_the_same_bus_is_not_drained_with_it(tmp_path):
    first, second = (Npu("0000:83:00.0", 6, chip, chip, "Ascend310P3") for chip in range(2))
    npus.drain(first, "it hangs", tmp_path)

    assert npus.drained(second, tmp_path) is None


def test_a_damaged_mark_drains_nothing(tmp_path):
    npus.drain(P3[0], "it hangs", tmp_path)
    for path in tmp_path.glob("*.drained"):
        path.write_text("{")

    assert npus.drained(P3[0], tmp_path) is None


def test_marks_can_be_taken_away_by_every_user(tmp_path):
    npus.drain(P3[0], "it hangs", tmp_path / "leases")
    (mark,) = (tmp_path / "leases").iterdir()

    assert mark.stat().st_mode & 0o777 == 0o666
    assert (tmp_path / "leases").stat().st_mode & 0o7777 == 0o1777


def test_a_mark_that_may_not_be_removed_is_emptied(tmp_path, monkeypatch):
    def refuse(path, missing_ok=False):
        raise PermissionError(path)

    npus.drain(P3[0], "it hangs", tmp_path)
    monkeypatch.setattr(Path, "unlink", refuse)
    npus.restore(P3[0], tmp_path)

    assert npus.drained(P3[0], tmp_path) is None
