"""The history itself: results go in once and stay as they are; series, anchors and whole entries come out."""

import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError, closest
from harness.history.database import Database, connect
from harness.history.points import Anchor, Line, Record, Series
from harness.history.rows import LINE, Rows, anchor_of, anchor_row, line_of, sorted_into_series
from harness.history.schema import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

AT_ONCE = 500  # results per transaction: another writer waits for some tens of milliseconds
ENVIRONMENT_VARIABLE = "OMGATE_HISTORY"


@dataclass(frozen=True)
class KnownCase:
    """A case of which there are results: how many, and when and how the last one ended and in how many seconds."""

    key: str
    name: str
    chip: str
    count: int
    last_at: str
    last_outcome: str
    last_commit: str
    last_seconds: float


@dataclass(frozen=True)
class Kept:
    """A whole entry as it is kept: the run it is of, its digest, and its JSON."""

    run: str
    digest: str
    text: str


class History:
    """Results over time, append-only; a context manager.

    Its methods raise StoreError where the database cannot be reached any more.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.name = database.name

    @classmethod
    def open(cls, where: str, *, create: bool = False) -> "History":
        """Open a SQLite file or a database URL; raises UsageError where it is not there, unless it is to be made."""
        return cls(connect(where, create=create))

    def __enter__(self) -> "History":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def add(self, records: Sequence[Record]) -> int:
        """Keep those records that are not known yet, by what they say, and return how many those were."""
        count = 0
        for start in range(0, len(records), AT_ONCE):
            rows = {row.digest: row for row in map(Rows.of, records[start : start + AT_ONCE])}
            count += self._database.write(partial(_insert, rows))
        return count

    def cases(self, machine: str = "") -> tuple[KnownCase, ...]:
        """Return the cases that have results, by name, and how each ended last; on one machine, or on any."""
        from sqlalchemy import func, select

        results = tables().results
        here = results.c.machine == machine if machine else results.c.machine != ""
        last = select(results.c.case_key, func.max(results.c.at).label("last_at"), func.count().label("known"))
        newest = last.where(here).group_by(results.c.case_key).subquery()
        same = (results.c.case_key == newest.c.case_key) & (results.c.at == newest.c.last_at)
        query = select(results, newest.c.known).join(newest, same).where(here).order_by(results.c.digest)
        with self._database.reading() as connection:
            found = {row.case_key: _known_case(row) for row in connection.execute(query)}
        return tuple(sorted(found.values(), key=lambda case: (case.name, case.key)))

    def find(self, wanted: str) -> tuple[KnownCase, ...]:
        """Return the cases of a key, of a `test_check[case]`, or of what stands in its brackets.

        Raises UsageError with the nearest name where there is none.
        """
        known = self.cases()
        found = tuple(case for case in known if wanted in (case.key, case.name, _in_brackets(case.name)))
        if not found:
            names = [name for case in known for name in (case.name, _in_brackets(case.name))]
            do = closest(wanted, names) or "omgate history lists its cases"
            raise UsageError(self.name, "expected a case of the history", repr(wanted), do)
        return found

    def series(self, case_key: str, since: str = "") -> tuple[Series, ...]:
        """Return the series of a case, machine by machine, the headline first, from a moment on."""
        from sqlalchemy import select

        results, readings = tables().results, tables().readings
        columns = [column for column in readings.c if column.name != "digest"]
        query = (
            select(results, *columns)
            .join(readings, readings.c.digest == results.c.digest, isouter=True)
            .where(results.c.case_key == case_key, results.c.at >= since)
            .order_by(results.c.at, results.c.digest, readings.c.position)
        )
        with self._database.reading() as connection:
            return sorted_into_series(connection.execute(query).all())

    def headlines(
        self, case_keys: Iterable[str], machines: Iterable[str], span: tuple[str, str], last: int
    ) -> dict[str, list[Series]]:
        """Return the series of the first readings of many cases on some machines, by case key.

        They hold the last results from one moment to another, so many for each case and machine.
        """
        from sqlalchemy import func, select

        results, readings = tables().results, tables().readings
        columns = [column for column in readings.c if column.name != "digest"]
        here = results.c.machine.in_(sorted(set(machines))) & results.c.at.between(*span)
        order = func.row_number().over(
            partition_by=(results.c.case_key, results.c.machine), order_by=results.c.at.desc()
        )
        ranked = select(results, order.label("age")).where(here)
        found: dict[str, list[Row[Any]]] = {}
        with self._database.reading() as connection:
            for some in _batches(case_keys):
                mine = ranked.where(results.c.case_key.in_(some)).subquery()
                first = (readings.c.digest == mine.c.digest) & (readings.c.position == 0)
                asked = select(mine, *columns).join(readings, first, isouter=True).where(mine.c.age <= last)
                for row in connection.execute(asked.order_by(mine.c.at, mine.c.digest)):
                    found.setdefault(row.case_key, []).append(row)
        return {key: list(sorted_into_series(rows)) for key, rows in found.items()}

    def kept(self, digests: Iterable[str]) -> dict[str, Kept]:
        """Return the whole entries of these digests; one that is not known is left out."""
        from sqlalchemy import select

        results, documents = tables().results, tables().documents
        query = select(results.c.run, results.c.digest, documents.c.body).join(documents)
        found = {}
        with self._database.reading() as connection:
            for some in _batches(digests):
                for run, digest, body in connection.execute(query.where(results.c.digest.in_(some))):
                    found[digest] = Kept(run, digest, zlib.decompress(body).decode())
        return found

    def entries(
        self, case_key: str = "", machine: str = "", *, newest_first: bool = False
    ) -> Generator[Kept, None, None]:
        """Yield every entry, or those of a case or on a machine, oldest first; read only as far as they are taken."""
        from sqlalchemy import select

        results, documents = tables().results, tables().documents
        query = select(results.c.run, results.c.digest, documents.c.body).join(documents)
        if case_key:
            query = query.where(results.c.case_key == case_key)
        if machine:
            query = query.where(results.c.machine == machine)
        order = (results.c.at, results.c.digest)
        query = query.order_by(*(column.desc() if newest_first else column for column in order))
        with self._database.reading() as connection:
            streamed = connection.execution_options(yield_per=AT_ONCE)
            for run, digest, body in streamed.execute(query):
                yield Kept(run, digest, zlib.decompress(body).decode())

    def freeze(self, anchors: Mapping[Line, Anchor]) -> None:
        """Keep anchors for good; raises UsageError where one of that line and release is there already."""
        self._database.write(partial(_freeze, anchors, self.name))

    def anchors(self, case_key: str = "") -> Mapping[Line, Anchor]:
        """Return the anchor that was frozen last for each line, of one case or of all."""
        from sqlalchemy import select

        table = tables().anchors
        query = select(table).order_by(table.c.frozen_at, table.c.release)
        if case_key:
            query = query.where(table.c.case_key == case_key)
        with self._database.reading() as connection:
            return {line_of(row): anchor_of(row) for row in connection.execute(query)}


def _batches(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield the values without repetition, as many at once as a query may name on every database."""
    found = sorted(set(values))
    yield from (found[start : start + AT_ONCE] for start in range(0, len(found), AT_ONCE))


