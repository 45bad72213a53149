import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import worker

SOURCE = Path(worker.__file__)
ALLOWED = {
    "__future__",
    "ctypes",
    "faulthandler",
    "json",
    "mmap",
    "os",
    "pathlib",
    "re",
    "struct",
    "sys",
    "time",
    "typing",
    "numpy",
}


def imported(node):
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {node.module.partition(".")[0]} if isinstance(node, ast.ImportFrom) else set()


@pytest.fixture
def process():
    started = subprocess.Popen([sys.executable, str(SOURCE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield started
    started.kill()
    started.wait()
    started.stdin.close()
    started.stdout.close()


def test_the_file_is_python_3_7():
    ast.parse(SOURCE.read_text(), feature_version=(3, 7))


def test_it_imports_numpy_and_the_standard_library_and_a_runtime_only_in_the_functions_that_need_it():
    tree = ast.parse(SOURCE.read_text())
    at_top = set().union(*(imported(node) for node in tree.body))
    anywhere = set().union(*(imported(node) for node in ast.walk(tree)))

    assert at_top <= ALLOWED
    assert anywhere <= ALLOWED | {"aclruntime", "onnxruntime"}


def test_a_message_survives_the_pipe():
    message = {"op": "open", "text": "ä\n\0", "shape": [1, 2]}
    reader, writer = os.pipe()
    os.write(writer, worker.encode(message) * 2)
    os.close(writer)

    with os.fdopen(reader, "rb") as stream:
        assert [worker.receive(stream) for _ in range(3)] == [message, message, None]


def test_a_layout_starts_every_tensor_on_a_cache_line_and_keeps_them_apart():
    tensors = [
        {"name": "a", "dtype": "uint8", "shape": [3]},
        {"name": "b", "dtype": "float32", "shape": [2, 10]},
        {"name": "c", "dtype": "int64", "shape": [1]},
    ]

    assert worker.layout(tensors) == ([0, 64, 192], 200)
    assert worker.layout(tensors[2:], 200) == ([256], 264)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "oom"),
        (RuntimeError("Failed to allocate memory for requested buffer of size 70368744177664"), "oom"),
        (RuntimeError("CUDA failure 2: out of memory"), "oom"),
        (RuntimeError("[ERROR] error code 207001"), "oom"),
        (RuntimeError("requested 1207001 bytes and got them"), "tool-failed"),
        (
            RuntimeError("[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for X"),
            "unsupported",
        ),
        (RuntimeError("Error No Op registered for FooBar with domain_version of 11"), "unsupported"),
        (type("DeviceReset", (Exception,), {})("gone"), "device-lost"),
        (RuntimeError("something else"), "tool-failed"),
    ],
)
def test_the_kind_of_an_error_comes_from_its_type_and_text(error, kind):
    assert worker.kind_of(error, "tool-failed") == kind


def test_the_process_ends_when_its_input_does(process):
    process.stdin.close()

    assert process.wait(30) == 0


def test_the_process_ends_when_it_is_closed(process):
    process.stdin.write(worker.encode({"op": "close"}))
    process.stdin.flush()

    assert worker.receive(process.stdout) == {}
    assert process.wait(30) == 0
