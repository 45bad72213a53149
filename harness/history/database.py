"""Opening a history's database: a SQLite file or any URL, its rules for writing side by side, its schema."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.errors import MissingNeedError, StoreError, UsageError
from harness.history.schema import SCHEMA, append_only, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import SQLAlchemyError

T = TypeVar("T")
# How long a writer waits for another one; a night's results are written in milliseconds.
BUSY_S = 60.0
ATTEMPTS = 8
CACHE_KIB = 65_536  # digests come in no order: an index that is not in memory is read again for every result
FIRST_PAUSE_S = 0.05
REMEDY = "give an SQLite file, or a URL such as postgresql://user@host/name"
# Any number will do, as long as it is always the same: on PostgreSQL whoever writes holds it, one after the other.
WRITING = 6_841_283


class Database:
    """A database with the history's tables; a context manager. `name` is what messages call it: never a secret."""

    def __init__(self, engine: "Engine", name: str) -> None:
        self.engine, self.name = engine, name

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> "Iterator[Connection]":
        """Read from one state of the database; raises StoreError where it cannot be reached."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._broken("read from", error) from error

    def write(self, work: "Callable[[Connection], T]") -> T:
        """Do all of `work` or nothing of it, again where another writer came first; raises StoreError at last."""
        from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

        for attempt in range(ATTEMPTS):
            try:
                with self.engine.connect().execution_options(omgate_writes=True) as connection, connection.begin():
                    _take_turn(connection)
                    return work(connection)
            except (IntegrityError, OperationalError) as error:
                if attempt == ATTEMPTS - 1:
                    raise self._broken("write to", error) from error
                # Writers that met once should not meet again.
                time.sleep(FIRST_PAUSE_S * 2**attempt * (1 + os.getpid() % 7 / 7))
            except SQLAlchemyError as error:
                raise self._broken("write to", error) from error
        raise StoreError(self.name, "expected to write")  # the last attempt returns or raises

    def _broken(self, doing: str, error: "SQLAlchemyError") -> StoreError:
        return StoreError(self.name, f"expected to {doing} the history", _told(error, self.engine.name))


def connect(where: str, *, create: bool) -> Database:
    """Open the history in a SQLite file, or at a database URL; without `create` it must be there.

    Raises UsageError where it is not or cannot be opened, MissingNeedError without SQLAlchemy or the database's driver.
    """
    tables()  # says what to install, where that is lacking
    from sqlalchemy.exc import SQLAlchemyError

    url, name = _url(where), public_name(where)
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        _require_file(Path(str(url.database)), create=create)
    database = Database(_engine(url, name), name)
    try:
        _require_schema(database, create=create)
    except SQLAlchemyError as error:
        database.close()
        raise UsageError(name, "expected a history's database", _told(error, database.engine.name), REMEDY) from error
    except (UsageError, StoreError):
        database.close()
        raise
    return database


def public_name(where: str) -> str:
    """Return what may be printed of a place: the file, or a server's kind without user, password, host and name.

    >>> public_name("postgresql://ci:secret@db.example.org/nights"), public_name("nights.sqlite")
    ('postgresql database', 'nights.sqlite')
    """
    kind, separator, rest = where.partition("://")
    if not separator:
        return where
    return rest.removeprefix("/") if kind == "sqlite" else f"{kind.partition('+')[0]} database"


def _url(where: str) -> "URL":
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in where:
        return URL.create("sqlite", database=str(Path(where).expanduser().resolve()))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError) as error:
        raise UsageError(public_name(where), "expected a database URL", "something else", REMEDY) from error
    # Of the drivers for PostgreSQL, psycopg 3 is the one that is tested.
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def _require_file(path: Path, *, create: bool) -> None:
    if path.is_file():
        return
    if path.exists() or not create:
        got = "a folder" if path.is_dir() else "no such file"
        raise UsageError(str(path), "expected a history's file", got, "omgate history import RUN --db FILE starts one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(str(path), "expected a place for a file", str(error.strerror), "choose another") from error


def _engine(url: "URL", name: str) -> "Engine":
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import NoSuchModuleError

    is_sqlite = url.drivername.startswith("sqlite")
    try:
        engine = create_engine(url, connect_args={"timeout": BUSY_S} if is_sqlite else {})
    except NoSuchModuleError as error:
        raise UsageError(name, "expected a database that SQLAlchemy knows", url.drivername, REMEDY) from error
    except ModuleNotFoundError as error:
        do = f"pip install '{'psycopg[binary]' if error.name == 'psycopg' else error.name}'"
        raise MissingNeedError(name, "expected its driver", f"no module {error.name}", do) from error
    if is_sqlite:
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    """Let readers read while one writes, and leave the beginning of transactions to us."""
    connection.isolation_level = None
    for setting in ("journal_mode = WAL", "foreign_keys = ON", f"cache_size = -{CACHE_KIB}"):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: "Connection") -> None:
    """Wait for the right to write before anything is read: a reader that becomes a writer may be refused at once."""
    writes = connection.get_execution_options().get("omgate_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _take_turn(connection: "Connection") -> None:
    """Wait, on PostgreSQL, for those who write just now, as SQLite does by itself."""
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITING})"))


def _require_schema(database: Database, *, create: bool) -> None:
    """Make the tables where there are none, and see that they are of this version."""
    from sqlalchemy import inspect, select

    version = tables().version
    if not inspect(database.engine).has_table(version.name):
        if not create:
            raise UsageError(database.name, "expected a history", "no table of one", "omgate history import starts one")
        database.write(_make_tables)
    with database.reading() as connection:
        found = connection.execute(select(version.c.version)).scalar()
    if found != SCHEMA:
        raise UsageError(database.name, f"expected a history of version {SCHEMA}", str(found), "use its own omgate")


def _make_tables(connection: "Connection") -> None:
    from sqlalchemy import insert, select

    made = tables()
    made.metadata.create_all(connection, checkfirst=True)
    if connection.execute(select(made.version.c.version)).scalar() is None:
        for statement in append_only(connection.dialect.name):
            connection.exec_driver_sql(statement)
        connection.execute(insert(made.version).values(version=SCHEMA))


def _told(error: "SQLAlchemyError", kind: str) -> str:
    """Return what a driver said; of a server only the error's kind, as its texts name hosts and users."""
    original = getattr(error, "orig", None) or error
    return str(original).partition("\n")[0] if kind == "sqlite" else type(original).__name__
