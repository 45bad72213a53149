"""Leases among real processes: shared together, exclusive alone, gone with their holder."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.devices import holders, lease
from harness.errors import RunError

REPOSITORY = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from harness.devices import lease

root, kind, case = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with lease("npu:0", kind == "exclusive", root, 60.0, case):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def process(root: Path, kind: str, case: str = "a-case") -> Iterator["subprocess.Popen[str]"]:
    """Start a process that takes a lease, says `held`, and keeps it until it reads a line."""
    argv = [sys.executable, "-c", HOLDER, str(root), kind, case]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, cwd=REPOSITORY, text=True, **pipes) as holder:  # type: ignore[call-overload]
        try:
            yield holder
        finally:
            holder.kill()


def wait_until_held(holder: "subprocess.Popen[str]") -> None:
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"


def let_go(holder: "subprocess.Popen[str]") -> None:
    holder.communicate("go\n", timeout=30)


def test_shared_leases_are_held_together(tmp_path: Path) -> None:
    with process(tmp_path, "shared") as first, process(tmp_path, "shared") as second:
        wait_until_held(first)
        wait_until_held(second)

        with lease("npu:0", exclusive=False, root=tmp_path, timeout_s=5):
            assert len(holders("npu:0", tmp_path)) == 3


@pytest.mark.parametrize(
    ("held", "wanted"), [("exclusive", "shared"), ("exclusive", "exclusive"), ("shared", "exclusive")]
)
def test_an_exclusive_lease_excludes_every_other_and_the_message_names_the_holder(
    tmp_path: Path, held: str, wanted: str
) -> None:
    with process(tmp_path, held, "icnet-ort-cpu-bs4") as holder:
        wait_until_held(holder)

        with (
            pytest.raises(RunError, match=rf"process {holder.pid} \({held}\) icnet-ort-cpu-bs4") as caught,
            lease("npu:0", exclusive=wanted == "exclusive", root=tmp_path, timeout_s=0.2),
        ):
            pass

    assert caught.value.kind == "infra"


def test_devices_do_not_exclude_each_other(tmp_path: Path) -> None:
    with process(tmp_path, "exclusive") as holder:
        wait_until_held(holder)

        with lease("npu:1", exclusive=True, root=tmp_path, timeout_s=5):
            assert holders("npu:1", tmp_path)[0].startswith(f"process {os.getpid()} (exclusive)")


def test_a_lease_ends_with_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with lease("cpu", exclusive=True, root=tmp_path, timeout_s=5):
            pass

    assert holders("cpu", tmp_path) == ()


def test_a_waiting_process_gets_the_lease_when_it_is_free(tmp_path: Path) -> None:
    with process(tmp_path, "exclusive") as first:
        wait_until_held(first)
        with process(tmp_path, "exclusive") as second:
            let_go(first)

            wait_until_held(second)


def test_the_lease_of_a_process_killed_by_kill_9_is_free_at_once(tmp_path: Path) -> None:
    with process(tmp_path, "exclusive") as holder:
        wait_until_held(holder)
        holder.kill()
        holder.wait(timeout=30)
        started = time.monotonic()

        with lease("npu:0", exclusive=True, root=tmp_path, timeout_s=10):
            assert time.monotonic() - started < 5
            assert [line.split()[1] for line in holders("npu:0", tmp_path)] == [str(os.getpid())]


def test_an_exclusive_waiter_is_not_starved_by_shared_leases_that_keep_coming(tmp_path: Path) -> None:
    with process(tmp_path, "shared") as first:
        wait_until_held(first)
        with process(tmp_path, "exclusive") as waiter:
            wait_until_queued(tmp_path)

            with (
                pytest.raises(RunError, match="expected a lease within"),
                lease("npu:0", exclusive=False, root=tmp_path, timeout_s=0.2),
            ):
                pass
            let_go(first)
            wait_until_held(waiter)


def wait_until_queued(root: Path) -> None:
    """Wait until a new shared lease is refused, which is so from when an exclusive one is waited for."""
    for _ in range(500):
        try:
            with lease("npu:0", exclusive=False, root=root, timeout_s=0.0):
                time.sleep(0.02)
        except RunError:
            return
    raise AssertionError("the exclusive waiter never came")


def test_everyone_may_use_the_folder_and_the_lock_files(tmp_path: Path) -> None:
    folder = tmp_path / "leases"
    with lease("npu:0", exclusive=False, root=folder, timeout_s=5):
        modes = {path.name: path.stat().st_mode & 0o7777 for path in (folder, *folder.glob("npu-0.[lt]*"))}

    assert modes == {"leases": 0o1777, "npu-0.lock": 0o666, "npu-0.turnstile": 0o666}


def test_a_folder_that_cannot_be_used_is_an_infra_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with (
        pytest.raises(RunError, match="expected a usable lock file") as caught,
        lease("cpu", exclusive=False, root=tmp_path / "file", timeout_s=1),
    ):
        pass

    assert caught.value.kind == "infra"
