"""ATC is believed only where exit code, word and file agree; whatever it does otherwise is told with its log."""

import os
import re
import time
from pathlib import Path

import pytest

from harness import devices
from harness.convert import atc_run
from harness.convert.atc import Job
from harness.errors import MissingNeedError, RunError
from harness.toolchain import Toolchain
from tests.harness.convert.fake_atc import FAILED, START, WORKS, toolchain

TRANSCRIPTS = Path(__file__).parents[4] / "shared" / "transcripts"


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "LEASES", tmp_path / "leases")


@pytest.fixture
def job(tmp_path) -> Job:
    (tmp_path / "a model.onnx").write_bytes(b"the model")
    (tmp_path / "aipp.cfg").write_text("aipp_op {}")
    files = {"model": tmp_path / "a model.onnx", "output": "toy_bs4", "insert_op_conf": tmp_path / "aipp.cfg"}
    return Job("toy_bs4", {"framework": "5", **files, "soc_version": "Ascend310P3"})


def convert(folder: Path, job: Job, body: str, timeout_s: float = 30.0) -> atc_run.Facts:
    (folder / "entry").mkdir(exist_ok=True)
    target = folder / "entry" / "model.om"
    return atc_run.convert(job, toolchain(folder, body), target, folder / "logs", timeout_s)


def failure(folder: Path, job: Job, body: str, timeout_s: float = 30.0) -> RunError:
    with pytest.raises(RunError) as caught:
        convert(folder, job, body, timeout_s)
    assert list((folder / "entry").iterdir()) == []  # neither an OM nor the private folder
    return caught.value


def test_a_conversion_leaves_the_om_and_nothing_else(tmp_path, job):
    facts = convert(tmp_path, job, "say(START, SUCCESS)\nwrite(open(flags['model'], 'rb').read())")

    assert (tmp_path / "entry" / "model.om").read_bytes() == b"the model"
    assert [path.name for path in (tmp_path / "entry").iterdir()] == ["model.om"]
    assert not (tmp_path / "logs").exists()
    assert facts["warnings"] == []
    assert 0 < facts["seconds"] < 30


def test_the_command_names_files_of_its_own_folder_in_plain_letters(tmp_path, job):
    facts = convert(tmp_path, job, WORKS)

    assert facts["argv"] == [
        "atc", "--framework=5", "--model=toy_bs4.onnx", "--output=toy_bs4", "--insert_op_conf=insert_op_conf.cfg",
        "--soc_version=Ascend310P3",
    ]  # fmt: skip


