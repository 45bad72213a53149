"""A PostgreSQL server for the tests that need a real one: the wheel's, or the one that OMGATE_TEST_POSTGRES names."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

ANOTHER_SERVER = "OMGATE_TEST_POSTGRES"
USER = "omgate"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a database on a running server, whose user may make databases."""
    given = os.environ.get(ANOTHER_SERVER)
    if given:
        yield given
        return
    found = find_spec("pgserver")
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"no PostgreSQL: pip install pgserver, or point {ANOTHER_SERVER} at a server")
    with tempfile.TemporaryDirectory(prefix="omgate-pg-") as folder:
        yield from _served(Path(found.submodule_search_locations[0]), Path(folder))


def _served(package: Path, folder: Path) -> Iterator[str]:
    """Run the wheel's server below a folder, on a socket there and on no port.

    PostgreSQL refuses to run as root. Root runs it as nobody, from a copy: what nobody may read is not loosened.
    """
    programs, user = package / "pginstall" / "bin", None
    if os.geteuid() == 0:
        user = "nobody"
        folder.chmod(0o755)
        shutil.copytree(package / "pginstall", folder / "pgserver" / "pginstall")
        shutil.copytree(package.with_name("pgserver.libs"), folder / "pgserver.libs")
        programs = folder / "pgserver" / "pginstall" / "bin"
    data = folder / "data"
    data.mkdir()
    if user:
        shutil.chown(data, user)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}

    def program(name: str, *words: str) -> None:
        command = [str(programs / name), "-D", str(data), *words]
        subprocess.run(command, user=user, env=environment, cwd=data, check=True, stdout=subprocess.DEVNULL)

    program("initdb", "--auth=trust", "--encoding=utf8", "-U", USER, "--no-sync")
    program("pg_ctl", "-w", "-l", str(data / "log"), "-o", f"-h '' -k {data} -c fsync=off", "start")
    try:
        yield f"postgresql://{USER}@/postgres?host={data}"
    finally:
        program("pg_ctl", "-w", "-m", "immediate", "stop")


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh database."""
    name = f"omgate_{uuid.uuid4().hex[:12]}"
    kind, _, rest = postgres_server.partition("://")
    # The database's name is the last part of the path; sockets' folders stand behind the question mark.
    path, question, settings = rest.partition("?")
    server = create_engine(f"postgresql+psycopg://{rest}", isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield f"{kind}://{path.rpartition('/')[0]}/{name}{question}{settings}"
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a history may be: a SQLite file, and a PostgreSQL database."""
    return str(tmp_path / "history.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgres")
