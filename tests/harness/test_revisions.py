"""Files as they were: by their path, whatever they hold."""

from pathlib import PurePosixPath

import pytest

from harness import revisions
from harness.errors import UsageError
from tests.harness.git_repository import git


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "a folder" / "cards"
    folder.mkdir(parents=True)
    (folder / "größe.toml").write_bytes(b"\xff\r\nold")
    (folder.parent / "beside.toml").write_bytes(b"not below")
    git(folder, "init", "-q", "..")
    git(folder, "add", "-A", "..")
    git(folder, "commit", "-qm", "one")
    return folder


def test_contents_come_as_they_were_byte_for_byte(tree):
    (tree / "größe.toml").write_bytes(b"new")
    (tree / "later.toml").write_bytes(b"new")

    assert revisions.files_at("HEAD", tree) == {PurePosixPath("größe.toml"): b"\xff\r\nold"}


def test_a_folder_that_was_not_there_has_no_files(tree):
    (tree / "new").mkdir()

    assert revisions.files_at("HEAD", tree / "new") == {}


def test_outside_of_git_there_is_no_top(tree, tmp_path):
    assert revisions.top_of(tree) == tree.parent
    assert revisions.top_of(tmp_path) is None
    with pytest.raises(UsageError, match="expected a folder in a git working tree"):
        revisions.files_at("HEAD", tmp_path)


def test_a_host_without_git_is_told(tree, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(UsageError, match="install git"):
        revisions.files_at("HEAD", tree)
