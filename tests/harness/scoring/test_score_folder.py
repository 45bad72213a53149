"""Finding a run's output files: wherever a tool puts them, and every way in which they are not one run's."""

import os

import numpy as np
import pytest

from harness.errors import DataError
from harness.scoring.folder import Wanted, find, unit_of
from harness.scoring.names import Unit
from tests.harness.scoring.colours import IDS, write_outputs

WANTED = Wanted(unit_of(IDS), 1)


@pytest.mark.parametrize(
    ("place", "pattern", "tool"),
    [
        ("", "{name}_0.bin", "ais_bench"),
        ("2022_12_17-07_37_18", "{name}_0.npy", "ais_bench"),
        ("out/20210202_172031", "{name}_output_0.bin", "msame"),
        ("out/2022922_17_4_9_955610", "{name}_output_0.txt", "msame"),
        ("result/dumpOutput_device0", "{name}_1.bin", "benchmark"),
        ("run", "sample_id_{number}_output_0.bin", "ais_bench"),
    ],
)
def test_outputs_are_found_wherever_a_tool_puts_them(place, pattern, tool, tmp_path):
    folder = write_outputs(tmp_path / place, pattern)

    found = find(tmp_path, WANTED)

    assert (found.naming.scheme.tool, found.folders) == (tool, (folder,))
    assert found.files["p3", 0] == folder / pattern.format(name="p3", number=3)


def test_what_the_tools_leave_beside_outputs_is_no_output(tmp_path):
    folder = write_outputs(tmp_path / "result" / "dumpOutput_device0", "{name}_1.bin")
    for beside in ("result/perf_vision_batchsize_1_device_0.txt", "result/PureInfer_perf_of_x.txt"):
        (tmp_path / beside).write_text("[e2e] throughputRate: 1, latency: 1")
    (folder / "sumary.json").write_text("{}")

    assert find(tmp_path, WANTED).folders == (folder,)


def test_the_halves_of_two_devices_are_one_run(tmp_path):
    for number, name in enumerate(IDS):
        place = tmp_path / f"device{number % 2}"
        place.mkdir(exist_ok=True)
        np.zeros(3, np.float32).tofile(place / f"{name}_0.bin")

    assert len(find(tmp_path, WANTED).files) == 10


def test_every_device_with_all_the_samples_is_not_one_run(tmp_path):
    for device in ("device0_0", "device1_1"):
        write_outputs(tmp_path / device)

    with pytest.raises(DataError, match=r"expected one file for each output.*device0_0/p0_0\.bin and device1_1/p0_0"):
        find(tmp_path, WANTED)


def test_two_results_are_not_chosen_between(tmp_path):
    for stamp in ("2022_12_17-07_37_18", "2022_12_18-07_37_18"):
        write_outputs(tmp_path / stamp)

    with pytest.raises(DataError, match=r"outputs of one run, got 2 folders: 2022_12_17-.*; give one of them"):
        find(tmp_path, WANTED)


def test_a_whole_run_is_taken_beside_one_that_was_stopped(tmp_path):
    write_outputs(tmp_path / "2022_12_17-07_37_18")
    (write_outputs(tmp_path / "2022_12_16-07_37_18") / "p9_0.bin").unlink()

    assert find(tmp_path, WANTED).folders[0].name == "2022_12_17-07_37_18"


def test_missing_files_name_their_samples(tmp_path):
    write_outputs(tmp_path)
    for name in ("p1_0.bin", "p4_0.bin"):
        (tmp_path / name).unlink()

    with pytest.raises(DataError, match=r"expected 10 output files, got 2 missing: output 0 of p1, output 0 of p4;"):
        find(tmp_path, WANTED)


def test_files_of_nothing_that_was_run_are_named(tmp_path):
    write_outputs(tmp_path)
    (tmp_path / "elephant_0.bin").write_bytes(b"")

    with pytest.raises(DataError, match="no files but the outputs of the samples, got 1 others: elephant_0"):
        find(tmp_path, WANTED)


def test_files_of_samples_that_are_not_scored_may_lie_there(tmp_path):
    write_outputs(tmp_path)

    found = find(tmp_path, Wanted(unit_of(IDS[:3]), 1, unit_of(IDS[3:])))

    assert sorted(found.files) == [("p0", 0), ("p1", 0), ("p2", 0)]


def test_an_output_in_two_formats_is_there_twice(tmp_path):
    write_outputs(tmp_path)
    (tmp_path / "p0_0.txt").write_text("1 0 0")

    with pytest.raises(DataError, match=r"p0_0\.bin and p0_0\.txt"):
        find(tmp_path, WANTED)


def test_files_of_two_formats_are_not_one_run(tmp_path):
    write_outputs(tmp_path)
    (tmp_path / "p0_0.bin").rename(tmp_path / "p0_0.txt")

    with pytest.raises(DataError, match=r"one format, got \.bin and \.txt"):
        find(tmp_path, WANTED)


def age(path, minutes):
    stamp = path.stat().st_mtime - 60 * minutes
    os.utime(path, (stamp, stamp))


def test_files_that_are_much_older_than_the_rest_are_of_another_run(tmp_path):
    write_outputs(tmp_path)
    for number, name in enumerate(IDS):
        age(tmp_path / f"{name}_0.bin", 90 if number in (2, 7) else number / 60)

    with pytest.raises(DataError, match=r"2 that are 90 minutes older than the rest: p2_0\.bin, p7_0\.bin"):
        find(tmp_path, WANTED)


def test_a_slow_run_is_not_taken_for_two(tmp_path):
    write_outputs(tmp_path)
    for number, name in enumerate(IDS):
        age(tmp_path / f"{name}_0.bin", 20 * number)

    assert len(find(tmp_path, WANTED).files) == 10


def test_a_folder_of_something_else_says_what_was_looked_for(tmp_path):
    (tmp_path / "holiday.txt").write_text("")

    with pytest.raises(DataError, match=r"such as p0_0, p0_output_0, p0_1, sample_id_0_output_0 for p0, got holiday"):
        find(tmp_path, WANTED)


def test_an_empty_folder_is_no_run(tmp_path):
    with pytest.raises(DataError, match=r"of msame, such as p0_output_0 for p0, got no \.bin"):
        find(tmp_path, Wanted(unit_of(IDS), 1, tool="msame"))


def test_files_that_only_filled_a_batch_need_not_be_there(tmp_path):
    write_outputs(tmp_path)

    found = find(tmp_path, Wanted((*unit_of(IDS), Unit("filler", ())), 1))

    assert len(found.files) == 10
