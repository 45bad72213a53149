"""The store: keys from contents, one build per key, and nothing damaged or half-written ever handed out."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from harness.artifacts import Entry, Recipe, Store, default_cache_dir
from harness.errors import StoreError

REPOSITORY = Path(__file__).parents[2]
RECIPE = Recipe("onnx", "exporter", "1.0", {"weights": "ab" * 32}, {"batch": 4}, {"torch": "2.13"}, "cpu")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def write(content: bytes) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        path.write_bytes(content)

    return build


def write_folder(path: Path) -> None:
    (path / "val").mkdir(parents=True)
    (path / "val" / "a.png").write_bytes(b"first")
    (path / "val" / "b.png").write_bytes(b"second")


def must_not_build(path: Path) -> None:
    raise AssertionError(f"{path} was built again")


def test_the_key_is_the_sha256_of_the_canonical_json_of_the_recipe() -> None:
    canonical = (
        '{"arguments":{"batch":4},"chip":"cpu","inputs":{"weights":"' + "ab" * 32 + '"},"kind":"onnx",'
        '"producer":"exporter","toolchain":{"torch":"2.13"},"version":"1.0"}'
    )

    assert RECIPE.key == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "om"},
        {"producer": "atc"},
        {"version": "1.1"},
        {"inputs": {"weights": "cd" * 32}},
        {"arguments": {"batch": 8}},
        {"toolchain": {"torch": "2.12"}},
        {"chip": "Ascend310P3"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_a_recipe_changes_its_key(change: dict[str, object]) -> None:
    assert replace(RECIPE, **change).key != RECIPE.key


def test_a_path_among_the_arguments_counts_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    for name, content in (("a.cfg", "x"), ("b.cfg", "x"), ("c.cfg", "y")):
        (tmp_path / name).write_text(content)

    keys = [replace(RECIPE, arguments={"flags": [tmp_path / name]}).key for name in ("a.cfg", "b.cfg", "c.cfg")]

    assert keys[0] == keys[1] != keys[2]


def test_an_entry_is_built_once_and_then_opened(store: Store) -> None:
    built = store.get_or_build(RECIPE, "model.onnx", lambda path: {"opset": 11} if path.write_bytes(b"graph") else None)
    opened = store.get_or_build(RECIPE, "model.onnx", must_not_build)

    assert built.built
    assert not opened.built
    assert opened.path == store.root / RECIPE.key[:2] / RECIPE.key / "model.onnx"
    assert opened.path.read_bytes() == b"graph"
    assert opened.digest == built.digest == hashlib.sha256(b"graph").hexdigest()
    assert opened.facts == {"opset": 11}
    assert opened.recipe["arguments"] == {"batch": 4}


def truncate(entry: Entry) -> None:
    entry.path.chmod(0o644)
    entry.path.write_bytes(b"gr")


def flip_a_byte(entry: Entry) -> None:
    entry.path.chmod(0o644)
    entry.path.write_bytes(b"grapH")


def tear_the_recipe(entry: Entry) -> None:
    recipe = entry.path.parent / "recipe.json"
    recipe.write_text(recipe.read_text()[:40])


def change_the_recipe(entry: Entry) -> None:
    recipe = entry.path.parent / "recipe.json"
    document = json.loads(recipe.read_text())
    document["recipe"]["arguments"]["batch"] = 8
    recipe.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        flip_a_byte,
        tear_the_recipe,
        change_the_recipe,
        lambda entry: entry.path.unlink(),
        lambda entry: (entry.path.parent / "recipe.json").unlink(),
    ],
    ids=["truncated", "flipped-byte", "torn-recipe", "other-recipe", "no-file", "no-recipe"],
)
def test_a_damaged_entry_is_built_again_and_says_so(
    store: Store, damage: Callable[[Entry], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(store.get_or_build(RECIPE, "model.onnx", write(b"graph")))

    again = store.get_or_build(RECIPE, "model.onnx", write(b"graph"))

    assert again.built
    assert again.note
    assert again.path.read_bytes() == b"graph"
    assert "building it again" in caplog.text
    assert not store.get_or_build(RECIPE, "model.onnx", must_not_build).built


def test_a_folder_is_one_entry_that_nobody_can_write_to(store: Store) -> None:
    root = store.get_or_build(RECIPE, "imagenet", write_folder).path

    assert {path.stat().st_mode & 0o222 for path in [root, *root.rglob("*")]} == {0}
    assert not store.get_or_build(RECIPE, "imagenet", must_not_build).built


def remove_one(root: Path) -> None:
    (root / "val" / "b.png").unlink()


def add_one(root: Path) -> None:
    (root / "val" / "c.png").write_bytes(b"third")


def change_one(root: Path) -> None:
    (root / "val" / "a.png").chmod(0o644)
    (root / "val" / "a.png").write_bytes(b"worst")


@pytest.mark.parametrize("damage", [remove_one, add_one, change_one])
def test_a_folder_that_lost_gained_or_changed_a_file_is_built_again(
    store: Store, damage: Callable[[Path], None]
) -> None:
    root = store.get_or_build(RECIPE, "imagenet", write_folder).path
    (root / "val").chmod(0o755)
    damage(root)

    again = store.get_or_build(RECIPE, "imagenet", write_folder)

    assert again.built
    assert sorted(path.name for path in again.path.rglob("*.png")) == ["a.png", "b.png"]


def test_a_folder_with_other_time_stamps_but_the_same_content_is_kept(store: Store) -> None:
    root = store.get_or_build(RECIPE, "imagenet", write_folder).path
    os.utime(root / "val" / "a.png", (1, 1))

    assert not store.get_or_build(RECIPE, "imagenet", must_not_build).built


def test_a_build_that_fails_leaves_nothing_behind(store: Store) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise StoreError("build", "expected to work")

    with pytest.raises(StoreError, match="expected to work"):
        store.get_or_build(RECIPE, "model.onnx", fail)

    assert [path.name for path in store.root.rglob("*") if path.is_dir()] == [RECIPE.key[:2]]
    assert store.get_or_build(RECIPE, "model.onnx", write(b"whole")).path.read_bytes() == b"whole"


def test_a_build_that_writes_nothing_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="expected the build to write its file"):
        store.get_or_build(RECIPE, "model.onnx", lambda path: None)


def test_a_cache_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match=r"expected a folder to write to.*--cache-dir"):
        Store(tmp_path / "file").get_or_build(RECIPE, "model.onnx", write(b"graph"))


WORKER = """
import sys, time
from pathlib import Path
from harness.artifacts import Recipe, Store

