import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import worker
from harness.cards import TensorSpec
from harness.errors import MissingNeedError, RunError, UsageError
from harness.runtimes import child
from harness.runtimes.isolated import Isolated
from harness.runtimes.ort import OrtCpu
from harness.runtimes.ort_files import OrtFiles
from harness.runtimes.protocol import SessionOptions
from harness.runtimes.torch_eager import TorchCpu
from tests.harness.runtimes.small_models import sample, sums_onnx

# The real worker with an engine whose `run` begins with some mischief.
MISCHIEVOUS_WORKER = """
import importlib.util, os, pathlib, signal, subprocess, sys, time

spec = importlib.util.spec_from_file_location("worker", {worker!r})
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)


class Mischief(worker.OrtEngine):
    def run(self, arrays):
        pathlib.Path({pid!r}).write_text(str(os.getpid()))
        outputs = super().run(arrays)
        {mischief}
        return outputs


worker.ENGINES["ort"] = Mischief
worker.main()
"""


@pytest.fixture
def opened(tmp_path):
    """Opens the small network in a worker that does some mischief in every run."""
    sessions = []

    def open_session(mischief, **changes):
        script = tmp_path / "mischief.py"
        places = {"worker": worker.__file__, "pid": str(tmp_path / "pid"), "mischief": mischief}
        script.write_text(MISCHIEVOUS_WORKER.format(**places))
        options = SessionOptions(batch=1, workdir=tmp_path / "work", **{"timeout_s": 60, **changes})
        runtime = Isolated(OrtCpu(), (sys.executable, str(script)))
        sessions.append(runtime.open(sums_onnx(tmp_path, 1), "cpu", options))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def gone(pid_file):
    """Tell whether the process that wrote its id there has ended."""
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_segfault_is_an_error_with_the_signal_and_the_log(opened):
    session = opened("os.kill(os.getpid(), signal.SIGSEGV)")

    with pytest.raises(RunError, match="its end by signal SIGSEGV") as caught:
        list(session.run([sample(1)]))

    assert caught.value.kind == "tool-failed"
    assert "Segmentation fault" in str(caught.value)
    assert "Segmentation fault" in Path(caught.value.log).read_text()


def test_after_a_crash_every_request_fails_the_same_way_and_close_does_not(opened):
    session = opened("os._exit(3)")
    for _ in range(2):
        with pytest.raises(RunError, match="its end with exit code 3"):
            list(session.run([sample(1)]))

    session.close()

    with pytest.raises(RunError, match="a closed worker"):
        list(session.run([sample(1)]))


def test_a_hang_is_a_time_out_and_the_process_is_killed(tmp_path):
    code = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(600)"
    runtime = Isolated(OrtCpu(), (sys.executable, "-c", code, str(tmp_path / "pid")))

    with pytest.raises(RunError, match="none within 1 s; it was killed") as caught:
        runtime.open(sums_onnx(tmp_path, 1), "cpu", SessionOptions(batch=1, workdir=tmp_path / "work", timeout_s=1))

    assert caught.value.kind == "timeout"
    assert gone(tmp_path / "pid")


def test_text_on_file_descriptor_1_goes_to_the_log_and_not_into_the_protocol(opened, tmp_path):
    noise = "print('from python', flush=True); os.write(1, b'from c\\n'); subprocess.run(['echo', 'from a child'])"

    outputs = list(opened(noise).run([sample(1), sample(2)]))

    assert [float(each.arrays[0][0]) for each in outputs] == [318.0, 636.0]
    (log,) = (tmp_path / "work").glob("worker-*.log")
    assert log.read_text() == "from python\nfrom c\nfrom a child\n" * 2


@pytest.mark.parametrize(
    "mischief", ["outputs = outputs[:1]", "outputs[0] = outputs[0][:, :0]", "outputs[0] = outputs[0].astype('f8')"],
    ids=["missing", "other shape", "other dtype"],
)  # fmt: skip
def test_an_output_that_is_missing_or_another_is_an_error(opened, mischief):
    with pytest.raises(RunError, match="expected the outputs") as caught:
        list(opened(mischief).run([sample(1)]))

    assert caught.value.kind == "tool-failed"


def test_an_exception_of_the_worker_ends_it_with_its_traceback_in_the_error(opened):
    with pytest.raises(RunError, match="its end with exit code 1") as caught:
        list(opened("raise KeyError('nobody expects this')").run([sample(1)]))

    assert "KeyError: 'nobody expects this'" in str(caught.value)


