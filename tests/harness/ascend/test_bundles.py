"""Every bundle that `omgate capture` wrote is a test: its transcripts are read as they were when it was captured.

`OMGATE_BUNDLES=DIR pytest tests/harness/ascend/test_bundles.py` takes those of a folder. One of an emulated host is
made here.
"""

import os
from pathlib import Path

import pytest

from harness import capture
from harness.selftest import replay
from tests.harness.selftest.recorded import good_recording

FOLDER = os.environ.get("OMGATE_BUNDLES", "")
EMULATED = "emulated"
# A folder without bundles is taken for one itself, and fails.
NAMED = [str(path) for path in sorted(Path(FOLDER).glob("*.tar.gz"))] or [FOLDER] if FOLDER else []


@pytest.mark.parametrize("name", [EMULATED, *NAMED])
def test_a_bundle_is_read_as_it_was_captured_and_says_what_the_contract_does(name, tmp_path):
    path = Path(name)
    if name == EMULATED:
        path = tmp_path / "emulated.tar.gz"
        capture.write(capture.bundled(good_recording(), capture.own_names()), path)

    bundle = capture.read(path)

    assert len(bundle.recording.transcripts) > 1
    assert replay.differences(bundle.recording, bundle.statements) == ()
