"""The history keeps what it is given once and for good, in SQLite and in PostgreSQL, also of ten writers at once."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from harness.errors import UsageError
from harness.history import keys
from harness.history.points import Anchor, Reading, Record
from harness.history.store import History
from harness.results import Entry
from tests.harness.history.nights import case_of, commit_of, entry, record

ROOT = Path(__file__).parents[3]
FROM, UNTIL = "2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z"


@pytest.fixture
def history(place):
    with History.open(place, create=True) as opened:
        yield opened


def test_results_come_back_as_a_series_by_time(history):
    assert history.add([record(2, 98.0), record(0, 100.0), record(1, 99.0)]) == 3

    (series,) = history.series(case_of().key)
    assert series.values == (100.0, 99.0, 98.0)
    assert [point.at for point in series.points] == [f"2025-01-0{day}T03:00:00Z" for day in (1, 2, 3)]
    assert series.points[1].commit == commit_of(1)
    assert series.points[1].toolchain == "CANN 8.0.RC1, driver 23.0.0"
    assert (series.line.unit, series.line.case_name) == ("images/s", "test_throughput[net-ais_bench-Ascend310P3-bs4]")


def test_entries_are_taken_from_either_end_and_from_one_machine(history):
    elsewhere = {**entry().result.environment, "cpu": "Another CPU"}
    history.add([record(night) for night in range(3)] + [record(3, environment=elsewhere)])

    def nights(**asked):
        kept = history.entries(case_of().key, **asked)
        return [int(Entry.model_validate_json(one.text).result.environment["commit"][:8], 16) for one in kept]

    assert nights(machine=keys.machine(entry().result.environment)) == [0, 1, 2]
    assert nights(machine=keys.machine(entry().result.environment), newest_first=True) == [2, 1, 0]


def test_a_result_that_is_known_is_not_kept_again(history):
    history.add([record(0), record(1)])

    assert history.add([record(1), record(1), record(2)]) == 1
    assert len(history.series(case_of().key)[0].points) == 3


def test_machines_and_cases_have_series_of_their_own(history):
    other = {**entry().result.environment, "memory_mib": 32_000}
    history.add([record(0), record(1, environment=other), record(2, case=case_of(batch=8))])

    machines = {series.line.machine for series in history.series(case_of().key)}
    assert len(machines) == 2
    assert len(history.series(case_of(batch=8).key)) == 1


def test_only_results_from_a_moment_on_are_read(history):
    history.add([record(night) for night in range(5)])

    assert history.series(case_of().key, "2025-01-04T00:00:00Z")[0].values == (100.0, 100.0)


def test_a_case_that_broke_is_a_point_without_a_number(history):
    broken = entry(1, outcome="FAIL", code="wrong-error", status="error", measurement=None)
    history.add([record(0), Record(broken, "run"), record(2)])

    (series,) = history.series(case_of().key)
    assert [point.value for point in series.points] == [100.0, None, 100.0]
    assert series.points[1].code == "wrong-error"
    assert series.values == (100.0, 100.0)


def test_a_result_of_a_restless_device_counts_for_nothing(history):
    history.add([record(0), Record(entry(1, outcome="INCONCLUSIVE", code="not-quiet"), "r", record().readings)])

    assert history.series(case_of().key)[0].values == (100.0,)


def test_cases_are_found_by_key_by_name_and_by_what_is_in_its_brackets(history):
    history.add([record(0, outcome="PASS"), record(3, outcome="FAIL", code="missed")])

    for wanted in (case_of().key, case_of().test_name, case_of().id):
        (found,) = history.find(wanted)
        assert (found.key, found.count, found.last_outcome) == (case_of().key, 2, "FAIL")
        assert found.last_at == "2025-01-04T03:00:00Z"
    with pytest.raises(UsageError, match="did you mean 'net-ais_bench-Ascend310P3-bs4'"):
        history.find("net-ais_bench-Ascend310P3-bs5")


def test_whole_entries_come_back(history):
    given = [entry(night, future_key={"kept": [1, 2.5, None]}) for night in (1, 0)]
    history.add([Record(one, f"run-{night}") for one, night in zip(given, (1, 0), strict=True)])

    kept = list(history.entries(case_of().key))
    assert [one.run for one in kept] == ["run-0", "run-1"]
    assert [type(given[0]).model_validate_json(one.text) for one in kept] == given[::-1]


@pytest.mark.parametrize("change", ["UPDATE omgate_results SET outcome = 'PASS'", "DELETE FROM omgate_readings"])
def test_the_database_itself_refuses_to_change_what_is_kept(history, change):
    history.add([record(0, outcome="FAIL")])

    with pytest.raises(DBAPIError, match="append-only"), history._database.engine.begin() as connection:
        connection.execute(text(change))
    assert history.cases()[0].last_outcome == "FAIL"


def test_an_anchor_is_frozen_once_and_the_newest_counts(history):
    history.add([record(0)])
    line = history.series(case_of().key)[0].line
    history.freeze({line: Anchor(100.0, 1.0, 30, "R1", 0.02, "2025-02-01T00:00:00Z", "CANN 8", "c")})
    history.freeze({line: Anchor(110.0, 1.0, 30, "R2", None, "2025-03-01T00:00:00Z")})

    assert history.anchors(case_of().key)[line].release == "R2"
    with pytest.raises(UsageError, match="expected a new release, got 'R1'"):
        history.freeze({line: Anchor(90.0, 1.0, 30, "R1", None, "2025-04-01T00:00:00Z")})
    assert history.anchors()[line].value == 110.0


WRITER = """
import sys
from harness.history.store import History
from harness.results import Entry
from tests.harness.history.nights import case_of, record
place, writer = sys.argv[1], int(sys.argv[2])
with History.open(place, create=True) as history:
    for start in range(0, 60, 6):
        own = [record(start + at, 100.0 + writer) for at in range(6)]
        shared = [record(500 + start + at) for at in range(6)]
        history.add(own + shared)
