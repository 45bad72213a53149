"""A bundle of what a host's Ascend tools said, without names of people and machines: to share, and to replay as a test.

It is a gzipped tar of `bundle.json`, which holds the recording with our reading of it, and of `transcripts/<name>.txt`,
the console text of each tool. One that comes from elsewhere is not trusted: it is read in memory and within limits.
"""

import gzip
import io
import json
import os
import re
import socket
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness import toolchain as toolchains
from harness.ascend.scrub import scrub
from harness.errors import DataError, StoreError
from harness.selftest import probes, readings
from harness.selftest.probes import Statement
from harness.selftest.recording import SCHEMA, Recording, Transcript
from harness.toolchain import Toolchain

INDEX, FOLDER = "bundle.json", "transcripts"
# A bundle of all tools has about 40 members and 200 kB; these leave room for logs of CANN that flood the console.
MOST_PACKED_BYTES = 16 * 2**20
MOST_BYTES = 64 * 2**20
MOST_MEMBERS = 500
MEMBER = re.compile(rf"{re.escape(INDEX)}|{FOLDER}/[A-Za-z0-9][A-Za-z0-9._-]{{0,100}}\.txt")
TOPICS = ("usages", "memory", "common", "board", "power")
MODE = 0o600  # its owner looks at it before anyone else does


@dataclass(frozen=True)
class Bundle:
    """A recording with the readings made of it, and what was concluded when it was captured."""

    recording: Recording
    statements: tuple[Statement, ...]


def questions(npu_id: int) -> tuple[tuple[str, ...], ...]:
    """Return what npu-smi is asked for a bundle, beyond what the self-test asks: the words behind `npu-smi info`."""
    return (("-l",), *(("-t", topic, "-i", str(npu_id)) for topic in TOPICS))


def version_files(toolchain: Toolchain) -> tuple[Transcript, ...]:
    """Return the files in which CANN and the driver keep their versions, those that can be read."""
    emulated = toolchain.env.get("OMGATE_EMULATE_ROOT", "")  # its folders are called like those of a real one
    driver = Path(emulated) / "driver" if emulated else toolchains.INSTALLED / "driver"
    toolkit = Path(emulated) / "toolkit" if emulated else Path(toolchain.env.get("ASCEND_TOOLKIT_HOME", "/nowhere"))
    infos = [*toolkit.glob("ascend_*_install.info"), *toolkit.glob("*-linux/ascend_*_install.info")]
    found = []
    for path in (toolkit / "version.cfg", driver / "version.info", *sorted(infos)):
        with suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
            found.append(Transcript(name=f"file-{path.name}", tool="file", argv=(str(path),), text=text))
    return tuple(found)


def bundled(recording: Recording, words: Iterable[str] = ()) -> Bundle:
    """Return a recording without what tells who and where, read anew in that form.

    `words` are further names to take out, such as `own_names`.
    """
    cleaned = _scrubbed(recording.model_dump(), tuple(words))
    clean = Recording.model_validate(cleaned)
    transcripts = tuple(one.model_copy(update={"reading": readings.read(one)}) for one in clean.transcripts)
    clean = clean.model_copy(update={"transcripts": transcripts})
    return Bundle(clean, probes.statements(clean))


def own_names() -> tuple[str, ...]:
    """Return the names of this machine and of its user."""
    host = socket.gethostname()
    users = [os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER")]
    return tuple({host, host.partition(".")[0], Path.home().name, *users} - {""})


def write(bundle: Bundle, path: Path) -> tuple[tuple[str, int], ...]:
    """Write a bundle through a temporary name, readable by its owner alone; return its members with their bytes.

    The same bundle gives the same bytes. Raises StoreError.
    """
    members = _members(bundle)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.touch(MODE)
        part.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
        part.replace(path)
    except OSError as error:
        raise StoreError(str(path), "expected to write the bundle", str(error.strerror), "choose another") from error
    finally:
        part.unlink(missing_ok=True)
    return tuple((name, len(content)) for name, content in members.items())


def read(path: Path) -> Bundle:
    """Return a bundle from anywhere; raises DataError for what is none, or is larger than a bundle can be."""
    members = _unpacked(path)
    try:
        index = json.loads(members[INDEX])
        statements = tuple(Statement(**each) for each in index["statements"])
        recording = index["recording"]
        for one in recording["transcripts"]:
            one["text"] = members[f"{FOLDER}/{one['name']}.txt"].decode("utf-8")
        found = Bundle(Recording.model_validate(recording), statements)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        got = str(error) if not isinstance(error, ValidationError) else f"{error.error_count()} fields of another kind"
        raise _no_bundle(path, f"{type(error).__name__}: {got[:200]}") from error
    if found.recording.schema_version != SCHEMA:
        raise _no_bundle(path, f"one of schema {found.recording.schema_version}, this omgate reads {SCHEMA}")
    return found


def _members(bundle: Bundle) -> dict[str, bytes]:
    document = bundle.recording.model_dump()
    texts = {f"{FOLDER}/{one['name']}.txt": one.pop("text").encode() for one in document["transcripts"]}
    index = {"recording": document, "statements": [probes.as_json(one) for one in bundle.statements]}
    return {
        INDEX: json.dumps(index, indent=1, sort_keys=True, ensure_ascii=False).encode(),
        **dict(sorted(texts.items())),
    }


def _scrubbed(value: Any, words: tuple[str, ...]) -> Any:
    """Return JSON values with every string in them scrubbed, keys too."""
    if isinstance(value, str):
        home = str(Path.home())
        return scrub(value.replace(home, "/home/user") if len(home) > 1 else value, words)
    if isinstance(value, Mapping):
        return {_scrubbed(key, words): _scrubbed(one, words) for key, one in value.items()}
    return [_scrubbed(one, words) for one in value] if isinstance(value, list | tuple) else value


def _unpacked(path: Path) -> dict[str, bytes]:
    """Return the members of an archive, decompressed in memory and within limits; nothing is written anywhere."""
    try:
        if path.stat().st_size > MOST_PACKED_BYTES:
            raise _no_bundle(path, f"{path.stat().st_size} bytes, at most {MOST_PACKED_BYTES}")
        with gzip.open(path) as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise _no_bundle(path, f"more than {MOST_BYTES} bytes when unpacked")
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            return dict(_checked(path, archive))
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as error:
        raise _no_bundle(path, str(error)[:200]) from error


def _checked(path: Path, archive: tarfile.TarFile) -> Iterable[tuple[str, bytes]]:
    names: set[str] = set()
    for entry in archive:
        plain = entry.isreg() and not entry.issparse()  # a sparse one of few bytes may say that it is large
        if not plain or MEMBER.fullmatch(entry.name) is None or entry.name in names:
            raise _no_bundle(path, f"a member {entry.name[:100]!r}{'' if plain else ' that is no plain file'}")
        if len(names) >= MOST_MEMBERS:
            raise _no_bundle(path, f"more than {MOST_MEMBERS} members")
        stream = archive.extractfile(entry)
        names.add(entry.name)
        yield entry.name, stream.read() if stream is not None else b""


def _no_bundle(path: Path, got: str) -> DataError:
    return DataError(str(path), "expected a bundle that omgate capture wrote", got, "capture it again")
