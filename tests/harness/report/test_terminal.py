"""One screen of a terminal, whatever the run."""

from harness.report.read import read
from harness.report.terminal import HEIGHT, WIDTH, one_screen
from tests.harness import run_folders as made


def test_a_large_red_run_fits_on_one_screen(tmp_path):
    red = made.judgement("FAIL", note="why " * 100)
    made.write(tmp_path, [made.entry(made.case(batch=at), red, "missed") for at in range(1, 200)])

    lines = one_screen(read(tmp_path, {})).splitlines()
    assert len(lines) <= HEIGHT
    assert max(map(len, lines)) <= WIDTH
    assert lines[1] == "✖ 199 red"
    assert lines[-1] == "and 189 more"


def test_what_is_green_is_only_counted(tmp_path):
    made.write(tmp_path, [made.entry()])

    assert one_screen(read(tmp_path, {})).splitlines()[1:] == ["✔ 1 green"]


def test_the_worst_comes_first_and_what_is_not_real_is_said(tmp_path):
    undecided = made.entry(made.case(batch=2, emulated=True), made.judgement("INCONCLUSIVE"), "margin")
    red = made.entry(made.case(batch=4, emulated=True), made.judgement("FAIL"), "missed")
    made.write(tmp_path, [undecided, red])

    lines = one_screen(read(tmp_path, {})).splitlines()
    assert lines[2].startswith("EMULATED: 2 of 2 cases")
    assert "bs4-emulated] EMULATED" in lines[3]
    assert "bs2-emulated] EMULATED" in lines[5]
