"""The tables of the history; SQLAlchemy is imported where they are made, and only then."""

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from harness.errors import MissingNeedError

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table

SCHEMA = 1
APPEND_ONLY = ("results", "readings", "documents", "anchors")
DIGEST_WIDTH, KEY_WIDTH, MOMENT_WIDTH, WIDTH = 32, 16, 20, 255


class Tables(NamedTuple):
    """The tables: results by digest, their readings, their whole entries, frozen anchors, and the schema's version."""

    metadata: "MetaData"
    results: "Table"
    readings: "Table"
    documents: "Table"
    anchors: "Table"
    version: "Table"


@lru_cache(maxsize=1)
def tables() -> Tables:
    """Return the tables; raises MissingNeedError without SQLAlchemy."""
    try:
        from sqlalchemy import MetaData
    except ImportError as error:
        what, do = "expected SQLAlchemy, which keeps it", "pip install 'omgate[history]', or 'sqlalchemy>=2'"
        raise MissingNeedError("history", what, "none", do) from error
    metadata = MetaData()
    results = _results(metadata)
    return Tables(metadata, results, _readings(metadata), _documents(metadata), _anchors(metadata), _version(metadata))


def _results(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, Float, Index, String, Table, Text

    return Table(
        "omgate_results",
        metadata,
        Column("digest", String(DIGEST_WIDTH), primary_key=True),
        Column("case_key", String(KEY_WIDTH), nullable=False),
        Column("case_name", Text, nullable=False),
        Column("chip", Text, nullable=False),
        Column("machine", String(KEY_WIDTH), nullable=False),
        Column("toolchain", Text, nullable=False),
        Column("git_commit", Text, nullable=False),
        Column("at", String(MOMENT_WIDTH), nullable=False),
        Column("run", Text, nullable=False),
        Column("outcome", String(KEY_WIDTH), nullable=False),
        Column("code", String(DIGEST_WIDTH), nullable=False),
        Column("seconds", Float, nullable=False),
        Index("omgate_results_of_case", "case_key", "at"),
    )


def _readings(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, Double, ForeignKey, Integer, String, Table

    return Table(
        "omgate_readings",
        metadata,
        Column("digest", String(DIGEST_WIDTH), ForeignKey("omgate_results.digest"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("name", String(WIDTH), nullable=False),
        Column("protocol", String(WIDTH), nullable=False),
        Column("unit", String(WIDTH), nullable=False),
        Column("value", Double, nullable=False),
        Column("low", Double),
        Column("high", Double),
        Column("n", Integer, nullable=False),
    )


def _documents(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

    return Table(
        "omgate_documents",
        metadata,
        Column("digest", String(DIGEST_WIDTH), ForeignKey("omgate_results.digest"), primary_key=True),
        Column("body", LargeBinary, nullable=False),
    )


def _anchors(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, Double, Integer, String, Table, Text

    return Table(
        "omgate_anchors",
        metadata,
        Column("case_key", String(KEY_WIDTH), primary_key=True),
        Column("machine", String(KEY_WIDTH), primary_key=True),
        Column("name", String(WIDTH), primary_key=True),
        Column("protocol", String(WIDTH), primary_key=True),
        Column("unit", String(WIDTH), primary_key=True),
        Column("release", String(WIDTH), primary_key=True),
        Column("case_name", Text, nullable=False),
        Column("value", Double, nullable=False),
        Column("sigma", Double, nullable=False),
        Column("n", Integer, nullable=False),
        Column("tolerance", Double),
        Column("frozen_at", String(MOMENT_WIDTH), nullable=False),
        Column("toolchain", Text, nullable=False),
        Column("git_commit", Text, nullable=False),
    )


def _version(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, Integer, Table

    return Table("omgate_history", metadata, Column("version", Integer, primary_key=True, autoincrement=False))


def append_only(dialect: str) -> tuple[str, ...]:
    """Return the statements that make a database itself refuse to change or delete what is kept.

    SQLite and PostgreSQL have them here; other databases have to be trusted.
    """
    kept = [(f"omgate_{name}", action) for name in APPEND_ONLY for action in ("UPDATE", "DELETE")]
    if dialect == "sqlite":
        refuse = "BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END"
        return tuple(f"CREATE TRIGGER {table}_no_{does} BEFORE {does} ON {table} {refuse}" for table, does in kept)
    if dialect == "postgresql":
        function = (
            "CREATE OR REPLACE FUNCTION omgate_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the history is append-only'; END $$"
        )
        refuse = "FOR EACH STATEMENT EXECUTE FUNCTION omgate_append_only()"
        return (function, *(f"CREATE TRIGGER no_{does} BEFORE {does} ON {table} {refuse}" for table, does in kept))
    return ()
