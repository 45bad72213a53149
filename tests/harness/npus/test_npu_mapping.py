"""A runtime's number and a row of the table are proven to be one chip, or found to be two."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness import npus
from harness.errors import RunError
from harness.npus import marks
from tests.harness.npus.smi_host import FOUR_310, host


class Model:
    """Holds memory of a chip of the table while it is open."""

    def __init__(self, made, *chips, mib=300, pid=None, told=True):
        self.made, self.chips, self.mib, self.pid, self.told = made, chips, mib, pid, told
        self.opened = 0

    @contextmanager
    def __call__(self):
        self.opened += 1
        self._grow(self.mib)
        yield self.pid if self.told else None
        self._grow(-self.mib)

    def _grow(self, mib):
        for chip in self.chips:
            self.made.rows[chip].used += mib
        held = [(2048, chip, self.pid, "python", self.mib) for chip in self.chips] if mib > 0 else []
        self.made.processes = held if self.pid is not None else []
        self.made.show()


@pytest.fixture
def made(tmp_path):
    return host(tmp_path / "host", *(replace(row) for row in FOUR_310))


def test_the_memory_of_that_chip_alone_proves_it_once_per_start_of_the_host(tmp_path, made):
    npu, model = npus.listing(made.toolchain)[2], Model(made, 2)

    results = [npus.prove_mapping(made.toolchain, npu, model, tmp_path) for _ in range(2)]

    assert (results, model.opened) == ([True, True], 1)


@pytest.mark.parametrize("told", [True, False])
def test_a_listed_process_proves_it_where_the_memory_does_not(tmp_path, made, told):
    npu = npus.listing(made.toolchain)[2]

    assert npus.prove_mapping(made.toolchain, npu, Model(made, 2, mib=1, pid=4711, told=told), tmp_path)


def test_a_process_that_is_known_by_its_id_outweighs_neighbours_that_grow(tmp_path, made):
    npu, model = npus.listing(made.toolchain)[2], Model(made, 2, pid=4711)

    @contextmanager
    def beside_a_neighbour():
        with model() as pid, Model(made, 1)():
            made.processes = [(2048, 2, 4711, "python", 300)]
            made.show()
            yield pid

    assert npus.prove_mapping(made.toolchain, npu, beside_a_neighbour, tmp_path)


def test_after_a_restart_or_with_other_visible_devices_it_is_proven_again(tmp_path, made, monkeypatch):
    npu, model = npus.listing(made.toolchain)[2], Model(made, 2)
    npus.prove_mapping(made.toolchain, npu, model, tmp_path)
    made.env["ASCEND_RT_VISIBLE_DEVICES"] = "0,1,2"
    npus.prove_mapping(made.toolchain, npu, model, tmp_path)
    (tmp_path / "boot").write_text("another start")
    monkeypatch.setattr(marks, "BOOT_ID", tmp_path / "boot")
    npus.prove_mapping(made.toolchain, npu, model, tmp_path)

    assert model.opened == 3


def test_another_chip_that_answers_is_an_infra_error_that_names_both(tmp_path, made):
    npu = npus.listing(made.toolchain)[2]

    both = r"runtime id 2 .*NPU 2 .*0000:83:00\.0.*NPU 2048 chip 1 \(bus 0000:82:00\.0\)"
    with pytest.raises(RunError, match=both) as caught:
        npus.prove_mapping(made.toolchain, npu, Model(made, 1), tmp_path)

    assert caught.value.kind == "infra"


@pytest.mark.parametrize("chips", [(), (1, 2)])
def test_what_cannot_be_told_is_not_proven_and_not_remembered(tmp_path, made, chips):
    npu = npus.listing(made.toolchain)[2]

    proven = npus.prove_mapping(made.toolchain, npu, Model(made, *chips), tmp_path)

    assert proven is False
    assert not list(tmp_path.glob("*.mapped"))


def test_a_neighbour_that_came_once_contradicts_nothing(tmp_path, made):
    npu = npus.listing(made.toolchain)[2]
    models = iter([Model(made, 1), Model(made, 2)])

    assert npus.prove_mapping(made.toolchain, npu, lambda: next(models)(), tmp_path)
