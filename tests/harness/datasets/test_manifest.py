"""Manifests: what departs from a known good copy, by decoded content."""

import json

import numpy as np
import pytest

from harness.datasets import manifest
from harness.errors import DataError, UsageError
from harness.samples import Picture


class Held:
    """A data set held in memory; a picture of None cannot be decoded."""

    def __init__(self, **samples):
        self.samples = samples

    @property
    def ids(self):
        return tuple(self.samples)

    def picture(self, sample_id):
        pixels, _ = self.samples[sample_id]
        if pixels is None:
            raise DataError(f"{sample_id}.png", "expected a whole PNG")
        return Picture(sample_id, pixels)

    def target(self, sample_id):
        return self.samples[sample_id][1]

    def digest(self):
        raise NotImplementedError


def shade(value):
    return np.full((2, 3, 3), value, np.uint8)


GOOD = {"a": (shade(1), 0), "b": (shade(2), 1), "c": (shade(3), 2)}
LABELS = np.zeros((2, 3), np.int16)


def compared(**samples):
    return manifest.check(Held(**samples), manifest.entries(Held(**GOOD)))


def test_equal_content_agrees():
    comparison = compared(**GOOD)

    assert comparison.agrees
    assert list(comparison.lines()) == []


def test_missing_and_extra_samples_are_named():
    comparison = compared(a=GOOD["a"], x=GOOD["b"], c=GOOD["c"])

    assert not comparison.agrees
    assert (comparison.missing, comparison.extra) == (("b",), ("x",))
    assert list(comparison.lines()) == ["missing: b", "extra: x"]


@pytest.mark.parametrize(
    "changed",
    [(shade(9), 1), (shade(2), 2), (shade(2).reshape(3, 2, 3), 1), (shade(2).astype(np.int16), 1)],
    ids=["pixels", "label", "shape", "dtype"],
)
def test_samples_of_other_content_are_named(changed):
    comparison = compared(**{**GOOD, "b": changed})

    assert comparison.differing == ("b",)
    assert list(comparison.lines()) == ["differing: b"]


def test_label_maps_are_compared_by_value():
    other = LABELS.copy()
    other[1, 2] = -1

    comparison = manifest.check(Held(a=(shade(1), other)), manifest.entries(Held(a=(shade(1), LABELS))))

    assert comparison.differing == ("a",)


def test_memory_layout_does_not_matter():
    transposed = np.asfortranarray(LABELS)

    comparison = manifest.check(Held(a=(shade(1), transposed)), manifest.entries(Held(a=(shade(1), LABELS))))

    assert comparison.agrees


def test_samples_that_cannot_be_decoded_are_listed_with_the_reason_and_do_not_stop_the_check():
    comparison = compared(a=(None, 0), b=(shade(9), 1), c=GOOD["c"])

    assert comparison.damaged == (("a", "a.png: expected a whole PNG"),)
    assert comparison.differing == ("b",)
    assert not comparison.agrees


def test_a_manifest_is_not_made_from_damaged_data():
    with pytest.raises(DataError, match=r"a.png"):
        manifest.entries(Held(a=(None, 0)))


def test_progress_counts_every_sample():
    counts = []

    manifest.check(Held(**GOOD), manifest.entries(Held(**GOOD), counts.append), counts.append)

    assert counts == [1, 2, 3, 1, 2, 3]


def test_a_written_manifest_reads_back(tmp_path):
    made = manifest.entries(Held(**GOOD))

    manifest.write(tmp_path / "out" / "manifest.json", made, tmp_path / "data")

    assert manifest.read(tmp_path / "out" / "manifest.json") == made
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["manifest.json"]


def test_a_written_manifest_states_its_schema(tmp_path):
    manifest.write(tmp_path / "manifest.json", {}, tmp_path / "data")

    assert json.loads((tmp_path / "manifest.json").read_text()) == {"schema": 1, "samples": {}}


def test_a_manifest_is_not_written_below_the_data_set(tmp_path):
    with pytest.raises(UsageError, match=r"expected a place outside the data set, which is only read"):
        manifest.write(tmp_path / "data" / "val" / ".." / "manifest.json", {}, tmp_path / "data")

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="expected a place to write to"):
        manifest.write(tmp_path / "file" / "manifest.json", {}, tmp_path / "data")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"schema": 2, "samples": {}}', '{"schema": 1}', '{"schema": 1, "samples": {"a": "x"}}', "\ud800"],
    ids=["empty", "torn", "list", "other-schema", "no-samples", "other-samples", "no-text"],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))

    with pytest.raises(DataError, match=r"manifest.json: expected a (readable )?manifest"):
        manifest.read(path)


def test_a_missing_manifest_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"manifest.json: expected a readable manifest"):
        manifest.read(tmp_path / "manifest.json")
