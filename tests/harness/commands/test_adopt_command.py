"""`omgate adopt` prints what it writes, writes what it prints, and says what it leaves out."""

import tomllib
from pathlib import Path

import pytest

from harness import cli
from harness.results import Case, Entry, Result, Verdict
from harness.runs import RunFolder
from tests.harness.toy_card import CARD, QUIET

UNPROMISED = Verdict(outcome="NO_BASELINE", code="no-promise")


def case(check: str, batch: int = 4, **changes: object) -> Case:
    return Case.model_validate(
        {"model": "toy", "runtime": "ort-cpu", "chip": "cpu", "batch": batch, "check": check, **changes}
    )


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "models/toy/card.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CARD, encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path, card):
    """A run of the card's folder: two speeds without a promise, a seeded one, and a parity."""
    folder = RunFolder(tmp_path / "run")
    folder.start({"plan": [], "options": ["--cards", str(card.parent.parent)]})
    for one in (case("throughput"), case("latency"), case("latency", 1, weights="seeded"), case("parity")):
        result = Result.model_validate({"case": one, "status": "measured", "measurement": QUIET})
        folder.append(Entry(result=result, verdict=UNPROMISED).to_json())
    return folder.path


def ended(capsys, *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["adopt", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def rows(card: Path) -> list[str]:
    return [row["metric"] for row in tomllib.loads(card.read_text(encoding="utf-8")).get("baseline", [])]


def test_rows_are_written_to_their_card_and_printed_as_written(run, card, capsys):
    code, out, _ = ended(capsys, run)

    assert code == 0
    assert rows(card) == ["throughput", "latency"]
    assert out.startswith(f"{card}: 2 rows\n")
    assert card.read_text(encoding="utf-8").removeprefix(CARD) in out
    assert out.endswith("2 rows written\n")


def test_what_is_left_out_is_named_or_counted(run, capsys):
    _, out, _ = ended(capsys, run)

    assert "not adopted: test_latency[toy-ort-cpu-bs1-seeded]: measured with seeded weights" in out
    assert "1 left out: its check has a threshold of its own" in out


def test_a_dry_run_prints_the_rows_and_writes_nothing(run, card, capsys):
    code, out, _ = ended(capsys, run, "--dry-run")

    assert code == 0
    assert 'metric = "throughput"' in out
    assert out.endswith("2 rows to write\n")
    assert card.read_text(encoding="utf-8") == CARD


@pytest.mark.parametrize("name", ["test_latency[toy-ort-cpu-bs4]", "test_latency.py::test_latency[toy-ort-cpu-bs4]"])
def test_one_case_is_adopted_alone(run, card, capsys, name):
    code, _, _ = ended(capsys, run, "--case", name)

    assert code == 0
    assert rows(card) == ["latency"]


def test_cases_may_be_named_by_key_and_more_than_once(run, card, capsys):
    keys = [case("latency").key, case("throughput").key]

    code, _, _ = ended(capsys, run, "--case", keys[0], "--case", keys[1])

    assert code == 0
    assert sorted(rows(card)) == ["latency", "throughput"]


def test_a_case_id_names_all_its_checks_and_those_without_a_number_are_left_out(run, card, capsys):
    code, _, _ = ended(capsys, run, "--case", "toy-ort-cpu-bs4")

    assert code == 0
    assert rows(card) == ["throughput", "latency"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "test_parity[toy-ort-cpu-bs4]",
            "expected a first measurement, got test_parity[toy-ort-cpu-bs4]: its check has",
        ),
        ("toy-ort-cpu-bs1-seeded", "got test_latency[toy-ort-cpu-bs1-seeded]: measured with seeded weights"),
        ("other", "expected a case of this run, got 'other'; choose from test_throughput[toy-ort-cpu-bs4], test_lat"),
    ],
)
def test_a_named_case_that_gives_no_row_is_wrong_usage_and_nothing_is_written(run, card, capsys, name, message):
    code, _, err = ended(capsys, run, "--case", "toy-ort-cpu-bs4", "--case", name)

    assert code == 4
    assert message in err
    assert card.read_text(encoding="utf-8") == CARD


def test_a_second_time_there_is_nothing_to_adopt(run, card, capsys):
    ended(capsys, run)
    before = card.read_text(encoding="utf-8")

    code, out, _ = ended(capsys, run)

    assert code == 1
    assert "2 left out: promised already" in out
    assert out.endswith("0 rows written\n")
    assert card.read_text(encoding="utf-8") == before


def test_the_adopted_card_is_sound(run, card, capsys):
    ended(capsys, run)

    assert cli.main(["show", "toy", "--cards", str(card.parent.parent)]) == 0
    assert "20.0 images/canary" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), ("nowhere",)])
def test_a_run_must_be_given(tmp_path, capsys, arguments):
    code, out, err = ended(capsys, *arguments)

    assert code == 4
    assert out == ""
    assert err.count("\n") == 1
