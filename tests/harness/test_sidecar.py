"""Sidecars: named arrays in one file, whole or not there, and nothing that has to be unpickled."""

import numpy as np
import pytest

from harness import sidecar

ARRAYS = {
    "ids": np.array(["frankfurt_000000", "münster_000001"]),
    "hit1": np.array([True, False]),
    "count": np.array([[1, 2], [3, 4]], np.int64),
    "empty": np.zeros((0, 19, 19), np.float32),
}


@pytest.mark.parametrize("compress", [True, False])
def test_arrays_come_back_as_they_were(tmp_path, compress):
    sidecar.write(tmp_path / "outcomes.npz", ARRAYS, compress=compress)

    found = sidecar.read(tmp_path / "outcomes.npz")

    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_names_that_are_no_file_names_are_kept(tmp_path):
    sidecar.write(tmp_path / "outputs.npz", {"0/1": np.array([7])})

    assert sidecar.read(tmp_path / "outputs.npz")["0/1"] == 7


def test_numpy_alone_can_read_it(tmp_path):
    sidecar.write(tmp_path / "outcomes.npz", ARRAYS)

    with np.load(tmp_path / "outcomes.npz", allow_pickle=False) as stored:
        assert stored["count"].tolist() == [[1, 2], [3, 4]]


def test_compression_saves_room_where_there_is_any(tmp_path):
    zeros = {"zeros": np.zeros(100_000)}
    sidecar.write(tmp_path / "small.npz", zeros)
    sidecar.write(tmp_path / "large.npz", zeros, compress=False)

    assert (tmp_path / "small.npz").stat().st_size < 10_000 < 800_000 < (tmp_path / "large.npz").stat().st_size


def test_an_interrupted_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "outcomes.npz"
    sidecar.write(path, {"hit1": np.array([True])})

    def torn(stream, **arrays):
        stream.write(b"PK half a file")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", torn)
    with pytest.raises(OSError, match="no space"):
        sidecar.write(path, ARRAYS)

    assert sidecar.read(path)["hit1"].tolist() == [True]


def test_an_object_array_is_refused_instead_of_unpickled(tmp_path):
    np.savez(tmp_path / "outcomes.npz", ids=np.array([{"a": 1}], dtype=object))

    with pytest.raises(ValueError, match="allow_pickle"):
        sidecar.read(tmp_path / "outcomes.npz")
