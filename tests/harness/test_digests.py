"""Digests of files and folders, against hashlib and by what must change them."""

import hashlib
import os
from pathlib import Path

import pytest

from harness.digests import CHUNK_BYTES, code_version, content_sha256, file_sha256, size_bytes, stat_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"one")
    (folder / "sub" / "b").write_bytes(b"three")
    return folder


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_a_files_digest_is_the_sha256_of_its_bytes(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    (tmp_path / "file").write_bytes(content)

    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_folders_digest_covers_names_and_contents_of_all_files_in_sorted_order(folder: Path) -> None:
    lines = f"a\0{hashlib.sha256(b'one').hexdigest()}\nsub/b\0{hashlib.sha256(b'three').hexdigest()}\n"

    assert content_sha256(folder) == hashlib.sha256(lines.encode()).hexdigest()


def test_a_folders_digest_ignores_time_stamps_and_a_stat_digest_does_not(folder: Path) -> None:
    before = content_sha256(folder), stat_sha256(folder)
    os.utime(folder / "a", (1, 1))

    assert content_sha256(folder) == before[0]
    assert stat_sha256(folder) != before[1]


def test_the_size_of_a_folder_is_that_of_all_its_files(folder: Path) -> None:
    assert size_bytes(folder) == 8
    assert size_bytes(folder / "a") == 3


def test_the_version_of_code_changes_with_any_of_its_files_and_not_with_their_order(folder: Path) -> None:
    sources = [folder / "a", folder / "sub" / "b"]
    before = code_version(*sources)

    assert code_version(*reversed(sources)) == before
    (folder / "sub" / "b").write_bytes(b"four")
    assert code_version(*sources) != before
