"""Bundles: what is in them, what is taken out of them, and what is refused of those that come from elsewhere."""

import gzip
import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import capture
from harness.errors import DataError, StoreError
from harness.selftest.recording import Transcript
from tests.harness.selftest.recorded import good_recording, of

VERSION = Transcript(name="file-version.info", tool="file", text="Version=24.1.rc3\n")
LOG = Transcript(
    name="msame-folder",
    tool="msame",
    argv=("/home/alice/tools/msame", "--model", "model.om"),
    end="exit code 0",
    text="alice@npu-17:~$ msame\n[INFO] load model /home/alice/m.om success\nhost 10.11.12.13 of npu-17\n",
    texts={"out/summary.json": '{"path": "/home/alice/out"}'},
    values={"out/a.bin": (0.5, float("nan"))},
)


@pytest.fixture
def bundle():
    return capture.bundled(of(VERSION, LOG, checks=()), ("alice", "npu-17"))


def packed(members, kind=tarfile.REGTYPE):
    """Return a gzipped tar of members, each of a kind."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, "bundle.json", len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue())


def canonical(bundle) -> str:
    return json.dumps(bundle.recording.model_dump(), sort_keys=True)


def index(path: Path):
    with tarfile.open(path) as archive:
        return json.load(archive.extractfile("bundle.json"))


def test_a_bundle_comes_back_as_it_was_written(bundle, tmp_path):
    capture.write(bundle, tmp_path / "b.tar.gz")

    found = capture.read(tmp_path / "b.tar.gz")

    # As text, because one of the numbers is nan, which is not equal to itself.
    assert canonical(found) == canonical(bundle)
    assert found.statements == bundle.statements


def test_neither_the_user_nor_the_host_nor_an_address_is_in_a_bundle(bundle, tmp_path):
    capture.write(bundle, tmp_path / "b.tar.gz")

    content = gzip.decompress((tmp_path / "b.tar.gz").read_bytes()).decode()

    assert not [name for name in ("alice", "npu-17", "10.11.12.13") if name in content]
    assert "[INFO] load model /home/user/m.om success" in content
    assert "Version=24.1.rc3" in content


def test_a_home_that_is_elsewhere_is_taken_out_too(monkeypatch):
    monkeypatch.setenv("HOME", "/data/people/bob-x")

    found = capture.bundled(of(Transcript(name="a", tool="atc", text="/data/people/bob-x/m.om\n")))

    assert found.recording.transcripts[0].text == "/home/user/m.om\n"


def test_the_same_bundle_gives_the_same_bytes_readable_by_its_owner_alone(bundle, tmp_path):
    first, second = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"

    members = capture.write(bundle, first)
    capture.write(bundle, second)

    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_mode & 0o777 == 0o600
    assert [name for name, _ in members] == [
        "bundle.json",
        "transcripts/file-version.info.txt",
        "transcripts/msame-folder.txt",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "b.tar.gz"]


def test_a_bundle_that_cannot_be_written_leaves_nothing(bundle, tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(StoreError, match="No space left"):
        capture.write(bundle, tmp_path / "b.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_of_a_whole_self_test_holds_every_transcript_with_its_reading(tmp_path):
    bundle = capture.bundled(good_recording(), capture.own_names())

    capture.write(bundle, tmp_path / "b.tar.gz")

    rows = index(tmp_path / "b.tar.gz")["recording"]["transcripts"]
    assert {"smi-info", "smi-l", "atc-batch1", "atc-unknown-input", "ais-pure", "benchmark-files"} <= {
        row["name"] for row in rows
    }
    assert all(row["reading"] for row in rows)
    assert {row["name"]: row["end"] for row in rows}["atc-unknown-input"] == "exit code 255"


def test_the_version_files_of_a_toolchain_are_bundled(tmp_path):
    from tests.harness.selftest.recorded import toolchain_at

    found = capture.version_files(toolchain_at(tmp_path))

    assert [one.name for one in found] == [
        "file-version.cfg",
        "file-version.info",
        "file-ascend_toolkit_install.info",
    ]


EMPTY = json.dumps({"recording": {"transcripts": []}, "statements": []}).encode()


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "empty file"),
        (b"text", "gzip"),
        (gzip.compress(b"text"), "header"),
        (packed([]), "bundle.json"),
        (packed([("../evil", b"x")]), "'../evil'"),
        (packed([("/etc/passwd", b"x")]), "'/etc/passwd'"),
        (packed([("transcripts/../../evil.txt", b"x")]), "evil"),
        (packed([("bundle.json", b"{}"), ("bundle.json", b"{}")]), "'bundle.json'"),
        (packed([("bundle.json", b"")], tarfile.SYMTYPE), "no plain file"),
        (packed([("bundle.json", b"")], tarfile.LNKTYPE), "no plain file"),
        (packed([("bundle.json", b"")], tarfile.FIFOTYPE), "no plain file"),
        (packed([("bundle.json", b"")], tarfile.GNUTYPE_SPARSE), "no plain file"),
        (packed([("bundle.json", b"[1, 2]")]), "TypeError"),
        (packed([("bundle.json", b"[" * 100_000)]), "RecursionError"),
        (packed([("bundle.json", EMPTY)]), "fields"),
        (packed([(f"transcripts/{number}.txt", b"") for number in range(501)]), "more than 500 members"),
        (gzip.compress(bytes(64 * 2**20 + 1)), "more than 67108864 bytes"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_line(tmp_path, content, got):
    path = tmp_path / "b.tar.gz"
    path.write_bytes(content)

    with pytest.raises(DataError, match="expected a bundle that omgate capture wrote") as caught:
        capture.read(path)
    assert got in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_even_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "b.tar.gz"
    path.touch()
    monkeypatch.setattr(capture, "MOST_PACKED_BYTES", -1)

    with pytest.raises(DataError, match="0 bytes, at most -1"):
        capture.read(path)


def test_a_bundle_of_another_schema_is_refused(bundle, tmp_path):
    other = bundle.recording.model_copy(update={"schema_version": 2})
    capture.write(capture.Bundle(other, ()), tmp_path / "b.tar.gz")

    with pytest.raises(DataError, match="one of schema 2, this omgate reads 1"):
        capture.read(tmp_path / "b.tar.gz")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 3000), bits=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_bundle_is_read_or_refused_never_more(bundle, tmp_path, place, bits, cut):
    path = tmp_path / "b.tar.gz"
    capture.write(bundle, path)
    content = bytearray(gzip.decompress(path.read_bytes()))
    place %= len(content)
    content[place] ^= bits
    path.write_bytes(gzip.compress(bytes(content[:place] if cut else content)))

    with suppress(DataError):
        assert capture.read(path).recording.transcripts[0].name
