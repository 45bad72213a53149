"""Built files and the store that keeps them: content-addressed, checked on every open, shared by processes.

An entry is the folder `store/ab/<key>/` below the cache folder: one file or folder, and `recipe.json` with its sha256.
"""

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.building import Effort
from harness.cards import TensorSpec
from harness.digests import content_sha256, files, size_bytes, stat_sha256, text_sha256
from harness.digests import file_sha256 as file_sha256
from harness.errors import StoreError

SCHEMA = 1
SHA256_DIGITS = 64
Build = Callable[[Path], Mapping[str, object] | None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Artifact:
    """A built model file: its format (`onnx`, `pb`, `om`, `torch`), the sha256 of its bytes, and its recipe.

    `inputs` and `outputs` are the specs of the kept tensors in graph order, with "N" for the batch; `batch` is the
    size it was built for.
    """

    path: Path
    format: str
    digest: str
    recipe: Mapping[str, object]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: int


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a build gives, and nothing else: the output path is no part of it.

    `inputs` maps a role to the sha256 of what plays it. A Path among `arguments` counts by its content.
    """

    kind: str
    producer: str
    version: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, object] = field(default_factory=dict)
    toolchain: Mapping[str, object] = field(default_factory=dict)
    chip: str = ""

    @cached_property
    def document(self) -> dict[str, Any]:
        """The recipe as JSON values, paths replaced by the digests of what they hold."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: _by_content(value) for name, value in document.items()}

    @cached_property
    def key(self) -> str:
        """The sha256 of the canonical JSON of the document."""
        return _key(self.document)


@dataclass(frozen=True)
class Entry:
    """An opened store entry: where it is, its sha256, its recipe, and the facts that its build reported.

    `built` tells that this call built it, `note` why an older one was not good enough.
    """

    path: Path
    digest: str
    recipe: Mapping[str, Any]
    facts: Mapping[str, Any]
    built: bool = False
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One line of `omgate cache ls`; `idle_s` is the time since the entry was last opened, `fault` what is wrong."""

    key: str
    kind: str
    name: str
    bytes: int
    idle_s: float
    fault: str = ""
    digest: str = ""


class Store:
    """The store below a cache folder; safe for any number of processes on one machine. `effort` is this process's."""

    def __init__(self, cache_dir: Path) -> None:
        self.root = cache_dir / "store"
        self.effort = Effort()

    def get_or_build(self, recipe: Recipe, filename: str, build: Build) -> Entry:
        """Return the entry of a recipe, building it when it is absent or damaged.

        `build` gets the path to write a file or a folder to, and may return facts to keep with it (JSON values).
        One process builds while the others wait for it. Raises StoreError, and whatever `build` raises.
        """
        folder = self._folder(recipe.key)
        if (entry := _open(folder)[0]) is not None:
            return entry
        with self.effort.counted(), self._locked(recipe.key, wait=True):
            entry, fault = _open(folder)
            if entry is not None:
                return entry
            if fault:
                _log.warning("store entry %s (%s): %s; building it again", recipe.key[:12], recipe.kind, fault)
            try:
                made = _build(folder, recipe, filename, build, fault)
                self.effort.bytes += size_bytes(made.path)
            except OSError as error:
                message = "expected to write the entry", str(error), "free some space, or choose another --cache-dir"
                raise StoreError(str(folder), *message) from error
        return made

    def ls(self) -> tuple[Row, ...]:
        """Return every entry, the one opened last first; an unreadable one has a fault."""
        rows = map(_row, filter(_is_entry, self.root.glob("??/*")))
        return tuple(sorted(rows, key=lambda row: row.idle_s))

    def verify(self) -> tuple[Row, ...]:
        """Return every entry with its fault, after reading all of its bytes again."""
        return tuple(_row(self._folder(row.key), thorough=True) for row in self.ls())

    def prune(self, idle_s: float | None = None, keep_bytes: int | None = None) -> tuple[Row, ...]:
        """Remove what was not opened for `idle_s` seconds or, the most recent kept first, is too much for `keep_bytes`.

        Damaged entries and the rests of killed builds go too; an entry whose lock is held stays. Returns the removed.
        """
        removed, kept = [], 0
        for row in self.ls():
            old = idle_s is not None and row.idle_s > idle_s
            over = keep_bytes is not None and kept + row.bytes > keep_bytes
            if (old or over or row.fault) and self._remove(row.key):
                removed.append(row)
            else:
                kept += row.bytes
        for rest in self.root.glob("??/*.tmp"):
            self._remove(rest.name.partition(".")[0], rest)
        return tuple(removed)

    def _folder(self, key: str) -> Path:
        return self.root / key[:2] / key

    def _remove(self, key: str, folder: Path | None = None) -> bool:
        try:
            with self._locked(key, wait=False):
                _delete(folder or self._folder(key))
        except Timeout:
            return False
        return True

    @contextmanager
    def _locked(self, key: str, wait: bool) -> Iterator[None]:
        """Hold the lock of a key; the kernel releases it when its holder dies. Raises Timeout if not to wait."""
        path = self._folder(key).with_suffix(".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, timeout=-1 if wait else 0)
            lock.acquire()
        except Timeout:
            raise
        except OSError as error:
            raise StoreError(str(self.root), "expected a folder to write to", str(error), "set --cache-dir") from error
        try:
            yield
        finally:
            lock.release()


def default_cache_dir() -> Path:
    """Return $OMGATE_CACHE_DIR, else `omgate` below $XDG_CACHE_HOME, else ~/.cache/omgate."""
    own = os.environ.get("OMGATE_CACHE_DIR")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omgate"


def _build(folder: Path, recipe: Recipe, filename: str, build: Build, fault: str) -> Entry:
    """Build in a temporary folder beside the entry and rename it: a killed build leaves nothing at the entry's name."""
    for rest in folder.parent.glob(f"{folder.name}.*.tmp"):  # we hold the lock: its writer is dead
        _delete(rest)
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".tmp", dir=folder.parent))
    started = time.monotonic()
    try:
        target = made / filename
        facts = json.loads(json.dumps(build(target) or {}))
        if not target.exists():
            raise StoreError(f"{recipe.producer}: {recipe.kind}", "expected the build to write its file", "nothing")
        _make_read_only(target)
        record = {"schema": SCHEMA, "key": recipe.key, "recipe": recipe.document, "name": filename, "facts": facts}
        record |= {"sha256": content_sha256(target), "stat": stat_sha256(target), "bytes": size_bytes(target)}
        record["seconds"] = round(time.monotonic() - started, 3)
        (made / "recipe.json").write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
        _delete(folder)
        made.chmod(0o755)
        made.rename(folder)
    finally:
        _delete(made)
    return Entry(folder / filename, str(record["sha256"]), recipe.document, facts, built=True, note=fault)