"""


def test_ten_writers_at_once_lose_nothing(place):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, place, str(number)], cwd=ROOT, stderr=subprocess.PIPE)
        for number in range(10)
    ]
    errors = [writer.communicate(timeout=120)[1].decode() for writer in writers]

    assert errors == [""] * 10
    with History.open(place) as history:
        (series,) = history.series(case_of().key)
        # Each writer's own 60 results, and 60 that all of them have.
        assert len(series.points) == 10 * 60 + 60
        assert sum(point.value == 105.0 for point in series.points) == 60
        assert len(list(history.entries())) == 660


def test_a_file_that_is_not_there_is_an_error_unless_it_is_to_be_made(tmp_path):
    with pytest.raises(UsageError, match="expected a history's file, got no such file"):
        History.open(str(tmp_path / "none.sqlite"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(tmp_path):
    path = tmp_path / "table.md"
    path.write_text("# Not a database, but long enough to look into\n" * 50, encoding="utf-8")

    with pytest.raises(UsageError, match="not a database"):
        History.open(str(path), create=True)
    assert path.read_text(encoding="utf-8").startswith("# Not a database")


def test_a_database_of_something_else_is_not_taken_for_a_history(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    engine.dispose()

    with pytest.raises(UsageError, match="expected a history, got no table of one"):
        History.open(str(tmp_path / "other.sqlite"))


def test_a_history_of_another_version_is_refused(tmp_path):
    path = tmp_path / "history.sqlite"
    History.open(str(path), create=True).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE omgate_history SET version = 7"))
    engine.dispose()

    with pytest.raises(UsageError, match="expected a history of version 1, got 7"):
        History.open(str(path))


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("postgresql://ci:s3cret@127.0.0.1:1/nights", "postgresql database: expected a history's database"),
        ("nosuchkind://ci:s3cret@db.example.org/x", "nosuchkind database: expected a database that SQLAlchemy knows"),
        ("postgresql://ci:s3cret@db.example.org:port/x", "postgresql database: expected a database URL"),
    ],
)
def test_no_message_names_a_host_a_user_or_a_password(url, what):
    with pytest.raises(UsageError) as caught:
        History.open(url, create=True)

    assert what in str(caught.value)
    for secret in ("s3cret", "ci:", "db.example.org", "127.0.0.1", "nights"):
        assert secret not in str(caught.value)


def test_the_first_readings_of_many_cases_are_read_at_once(history):
    other = {**entry().result.environment, "memory_mib": 32_000}
    second = Reading("second", "", "ms", 7.0)
    history.add([dataclasses.replace(record(0), readings=(*record(0).readings, second)), record(3, 97.0)])
    history.add(
        [record(1, environment=other), record(2, 50.0, case=case_of(batch=8)), record(2, case=case_of(batch=1))]
    )
    machine = keys.machine(entry().result.environment)

    found = history.headlines([case_of().key, case_of(batch=8).key, "unknown"], [machine], (FROM, UNTIL), 9)
    assert {key: [series.values for series in some] for key, some in found.items()} == {
        case_of().key: [(100.0, 97.0)],
        case_of(batch=8).key: [(50.0,)],
    }


@pytest.mark.parametrize(
    ("span", "last", "values"),
    [
        ((FROM, UNTIL), 2, (98.0, 97.0)),
        (("2025-01-02T00:00:00Z", UNTIL), 9, (99.0, 98.0, 97.0)),
        ((FROM, "2025-01-03T03:00:00Z"), 2, (99.0, 98.0)),
    ],
)
def test_the_last_first_readings_of_a_span_are_read(history, span, last, values):
    other = {**entry().result.environment, "memory_mib": 32_000}
    history.add([record(night, 100.0 - night) for night in range(4)])
    history.add([record(3, environment=other)])
    machines = [keys.machine(one) for one in (entry().result.environment, other)]

    found = history.headlines([case_of().key], machines, span, last)[case_of().key]
    assert next(series.values for series in found if series.line.machine == machines[0]) == values


def test_a_case_that_broke_is_among_the_first_readings(history):
    history.add([record(0), Record(entry(1, status="error", measurement=None), "run")])

    ((series,),) = history.headlines(
        [case_of().key], [keys.machine(entry().result.environment)], (FROM, UNTIL), 9
    ).values()
    assert [point.value for point in series.points] == [100.0, None]


def test_entries_are_found_by_digest(history):
    history.add([record(night, run=f"r{night}") for night in range(3)])
    wanted = history.series(case_of().key)[0].points[1].digest

    (kept,) = history.kept([wanted, "unknown"]).values()
    assert (kept.run, kept.digest) == ("r1", wanted)
    assert Entry.model_validate_json(kept.text) == entry(1)