def test_atc_sees_its_toolchains_environment_and_private_folders_alone(tmp_path, job, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", "/some/venv")
    body = "import json\nwrite(json.dumps([dict(os.environ), os.getcwd()]).encode())\nsay(SUCCESS)"
    convert(tmp_path, job, body)

    text = (tmp_path / "entry" / "model.om").read_text()
    assert set(re.findall(r'"([A-Z_]+)":', text)) - {"LC_CTYPE"} == {"PATH", "ASCEND_PROCESS_LOG_PATH", "TMPDIR"}
    folder = re.search(r'\}, "(.+)"\]', text)[1]
    assert f'"TMPDIR": "{folder}' in text
    assert f'"ASCEND_PROCESS_LOG_PATH": "{folder}' in text


def test_the_precision_is_the_one_asked_for_or_atcs_default(tmp_path, job):
    kept = Job(job.name, {**job.flags, "precision_mode": "must_keep_origin_dtype"})

    assert convert(tmp_path, job, WORKS)["precision"] == "force_fp16"
    assert convert(tmp_path, kept, WORKS)["precision"] == "must_keep_origin_dtype"


def test_warnings_after_the_success_line_are_kept(tmp_path, job):
    body = WORKS + "\nsay('W11001: Op [Slice_29] does not hit the high-priority operator information library.')"

    found = convert(tmp_path, job, body)["warnings"]

    assert found == ["W11001: Op [Slice_29] does not hit the high-priority operator information library."]


def test_logs_of_errors_on_the_way_are_no_failure(tmp_path, job):
    body = (
        "for n in range(5000): say('[ERROR] GE(7,atc.bin):2023-04-14-14:43:17 [graph.cc:%d] not cached' % n)\n" + WORKS
    )

    assert convert(tmp_path, job, body)["warnings"] == []


@pytest.mark.parametrize(
    ("body", "got"),
    [
        ("say(START, SUCCESS)", "no toy_bs4.om"),
        ("say(START, SUCCESS)\nwrite(b'')", "an empty toy_bs4.om"),
        ("say(START, SUCCESS)\nwrite()\nsys.exit(1)", "exit code 1"),
        ("say(START, SUCCESS)\nwrite()\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("say(START, SUCCESS)\nopen('toy_bs4_linux.om', 'w').write('x')", "no toy_bs4.om"),
    ],
    ids=["no om", "empty om", "exit 1 after success", "crash after success", "an om of another name"],
)
def test_a_success_that_is_none_is_the_tools_failure(tmp_path, job, body, got):
    error = failure(tmp_path, job, body)

    assert error.kind == "tool-failed"
    assert got in error.got


def test_an_om_of_an_earlier_build_is_not_taken_for_a_new_one(tmp_path, job):
    once = (
        f"mark = {str(tmp_path / 'ran')!r}\nif not os.path.exists(mark): write()\nopen(mark, 'w').close()\nsay(SUCCESS)"
    )
    convert(tmp_path, job, once)
    (tmp_path / "entry" / "model.om").unlink()

    assert "no toy_bs4.om" in failure(tmp_path, job, once).got


@pytest.mark.parametrize(
    ("body", "got"),
    [
        ("say(START)\nos.kill(os.getpid(), signal.SIGKILL)", "the end by signal SIGKILL and no verdict"),
        ("say(START)\nsys.exit(137)", "exit code 137 and no verdict"),
        ("write()", "exit code 0 and no verdict"),
        ("say('atc.bin: error while loading shared libraries: libx.so: cannot open')\nsys.exit(127)", "exit code 127"),
    ],
    ids=["killed", "killed in a shell", "exit 0 in silence", "loader"],
)
def test_an_end_without_a_verdict_is_the_hosts_failure(tmp_path, job, body, got):
    error = failure(tmp_path, job, body)

    assert error.kind == "infra"
    assert got in error.got


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: unknown command line flag 'sparse_weights'",
        "atc.bin: unrecognized option '--sparse_weights=1'",
        "ERROR: flag '--sparse_weights' is missing its argument; flag description: sparsity",
        "ERROR: illegal value 'on' specified for int32 flag 'sparse_weights'",
    ],
    ids=["gflags", "getopt", "no value", "wrong value"],
)
def test_a_flag_that_atc_refuses_before_its_verdict_is_the_cards_fault_and_named(tmp_path, job, line):
    error = failure(tmp_path, job, f"say({line!r})\nsys.exit(1)")

    assert error.kind == "compile-error"
    assert line in error.got
    assert "this ATC refuses --sparse_weights" in error.do
    assert "[atc]" in error.do


def test_a_refused_flag_beside_a_missing_library_is_still_the_hosts_failure(tmp_path, job):
    lines = "'error while loading shared libraries: libx.so', 'unrecognized option --y'"

    assert failure(tmp_path, job, f"say({lines})\nsys.exit(127)").kind == "infra"


CODED = {
    "until 7.0": "E10016: Opname [y] specified in [--out_nodes] is not found in the model, confirm whether it exists.",
    "8.0": "E10016: [PID: 412] 2025-03-18-09:02:18.501.341 Opname [y] specified in [--out_nodes] is not found.",
    "8.3": "[PID: 412] 2026-06-06-12:17:01.267.772 Parser_Error(E10016): Opname [y] in [--out_nodes] is not found.",
}


@pytest.mark.parametrize("line", CODED.values(), ids=CODED)
def test_a_failure_shows_the_code_of_every_age_and_what_it_means(tmp_path, job, line):
    error = failure(tmp_path, job, f"say(START, FAILED, {line!r}, '        Solution: Try again.')\nsys.exit(255)")

    assert (error.kind, error.code, error.stage) == ("compile-error", "E10016", "atc")
    assert "a node named by a command-line option is not in the model" in str(error)
    assert "Opname [y]" in error.got
    assert "2025-03-18" not in error.got


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        ("EZ3003: No supported Ops kernel and engine are found for [a], optype [b].", "unsupported", "EZ3003"),
        ("E19010: No parser is registered for Op [Div_3, optype [ai.onnx::23::Div]].", "unsupported", "E19010"),
        ("E10007: [--framework] is required.", "compile-error", "E10007"),
        ("EL0004: Failed to allocate memory.", "oom", "EL0004"),
        ("EC0010: Failed to import Python module [ModuleNotFoundError: No module named 'tbe'.].", "infra", "EC0010"),
    ],
)
def test_the_code_decides_the_kind_of_failure(tmp_path, job, line, kind, code):
    error = failure(tmp_path, job, f"say(START, FAILED, {line!r})\nsys.exit(255)")

    assert (error.kind, error.code) == (kind, code)


def test_a_failure_without_a_code_shows_the_last_error_that_was_printed(tmp_path, job):
    body = "say('[ERROR] AMCT(7,atc.bin):2023-04-14-14:43:17[q.cpp:37]Do Calibration failed.', FAILED)\nsys.exit(255)"

    error = failure(tmp_path, job, body)

    assert (error.kind, error.code) == ("compile-error", "")
    assert "Do Calibration failed." in error.got