def _open(folder: Path) -> tuple[Entry | None, str]:
    """Return a sound entry, or None and what is wrong with it (nothing when it is just absent)."""
    if not folder.exists():
        return None, ""
    try:
        record, fault = _record(folder)
        fault = fault or _fault(folder, record, thorough=False)
        if fault:
            return None, fault
        with suppress(PermissionError):  # another user's entry is as good; only its age for pruning stays as it is
            os.utime(folder / "recipe.json")
    except OSError as error:
        return None, f"it cannot be read ({error.strerror})"
    return Entry(folder / record["name"], record["sha256"], record["recipe"], record["facts"]), ""


def _record(folder: Path) -> tuple[dict[str, Any], str]:
    try:
        record: dict[str, Any] = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
        whole = _key(record["recipe"]) == record["key"] == folder.name
        whole = whole and all(name in record for name in ("name", "sha256", "stat", "facts", "bytes"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {}, f"recipe.json is unreadable ({type(error).__name__})"
    return (record, "") if whole else ({}, "recipe.json does not belong to this entry")


def _fault(folder: Path, record: Mapping[str, Any], thorough: bool) -> str:
    """Return what is wrong with an entry's content.

    A file is hashed every time. For a folder of thousands of pictures the recorded names, sizes and time stamps
    suffice, as nothing writes to it (it is read-only); only if they differ, or when `thorough`, is it hashed as well.
    """
    content = folder / record["name"]
    if not content.exists():
        return f"{record['name']} is missing"
    if content.is_dir() and not thorough and stat_sha256(content) == record["stat"]:
        return ""
    found = content_sha256(content)
    return "" if found == record["sha256"] else f"{record['name']} has sha256 {found[:12]}…, not the recorded one"


def _row(folder: Path, thorough: bool = False) -> Row:
    record, fault = _record(folder)
    if not record:
        return Row(folder.name, "?", "?", size_bytes(folder), 0.0, fault)
    idle_s = max(0.0, time.time() - (folder / "recipe.json").stat().st_mtime)
    fault = _fault(folder, record, thorough=True) if thorough else ""
    return Row(folder.name, record["recipe"]["kind"], record["name"], record["bytes"], idle_s, fault, record["sha256"])


def _is_entry(folder: Path) -> bool:
    return len(folder.name) == SHA256_DIGITS and folder.is_dir()


def _key(document: Mapping[str, Any]) -> str:
    return text_sha256(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def _by_content(value: object) -> Any:
    """Return JSON values: mappings and sequences copied, paths as the digest of what they hold."""
    if isinstance(value, Path):
        return f"sha256:{content_sha256(value)}"
    if isinstance(value, Mapping):
        return {str(key): _by_content(item) for key, item in value.items()}
    return [_by_content(item) for item in value] if isinstance(value, (list, tuple)) else value


def _make_read_only(path: Path) -> None:
    for file in files(path):
        file.chmod(0o444)
    for folder in [path, *path.rglob("*")]:
        if folder.is_dir():
            folder.chmod(0o555)


def _delete(path: Path) -> None:
    """Remove a folder and what is in it, read-only or not; nothing happens if it does not exist."""
    for folder in [path, *path.rglob("*")] if path.is_dir() else []:
        if folder.is_dir():
            folder.chmod(0o755)
    shutil.rmtree(path, ignore_errors=not path.exists())