def test_closing_ends_the_process(opened, tmp_path):
    session = opened("pass")
    list(session.run([sample(1)]))

    session.close()

    assert gone(tmp_path / "pid")


def test_a_worker_that_hangs_ends_with_this_process_even_if_that_is_killed(tmp_path):
    hangs = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    ours = (
        "import sys, time; from pathlib import Path; from harness.runtimes.child import Child\n"
        "from harness.runtimes.protocol import SessionOptions\n"
        f"Child([sys.executable, '-c', {hangs!r}], 'm', SessionOptions(batch=1, workdir=Path('.')))\n"
        "time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", ours], cwd=tmp_path, env={"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    eventually(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())

    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    assert eventually(lambda: gone(tmp_path / "pid"))


def eventually(holds):
    """Tell whether something comes to hold within half a minute."""
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def test_the_environment_of_the_options_reaches_the_worker(opened):
    session = opened("assert os.environ['OMGATE_TEST'] == 'yes'", env={"OMGATE_TEST": "yes"})

    assert len(list(session.run([sample(1)]))) == 1


@pytest.mark.parametrize("there", [True, False], ids=["in shared memory", "in the working folder"])
def test_the_shared_file_has_no_name_any_more_once_a_session_is_open(there, opened, tmp_path, monkeypatch):
    shared = tmp_path / "shm"
    if there:
        shared.mkdir()
    monkeypatch.setattr(child, "SHARED_MEMORY", shared)

    session = opened("pass")

    assert len(list(session.run([sample(1)]))) == 1
    assert not list(tmp_path.rglob("*.arena"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_the_shared_file_has_no_name_from_the_start_so_that_no_end_can_leave_it(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "SHARED_MEMORY", tmp_path)
    spec = TensorSpec(name="x", dtype="float32", shape=("N", 4))

    arena = child.Arena([spec], [spec], SessionOptions(batch=2, workdir=tmp_path))

    assert not list(tmp_path.iterdir())
    arena.inputs[0][:] = 7.0
    assert arena.path.read_bytes()[:32] == arena.inputs[0].tobytes()
    arena.let_go()
    assert not arena.path.exists()


def test_where_a_handle_leads_nowhere_the_shared_file_has_a_name_until_a_session_is_open(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(child, "_by_handle", lambda handle: None)
    monkeypatch.setattr(child, "SHARED_MEMORY", tmp_path)

    session = opened("pass")

    assert len(list(session.run([sample(1)]))) == 1
    assert not list(tmp_path.rglob("*.arena"))


def test_a_lack_of_room_for_the_shared_file_is_an_error_that_leaves_nothing(opened, tmp_path, monkeypatch):
    def full(handle, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(child, "_allocate", full)
    monkeypatch.setattr(child, "SHARED_MEMORY", tmp_path)

    with pytest.raises(RunError, match="No space left on device") as caught:
        opened("pass")

    assert caught.value.kind == "infra"
    assert not list(tmp_path.rglob("*.arena"))


@pytest.mark.parametrize(
    "code", ["print('x' * 100)", "import sys; sys.stdout.buffer.write(bytes(7) + bytes([2]) + b'{x')"],
    ids=["text", "no JSON"],
)  # fmt: skip
def test_an_interpreter_that_answers_anything_else_is_an_error(code, tmp_path):
    runtime = Isolated(OrtCpu(), (sys.executable, "-c", code))

    with pytest.raises(RunError) as caught:
        runtime.open(sums_onnx(tmp_path, 1), "cpu", SessionOptions(batch=1, workdir=tmp_path / "work", timeout_s=60))

    assert caught.value.kind == "tool-failed"


def test_an_interpreter_that_is_not_there_is_a_missing_tool(tmp_path):
    runtime = Isolated(OrtCpu(), (str(tmp_path / "python"), "worker.py"))

    with pytest.raises(MissingNeedError, match="check the path of the Python"):
        runtime.open(sums_onnx(tmp_path, 1), "cpu", SessionOptions(batch=1, workdir=tmp_path / "work"))


def test_isolation_keeps_the_name_and_refuses_what_it_cannot_isolate():
    assert (Isolated(OrtCpu()).name, Isolated(OrtFiles()).name) == ("ort-cpu", "ort-files")
    with pytest.raises(UsageError, match="--isolate: expected an ONNX Runtime, got torch-cpu"):
        Isolated(TorchCpu())