def _insert(rows: Mapping[str, Rows], connection: "Connection") -> int:
    """Insert the rows whose digest is new; a writer that was faster makes this fail, and it is done again."""
    from sqlalchemy import insert, select

    made = tables()
    known = set(connection.execute(select(made.results.c.digest).where(made.results.c.digest.in_(rows))).scalars())
    new = [rows[digest] for digest in sorted(rows) if digest not in known]
    readings = [reading for row in new for reading in row.readings]
    if new:
        connection.execute(insert(made.results), [row.result for row in new])
        connection.execute(insert(made.documents), [{"digest": row.digest, "body": row.body} for row in new])
    if readings:
        connection.execute(insert(made.readings), readings)
    return len(new)


def _freeze(anchors: Mapping[Line, Anchor], name: str, connection: "Connection") -> None:
    from sqlalchemy import insert, select

    table = tables().anchors
    for line, anchor in anchors.items():
        row = anchor_row(line, anchor)
        same = [table.c[key] == row[key] for key in (*LINE, "release")]
        if connection.execute(select(table.c.release).where(*same)).first() is not None:
            got = f"{anchor.release!r} of {line.case_name}"
            raise UsageError(name, "expected a new release", got, "give another name: an anchor stays")
        connection.execute(insert(table).values(row))


def _known_case(row: "Row[Any]") -> KnownCase:
    ended = {"last_at": row.at, "last_outcome": row.outcome, "last_commit": row.git_commit, "last_seconds": row.seconds}
    return KnownCase(key=row.case_key, name=row.case_name, chip=row.chip, count=row.known, **ended)


def _in_brackets(name: str) -> str:
    return name.partition("[")[2].removesuffix("]")