cache, log, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def build(path):
    path.write_bytes(b"half")
    with log.open("a") as stream:
        stream.write("built\\n")
    time.sleep(seconds)
    path.write_bytes(b"whole")

entry = Store(cache).get_or_build(Recipe("onnx", "exporter", "1.0"), "model.onnx", build)
print(entry.path.read_bytes().decode())
"""


def start_worker(cache: Path, log: Path, seconds: float) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", WORKER, str(cache), str(log), str(seconds)]
    return subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def test_processes_that_want_the_same_entry_build_it_once(tmp_path: Path) -> None:
    workers = [start_worker(tmp_path / "cache", tmp_path / "log", 0.5) for _ in range(3)]
    answers = [worker.communicate(timeout=60)[0].strip() for worker in workers]

    assert answers == ["whole"] * 3
    assert (tmp_path / "log").read_text() == "built\n"


def test_a_killed_build_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    worker = start_worker(tmp_path / "cache", log, 600)
    while not (log.exists() and log.read_text()):
        assert worker.poll() is None
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.communicate(timeout=60)
    store, recipe = Store(tmp_path / "cache"), Recipe("onnx", "exporter", "1.0")
    rests = list(store.root.rglob("*.tmp"))

    entry = store.get_or_build(recipe, "model.onnx", write(b"whole"))

    assert len(rests) == 1
    assert entry.built
    assert entry.path.read_bytes() == b"whole"
    assert not list(store.root.rglob("*.tmp"))


def fill(store: Store) -> dict[str, Entry]:
    """Three entries of 1,000 bytes, opened 3, 2 and 1 hours ago."""
    entries = {}
    for hours, name in ((3, "old"), (2, "middle"), (1, "new")):
        entries[name] = store.get_or_build(replace(RECIPE, chip=name), f"{name}.onnx", write(bytes(1000)))
        opened = time.time() - 3600 * hours
        os.utime(entries[name].path.parent / "recipe.json", (opened, opened))
    return entries


def test_ls_lists_entries_with_kind_size_and_idle_time_the_last_opened_first(store: Store) -> None:
    fill(store)

    rows = store.ls()

    assert [row.name for row in rows] == ["new.onnx", "middle.onnx", "old.onnx"]
    assert {(row.kind, row.bytes, row.fault) for row in rows} == {("onnx", 1000, "")}
    assert [round(row.idle_s / 3600) for row in rows] == [1, 2, 3]


def test_verify_reads_every_byte_and_names_what_is_wrong(store: Store) -> None:
    root = store.get_or_build(RECIPE, "imagenet", write_folder).path
    picture = root / "val" / "a.png"
    before = picture.stat()
    picture.chmod(0o644)
    picture.write_bytes(b"worst")
    os.utime(picture, ns=(before.st_atime_ns, before.st_mtime_ns))

    (row,) = store.verify()

    assert "sha256" in row.fault


def test_prune_removes_what_was_not_opened_for_long(store: Store) -> None:
    entries = fill(store)

    removed = store.prune(idle_s=1.5 * 3600)

    assert sorted(row.name for row in removed) == ["middle.onnx", "old.onnx"]
    assert [row.name for row in store.ls()] == ["new.onnx"]
    assert not entries["old"].path.exists()


def test_prune_keeps_the_most_recently_opened_that_fit(store: Store) -> None:
    fill(store)

    removed = store.prune(keep_bytes=2500)

    assert [row.name for row in removed] == ["old.onnx"]


def test_opening_an_entry_makes_it_recent(store: Store) -> None:
    fill(store)

    store.get_or_build(replace(RECIPE, chip="old"), "old.onnx", must_not_build)

    assert store.ls()[0].name == "old.onnx"


def test_prune_never_removes_an_entry_whose_lock_is_held(store: Store) -> None:
    entries = fill(store)
    with FileLock(entries["old"].path.parent.with_suffix(".lock")):
        removed = store.prune(idle_s=0)

    assert sorted(row.name for row in removed) == ["middle.onnx", "new.onnx"]
    assert entries["old"].path.exists()


def test_prune_removes_damaged_entries_and_the_rests_of_killed_builds(store: Store) -> None:
    entry = store.get_or_build(RECIPE, "model.onnx", write(b"graph"))
    tear_the_recipe(entry)
    rest = entry.path.parents[1] / f"{RECIPE.key}.abc.tmp"
    shutil.copytree(entry.path.parent, rest)

    removed = store.prune()

    assert [row.key for row in removed] == [RECIPE.key]
    assert not rest.exists()
    assert store.ls() == ()


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.delenv("OMGATE_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    homes = [default_cache_dir()]
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/xdg")
    homes.append(default_cache_dir())
    monkeypatch.setenv("OMGATE_CACHE_DIR", str(tmp_path))
    homes.append(default_cache_dir())

    assert homes == [Path("/home/ann/.cache/omgate"), Path("/var/xdg/omgate"), tmp_path]
