"""No more ATCs at once than the host's memory has room for."""

import threading

import pytest

from harness import devices, memory
from harness.convert import atc_slots
from harness.errors import RunError


@pytest.fixture
def free(tmp_path, monkeypatch):
    """Return a function that says how much memory is free, in MiB."""
    monkeypatch.setattr(devices, "LEASES", tmp_path / "leases")
    return lambda mib: monkeypatch.setattr(memory, "available_mib", lambda: mib)


@pytest.mark.parametrize(("mib", "places"), [(0, 1), (4095, 1), (4096, 1), (8191, 1), (8192, 2), (65536, 16)])
def test_every_place_has_4_gib_and_there_is_always_one(free, mib, places):
    free(mib)

    assert atc_slots.places() == places


def test_as_many_hold_a_place_as_there_are_and_the_next_one_is_told_who(free):
    free(3 * atc_slots.ATC_MIB)

    a, b, c = (atc_slots.slot(name) for name in "abc")
    with a, b, c, pytest.raises(RunError, match=r"3 taken by .* a; .* b; .* c") as caught:
        atc_slots.slot("d", wait_s=0.1).__enter__()

    assert caught.value.kind == "infra"


def test_a_place_is_free_again_after_a_failure(free):
    free(0)
    with pytest.raises(RunError, match="broken"), atc_slots.slot("a"):
        raise RunError("atc-0", "broken")

    with atc_slots.slot("b", wait_s=0.0):
        pass


def test_who_waits_gets_the_place_that_becomes_free(free):
    free(0)
    done, entered = threading.Event(), threading.Event()

    def hold() -> None:
        with atc_slots.slot("a"):
            entered.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(10)
    threading.Timer(0.1, done.set).start()
    with atc_slots.slot("b", wait_s=10.0):
        assert done.is_set()
    holder.join()


def test_a_lock_folder_that_cannot_be_used_is_told_at_once(tmp_path, free):
    free(0)
    (tmp_path / "leases").write_text("a file")

    with pytest.raises(RunError, match="expected a usable lock file"), atc_slots.slot("a", wait_s=60.0):
        pass
