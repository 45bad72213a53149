"""Tools run without a shell, in an environment of their own, within a time limit, with their output in a log."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import MissingNeedError, RunError
from harness.process import run_tool, tail

ENV = {"PATH": "/usr/bin:/bin"}
SLEEPER = (
    "import subprocess, sys, time\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
)


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_both_output_streams_go_to_the_log(tmp_path: Path) -> None:
    code = "import os; os.write(1, b'out\\n'); os.write(2, b'err\\n')"

    done = run_tool(python(code), cwd=tmp_path, env=ENV, timeout_s=30, log=tmp_path / "logs" / "tool.log")

    assert done.log.read_text() == "out\nerr\n"
    assert 0 < done.seconds < 30


def test_arguments_are_passed_as_they_are_and_never_read_by_a_shell(tmp_path: Path) -> None:
    hostile = "$(touch pwned); `touch pwned` > pwned & '"

    done = run_tool(
        python("import sys; print(sys.argv[1])", hostile), cwd=tmp_path, env=ENV, timeout_s=30, log=tmp_path / "log"
    )

    assert done.log.read_text() == hostile + "\n"
    assert not (tmp_path / "pwned").exists()


def test_the_environment_is_the_given_one_and_nothing_leaks_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")

    done = run_tool(["env"], cwd=tmp_path, env={**ENV, "ASCEND": "1"}, timeout_s=30, log=tmp_path / "log")

    assert sorted(done.log.read_text().splitlines()) == ["ASCEND=1", "PATH=/usr/bin:/bin"]


def test_the_tool_runs_in_the_given_folder_with_nothing_to_read(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), repr(sys.stdin.read()))"

    done = run_tool(python(code), cwd=tmp_path, env=ENV, timeout_s=30, log=tmp_path / "log")

    assert done.log.read_text() == f"{tmp_path} ''\n"


def test_a_failure_shows_command_exit_code_last_twenty_lines_and_the_log(tmp_path: Path) -> None:
    code = "import sys; [print('line', i) for i in range(30)]; sys.exit(3)"

    with pytest.raises(RunError) as caught:
        run_tool(python(code, "a b"), cwd=tmp_path, env=ENV, timeout_s=30, log=tmp_path / "log")

    message = str(caught.value)
    assert "'a b'" in message
    assert "got exit code 3" in message
    assert str(tmp_path / "log") in message
    assert message.endswith("\n".join(f"line {i}" for i in range(10, 30)))
    assert (caught.value.kind, caught.value.log) == ("tool-failed", str(tmp_path / "log"))


def test_a_tool_ended_by_a_signal_is_a_failure_that_names_it(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"

    with pytest.raises(RunError, match="SIGSEGV"):
        run_tool(python(code), cwd=tmp_path, env=ENV, timeout_s=30, log=tmp_path / "log")


def test_a_time_out_kills_the_tool_and_the_processes_it_started(tmp_path: Path) -> None:
    code = f"{SLEEPER}print(child.pid, flush=True)\ntime.sleep(600)"
    started = time.monotonic()

    with pytest.raises(RunError, match="expected an end within 2 s") as caught:
        run_tool(python(code), cwd=tmp_path, env=ENV, timeout_s=2, log=tmp_path / "log")

    assert caught.value.kind == "timeout"
    assert time.monotonic() - started < 30
    assert is_gone(int((tmp_path / "log").read_text()))


def test_what_a_tool_leaves_running_ends_with_it(tmp_path: Path) -> None:
    done = run_tool(python(f"{SLEEPER}print(child.pid)"), cwd=tmp_path, env=ENV, timeout_s=30, log=tmp_path / "log")

    assert is_gone(int(done.log.read_text()))


def test_a_tool_and_what_it_started_end_with_this_process_even_if_that_is_killed(tmp_path: Path) -> None:
    tool = f"{SLEEPER}import os; print(os.getpid(), child.pid, flush=True); time.sleep(600)"
    ours = (
        "import sys; from pathlib import Path; from harness.process import run_tool\n"
        f"run_tool([sys.executable, '-c', {tool!r}], cwd=Path('.'), env={{}}, timeout_s=600, log=Path('log'))"
    )
    process = subprocess.Popen(python(ours), cwd=tmp_path, env={**ENV, "PYTHONPATH": os.pathsep.join(sys.path)})
    pids = read_when_written(tmp_path / "log")

    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    assert all(is_gone(int(pid)) for pid in pids)


def read_when_written(path: Path) -> list[str]:
    """Return the words of a file's first line once it is whole."""
    for _ in range(1000):
        if path.is_file() and path.read_text().endswith("\n"):
            break
        time.sleep(0.02)
    return path.read_text().split()


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended (a zombie has), waiting a little for the kernel."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("program", ["no-such-tool-here", "./not-executable"])
def test_a_program_that_cannot_be_run_is_a_missing_need(tmp_path: Path, program: str) -> None:
    (tmp_path / "not-executable").write_text("text")

    with pytest.raises(MissingNeedError, match="expected a program that can be run") as caught:
        run_tool([program], cwd=tmp_path, env=ENV, timeout_s=30, log=tmp_path / "log")

    assert caught.value.need == "tool"


def test_the_tail_of_a_log_survives_bytes_that_are_no_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 200_000 + b"\nbefore\n\xff\xfe after\n")

    assert tail(log).splitlines()[-2:] == ["before", "\ufffd\ufffd after"]