def test_the_word_of_failure_counts_even_with_exit_code_0_and_a_file(tmp_path, job):
    error = failure(tmp_path, job, "say(START, FAILED)\nwrite()")

    assert error.kind == "compile-error"


def test_the_log_outlives_the_build_whole_and_its_last_lines_are_shown(tmp_path, job):
    body = "say(*['line %d of atc' % n for n in range(1, 41)], FAILED)\nsys.exit(255)"

    error = failure(tmp_path, job, body)

    log = Path(error.log)
    assert log.parent == tmp_path / "logs"
    assert log.read_text().count(" of atc\n") == 40
    assert str(log) in error.do
    assert "line 21 of atc" not in error.do
    assert error.do.splitlines()[1:] == [f"line {n} of atc" for n in range(22, 41)] + [FAILED]


def test_canns_own_logs_are_kept_with_it(tmp_path, job):
    body = """
folder = os.path.join(os.environ["ASCEND_PROCESS_LOG_PATH"], "debug", "plog")
os.makedirs(folder)
with open(os.path.join(folder, "plog-7_1.log"), "w") as stream:
    stream.write("the reason")
say(FAILED)
sys.exit(255)"""

    error = failure(tmp_path, job, body)

    assert "the reason" in Path(error.log).read_text()
    assert "the reason" not in error.do


def test_a_log_that_is_no_utf_8_is_kept_all_the_same(tmp_path, job):
    body = "sys.stdout.buffer.write(b'\\xb4\\xed\\n')\nsys.stdout.flush()\nsay(FAILED)\nsys.exit(255)"

    assert FAILED in Path(failure(tmp_path, job, body).log).read_text()


def test_a_hanging_atc_is_ended_with_all_it_started(tmp_path, job):
    pids = tmp_path / "pids"
    body = f"""
child = os.fork()
with open({str(pids)!r}, "a") as stream:
    stream.write("%d\\n" % os.getpid())
say(START)
time.sleep(600)"""

    error = failure(tmp_path, job, body, timeout_s=1.0)

    assert (error.kind, error.stage) == ("timeout", "atc")
    assert "no end within 1 s" in error.got
    assert START in error.do
    deadline = time.monotonic() + 10
    numbers = [int(line) for line in pids.read_text().split()]
    assert len(numbers) == 2
    while any(is_alive(pid) for pid in numbers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(is_alive(pid) for pid in numbers)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not waited for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_an_interrupted_build_leaves_no_folder(tmp_path, job, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atc_run, "run_tool", interrupt)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path, job, WORKS)

    assert list((tmp_path / "entry").iterdir()) == []


def test_without_atc_the_remedy_is_told(tmp_path, job):
    (tmp_path / "entry").mkdir()
    bare = Toolchain({}, {}, remedies={"atc": "install CANN"})

    with pytest.raises(MissingNeedError, match="install CANN") as caught:
        atc_run.convert(job, bare, tmp_path / "entry" / "model.om", tmp_path / "logs")
    assert caught.value.need == "tool"


def test_an_atc_that_cannot_be_started_is_a_missing_tool(tmp_path, job):
    (tmp_path / "entry").mkdir()
    gone = Toolchain({"atc": (str(tmp_path / "nowhere" / "atc"),)}, {"PATH": os.defpath})

    with pytest.raises(MissingNeedError):
        atc_run.convert(job, gone, tmp_path / "entry" / "model.om", tmp_path / "logs")
    assert list((tmp_path / "entry").iterdir()) == []


@pytest.mark.skipif(not TRANSCRIPTS.is_dir(), reason="needs the collection of real transcripts")
@pytest.mark.parametrize("name", sorted(path.name for path in TRANSCRIPTS.glob("atc_fail_*.txt")))
def test_no_real_failure_passes_for_a_build(tmp_path, job, name):
    text = (TRANSCRIPTS / name).read_text(encoding="utf-8")
    named = re.match(r"atc_fail_(e[a-z\d]\d{3,4}|ez\d{4}|ec\d{4})_", name, re.IGNORECASE)

    error = failure(tmp_path, job, f"write()\nsay({text!r})\nsys.exit(255)")

    if named:
        assert error.code == named[1].upper()
    assert error.kind in ("compile-error", "unsupported", "infra")


@pytest.mark.skipif(not TRANSCRIPTS.is_dir(), reason="needs the collection of real transcripts")
@pytest.mark.parametrize("name", sorted(path.name for path in TRANSCRIPTS.glob("atc_success_*.txt")))
def test_every_real_success_passes(tmp_path, job, name):
    text = (TRANSCRIPTS / name).read_text(encoding="utf-8")

    found = convert(tmp_path, job, f"write()\nsay({text!r})")["warnings"]

    assert len(found) == text.count("W11001")
