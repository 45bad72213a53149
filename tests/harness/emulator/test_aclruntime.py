"""The emulated aclruntime: the calls of the public front ends, its failures with their text, and what it holds."""

import gc
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.emulator import om
from harness.emulator.acl_new_session import NewSession
from harness.emulator.acl_session import OldSession
from harness.emulator.acl_tensors import BaseTensor, MemorySummary, Tensor, dtype, session_options
from harness.emulator.devices import Devices
from harness.toolchain import Toolchain
from tests.harness.emulator import adder_om

# What ais_bench's array mode calls, in its order, in the two generations: nothing of this project is imported.
COMMON = """
import sys
import numpy as np
import aclruntime

options = aclruntime.session_options()
options.log_level = 2
options.loop = 1
session = aclruntime.InferenceSession(sys.argv[1], 0, options)
names = [meta.name for meta in session.get_outputs()]
first = session.get_inputs()[0]
session.set_staticbatch()
print("batch", first.shape[0], "bytes", first.realsize, "name", first.name)

def run(array):
    feed = aclruntime.BaseTensor(array.__array_interface__["data"][0], array.nbytes)
    outputs = session.run(names, [feed])
    for tensor in outputs:
        tensor.to_host()
    return [np.array(tensor) for tensor in outputs]

session.options().loop = 1
run(np.zeros(24, np.int8))
session.options().loop = 2
session.reset_sumaryinfo()
aclruntime.MemorySummary().reset()
y, z = run(np.arange(6, dtype=np.float32).reshape(2, 3))
print("y", y.dtype, y.tolist(), "z", z.dtype, z.tolist())
copies = aclruntime.MemorySummary()
print("copies", len(copies.H2D_time_list), len(copies.D2H_time_list))
executed = session.sumary().exec_time_list
print("executed", len(executed), type(executed[0]).__name__)
on_device = aclruntime.Tensor(np.zeros((2, 3), np.float32))
on_device.to_device(0)
print("tensor", type(on_device) is aclruntime.Tensor, len(session.run(names, [on_device])), flush=True)
"""
OLD = (
    COMMON
    + """
assert not hasattr(aclruntime.InferenceSession, "free_resource")
if hasattr(session, "finalize"):
    session.finalize()
"""
)
NEW = (
    COMMON
    + """
assert session.get_dym_aipp_input_exist() == 0
if hasattr(session, "free_resource"):
    session.free_resource()
if hasattr(aclruntime.InferenceSession, "finalize"):
    aclruntime.InferenceSession.finalize()
"""
)
ZEROS = np.zeros((2, 3), np.float32)
SAID = ["batch 2 bytes 24 name x", "y float32 [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]] z int64 [2, 2]", "copies 1 2"]
ENDS = {
    "old": ["[INFO] end to destroy context", "[INFO] end to reset device is 0", "[INFO] end to finalize acl"],
    "new": ["[INFO] end to reset device 0", "[INFO] end to finalize acl"],
}


@pytest.fixture
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolchain]:
    yield adder_om.install(tmp_path / "prefix", monkeypatch)
    gc.collect()  # a session forgotten with its exception says that it is unloaded when it goes


@pytest.fixture
def path(tmp_path: Path, toolchain: Toolchain) -> str:
    return adder_om.write(tmp_path / "adder.om")


def feeds(*arrays: np.ndarray[Any, Any]) -> list[BaseTensor]:
    return [BaseTensor(array.__array_interface__["data"][0], array.nbytes) for array in arrays]


def devices(toolchain: Toolchain) -> Devices:
    return Devices(Path(toolchain.env["OMGATE_EMULATE_ROOT"]))


@pytest.mark.parametrize(("generation", "script", "kind"), [("old", OLD, "float"), ("new", NEW, "tuple")])
def test_it_carries_the_calls_of_ais_bench_in_each_generation(
    generation: str, script: str, kind: str, toolchain: Toolchain, path: str
) -> None:
    env = {**toolchain.env, "OMGATE_EMULATE_ACLRUNTIME": generation}

    run = subprocess.run(
        [*toolchain.command("python"), "-c", script, path], env=env, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stdout.replace("\r", "\n").splitlines() if line]
    assert [line for line in lines if line in SAID] == SAID
    assert f"executed 2 {kind}" in lines
    assert "tensor True 2" in lines
    assert "loop inference exec: (2/2)" in lines
    assert lines[-len(ENDS[generation]) - 1 :] == ["[INFO] unload model success, model Id is 1", *ENDS[generation]]


def test_the_module_has_the_names_of_the_real_one(toolchain: Toolchain) -> None:
    script = """
import aclruntime as a
print(*(name for name in (
    "session_options BaseTensor tensor_desc sumary Tensor MemorySummary dtype type batch model InferenceSession "
    "float32 float16 int8 int32 uint8 int16 uint16 uint32 int64 uint64 double bool infer_options"
).split() if not hasattr(a, name)))
print(int(a.dtype.float16), int(a.int64), a.dtype.bool, a.type.memory_device.name)
"""
    said = {}
    for generation in ("old", "new"):
        env = {**toolchain.env, "OMGATE_EMULATE_ACLRUNTIME": generation}
        command = [*toolchain.command("python"), "-c", script]
        said[generation] = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    assert said == {
        "old": "infer_options\n1 9 dtype.bool memory_device\n",
        "new": "\n1 9 dtype.bool memory_device\n",
    }


def test_options_have_the_real_ones_defaults() -> None:
    options = session_options()

    assert (options.loop, options.log_level, options.acl_json_path) == (1, 2, "")


def test_inputs_and_outputs_are_described_with_type_format_shape_and_sizes(path: str) -> None:
    session = NewSession(path, 0, session_options())

    first, (y, z) = session.get_inputs()[0], session.get_outputs()

    assert (first.name, first.datatype, first.format, first.shape) == ("x", dtype.float32, 2, [2, 3])
    assert (first.realsize, first.size) == (24, 24)
    assert [(row.name, row.datatype.name, row.size) for row in (y, z)] == [
        ("add:0:y", "float32", 24),
        ("arg:0:z", "int64", 16),
    ]


def test_outputs_come_in_the_order_of_their_names(path: str) -> None:
    session = OldSession(path, 0, session_options())

    z, y = session.run(["arg:0:z", "add:0:y"], feeds(np.zeros((2, 3), np.float32)))

    assert (z.shape, y.shape) == ([2], [2, 3])
    assert (z.device, y.device) == (0, 0)


def test_a_tensor_on_the_device_is_not_read_until_it_is_on_the_host(path: str) -> None:
    session = OldSession(path, 0, session_options())
    (y,) = session.run(["add:0:y"], feeds(np.zeros((2, 3), np.float32)))

    with pytest.raises(RuntimeError, match=r"tensor is in npu\. can't convert to numpy array"):
        np.array(y)
    y.to_host()

    np.testing.assert_array_equal(np.array(y), np.ones((2, 3)))
    assert str(y) == "<Tensor>\nshape:\t(2, 3)\ndtype:\tfloat32\ndevice:\t-1"


def test_a_tensor_is_a_copy_and_an_unknown_type_is_bytes() -> None:
    array = np.zeros(2, np.float32)

    tensor = Tensor(array)
    array[:] = 9

    np.testing.assert_array_equal(np.array(tensor), [0, 0])
    assert Tensor(np.zeros(2, np.complex64)).dtype == dtype.uint8


def test_a_tensor_says_where_its_memory_is(toolchain: Toolchain) -> None:
    tensor = Tensor(ZEROS)
    seen = [str(tensor.type)]

    tensor.to_dvpp(0)
    seen.append(str(tensor.type))
    tensor.to_device(0)
    seen.append(str(tensor.type))
    tensor.to_host()

    assert [*seen, str(tensor.type)] == [
        "type.memory_host", "type.memory_dvpp", "type.memory_device", "type.memory_host",
    ]  # fmt: skip


def test_a_tensor_goes_to_no_device_that_is_not_there(toolchain: Toolchain, capfd: pytest.CaptureFixture[str]) -> None:
    tensor = Tensor(ZEROS)

    with pytest.raises(RuntimeError) as caught:
        tensor.to_device(100)

    assert str(caught.value) == "[1004][Invalid parameter] "
    assert capfd.readouterr().out == "[ERROR] deviceId(100) is bigger than deviceCount(1)\n"
    assert tensor.device == -1


def test_doubles_have_the_printed_name_of_the_real_module() -> None:
    tensor = Tensor(np.zeros(2))

    assert tensor.dtype.name == "double"
    assert "dtype:\tdouble64" in str(tensor)


def test_a_feed_may_be_a_dictionary_of_tensors(path: str) -> None:
    session = NewSession(path, 0, session_options())

    (y,) = session.run(["add:0:y"], {"x": Tensor(np.full((2, 3), 4, np.float32))})
    y.to_host()

    np.testing.assert_array_equal(np.array(y), np.full((2, 3), 5))


def test_the_old_times_are_milliseconds_and_the_new_ones_starts_and_ends(path: str) -> None:
    old, new = OldSession(path, 0, session_options()), NewSession(path, 0, session_options())
    for session in (old, new):
        session.options().loop = 3
        session.run(["add:0:y"], feeds(np.zeros((2, 3), np.float32)))

    durations, pairs = old.sumary().exec_time_list, new.sumary().exec_time_list

    assert all(0 < duration < 1000 for duration in durations)
    assert all(0 <= start <= end for start, end in pairs)
    assert (len(durations), len(pairs)) == (3, 3)
    assert all(float(np.float32(value)) == value for value in durations)


def test_every_input_copied_and_every_output_fetched_is_timed(path: str) -> None:
    session = OldSession(path, 0, session_options())
    MemorySummary().reset()

    for tensor in session.run(list(adder_om.OUTPUTS), feeds(np.zeros((2, 3), np.float32))):
        tensor.to_host()

    assert len(MemorySummary().H2D_time_list) == 1
    assert len(MemorySummary().D2H_time_list) == 2
    MemorySummary().reset()
    assert MemorySummary().D2H_time_list == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            feeds(np.zeros((1, 3), np.float32)),
            ["[ERROR] Check i:0 name:x in size:12 needsize:24 not match", "[ERROR] Check InVector failed ret:-1"],
        ),
        (feeds(ZEROS, ZEROS), ["[WARN] intensors in:2 need:1 not match", "[ERROR] Set InputsData failed ret:-1"]),
        ({}, ["[ERROR] intensors size:0 need size:1 not match", "[ERROR] Check InVector failed ret:-1"]),
        ({"y": Tensor(ZEROS)}, ["[ERROR] intensors i:0 name:x not find", "[ERROR] Check InVector failed ret:-1"]),
    ],
)
def test_feeds_of_another_size_number_or_name_fail_as_general_failure(
    wrong: Any, said: list[str], path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    session = OldSession(path, 0, session_options())

    with pytest.raises(RuntimeError) as caught:
        session.run(["add:0:y"], wrong)

    assert str(caught.value) == "[-1][ACL: general failure] "
    assert capfd.readouterr().out.splitlines()[-2:] == said


def test_an_unknown_output_name_fails_as_general_failure(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    session = OldSession(path, 0, session_options())

    with pytest.raises(RuntimeError, match=r"\[-1\]"):
        session.run(["logits"], feeds(ZEROS))

    said = capfd.readouterr().out.splitlines()[-2:]
    assert said == ["[ERROR] outnames logits not valid", "[ERROR] Get OutTensors failed ret:-1"]


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (None, [Tensor(ZEROS)]),
        ("add:0:y", [Tensor(ZEROS)]),
        (["add:0:y"], [ZEROS]),
        (["add:0:y"], {"x": ZEROS}),
        (["add:0:y"], [Tensor(ZEROS), *feeds(ZEROS)]),
    ],
)
def test_what_no_signature_takes_is_a_type_error_and_not_run(names: Any, wrong: Any, path: str) -> None:
    session = OldSession(path, 0, session_options())

    with pytest.raises(TypeError):
        session.run(names, wrong)

    assert session.sumary().exec_time_list == []


def test_no_output_names_are_no_outputs_of_a_run(path: str) -> None:
    session = OldSession(path, 0, session_options())

    assert session.run([], feeds(ZEROS)) == []
    assert len(session.sumary().exec_time_list) == 1


LOAD_LINES = [
    "[WARN] Check failed:processModel->LoadModelFromFile(modelPath), ret:1",
    "",
    "[WARN] no model had been loaded, unload failed",
]


@pytest.mark.parametrize(
    ("make", "sign"),
    [
        (lambda path: adder_om.write(path, soc_version="Ascend310"), "runtime result = 507008"),
        (lambda path: adder_om.write(path, memory=om.Memory(weights=30 << 30)), "runtime result = 207001"),
        (lambda path: path.write_bytes(b"no om"), "E19999: Inner Error!"),
        (lambda path: None, "is not a file"),
    ],
    ids=["another chip", "too large", "no om", "no file"],
)
def test_whatever_breaks_loading_is_code_1_behind_its_reason(
    make: Callable[[Path], Any], sign: str, tmp_path: Path, toolchain: Toolchain, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.om"
    make(path)

    with pytest.raises(RuntimeError) as caught:
        OldSession(str(path), 0, session_options())

    out = capfd.readouterr().out
    assert str(caught.value) == "[1][ACL: invalid parameter] "
    assert sign in out
    assert out.splitlines()[-4:] == [f"[ERROR] load model from file failed, model file is {path}", *LOAD_LINES]
    assert ("EL0004: Failed to allocate memory." in out) == (sign == "runtime result = 207001")


def test_an_om_whose_content_was_changed_is_not_loaded(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(Path(path).read_bytes())
    content[-3] ^= 1
    Path(path).write_bytes(content)

    with pytest.raises(RuntimeError, match=r"^\[1\]"):
        OldSession(path, 0, session_options())


def test_inputs_and_outputs_that_do_not_fit_fail_at_the_run_with_code_2(
    tmp_path: Path, toolchain: Toolchain, capfd: pytest.CaptureFixture[str]
) -> None:
    path = adder_om.write(tmp_path / "wide.om", memory=om.Memory(weights=1, io=30 << 30))
    session = OldSession(path, 0, session_options())

    with pytest.raises(RuntimeError) as caught:
        session.run(["add:0:y"], feeds(np.zeros((2, 3), np.float32)))

    assert str(caught.value) == "[2][ACL: memory allocation fail] "
    glued = "[207001][Error code unknown] Malloc ptrData failed.[ERROR] MemoryHelper::MxbsMalloc failed.i:0"
    assert capfd.readouterr().out.splitlines()[-3:] == [
        f"{glued} name:add:0:y size:24 ret:2",
        "[ERROR] create outmemory data failed:2",
        "[ERROR] Set InputsData failed ret:2",
    ]


def test_memory_held_by_another_process_counts(path: str, toolchain: Toolchain) -> None:
    free = devices(toolchain).free_bytes(0)

    with devices(toolchain).holding(0, free - 500, "neighbour"), pytest.raises(RuntimeError, match=r"^\[1\]"):
        OldSession(path, 0, session_options())

    OldSession(path, 0, session_options()).finalize()


@pytest.mark.parametrize("end", ["finalize", "free_resource", "forgotten"])
def test_memory_is_held_while_a_session_is_open_and_given_back_at_its_end(
    end: str, path: str, toolchain: Toolchain
) -> None:
    session = (
        NewSession(path, 0, session_options()) if end == "free_resource" else OldSession(path, 0, session_options())
    )
    loaded = sum(holder.nbytes for holder in devices(toolchain).holders(0))
    session.run(["add:0:y"], feeds(np.zeros((2, 3), np.float32)))
    ran = sum(holder.nbytes for holder in devices(toolchain).holders(0))

    if end != "forgotten":
        getattr(session, end)()
    del session

    assert (loaded, ran) == (1100, 1164)
    assert devices(toolchain).holders(0) == ()


def test_a_device_that_is_not_there_is_an_acl_error(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError) as caught:
        OldSession(path, 3, session_options())

    assert str(caught.value) == "[107001][Error code unknown] "
    assert capfd.readouterr().out.splitlines()[-2:] == [
        "[ERROR] acl open device 3 failed",
        "[ERROR] SetDevice failed. ret=107001",
    ]


def test_devices_are_numbered_by_what_is_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain = adder_om.install(tmp_path / "prefix", monkeypatch, "Ascend310", "Ascend310P3")
    path = adder_om.write(tmp_path / "adder.om")
    monkeypatch.setenv("OMGATE_EMULATE_CANN", "8.0.RC3")
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", "1")

    session = OldSession(path, 0, session_options())

    assert [holder.nbytes for holder in devices(toolchain).holders(1)] == [1100]
    session.finalize()


def test_the_log_level_leaves_out_what_went_well(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    session = OldSession(path, 0, session_options(log_level=4))
    session.finalize()

    assert capfd.readouterr().out == ""


def test_a_lost_device_fails_the_run_and_every_later_opening_until_it_is_healthy(
    path: str, toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "device-lost@aclruntime#1")
    session = OldSession(path, 0, session_options())

    with pytest.raises(RuntimeError, match=r"^\[-1\]"):
        session.run(["add:0:y"], feeds(np.zeros((2, 3), np.float32)))
    assert "507899" in capfd.readouterr().out
    assert devices(toolchain).health(0) == "Critical"
    with pytest.raises(RuntimeError, match=r"^\[507033\]\[Error code unknown\] $"):
        OldSession(path, 0, session_options())
    devices(toolchain).set_health(0, "OK")
    OldSession(path, 0, session_options()).finalize()


def test_an_oom_on_demand_reads_as_a_real_one(
    path: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "oom")

    with pytest.raises(RuntimeError, match=r"^\[1\]"):
        NewSession(path, 0, session_options())

    assert "EL0004" in capfd.readouterr().out


def test_a_gear_is_chosen_by_its_batch_and_sets_the_real_size(tmp_path: Path, toolchain: Toolchain) -> None:
    session = NewSession(adder_om.write_geared(tmp_path / "geared.om"), 0, session_options())

    session.set_dynamic_batchsize(1)
    (y,) = session.run(["add:0:y"], feeds(np.zeros((1, 3), np.float32)))

    (row,) = session.get_inputs()
    assert (row.shape, row.realsize, row.size) == ([-1, 3], 12, 48)
    assert y.shape == [1, 3]
    assert session.get_max_dym_batchsize() == 4


def test_a_gear_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, toolchain: Toolchain, capfd: pytest.CaptureFixture[str]
) -> None:
    session = OldSession(adder_om.write_geared(tmp_path / "geared.om"), 0, session_options())

    with pytest.raises(RuntimeError, match=r"^\[1\]"):
        session.set_dynamic_batchsize(3)

    assert capfd.readouterr().out.splitlines()[-5:] == [
        "[ERROR] the dymBatch parameter is not correct",
        "1",
        "2",
        "4",
        "[WARN] Check failed:processModel->CheckDynamicBatchSize(batchsize, is_dymbatch), ret:1",
    ]


def test_a_dynamic_om_without_a_gear_does_not_run_and_a_static_one_has_none(
    tmp_path: Path, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    geared = OldSession(adder_om.write_geared(tmp_path / "geared.om"), 0, session_options())
    geared.set_staticbatch()

    with pytest.raises(RuntimeError, match=r"^\[-1\]"):
        geared.run(["add:0:y"], feeds(np.zeros((4, 3), np.float32)))
    static = OldSession(path, 0, session_options())
    with pytest.raises(RuntimeError, match=r"^\[1\]"):
        static.set_dynamic_batchsize(1)
    with pytest.raises(RuntimeError, match=r"^\[-1\]"):
        static.set_dynamic_dims("x:2,3")
    with pytest.raises(RuntimeError, match=r"^\[-1\]"):
        static.set_dynamic_shape("x:2,3")

    out = capfd.readouterr().out
    assert "[WARN] check failed dym gearcount:3 but dymtype:0 not set\n[ERROR] Set InputsData failed ret:-1\n" in out
    assert "[ERROR] the dynamic_batch_size parameter is not specified for model conversion" in out
    assert "[ERROR] check dynamic dims failed, please set correct dymDims paramenter" in out
    assert out.endswith("[ERROR] check dynamic shape failed\n")


def test_a_tensor_is_joined_from_files(tmp_path: Path, path: str) -> None:
    folder = adder_om.samples(tmp_path / "in", "a.bin", "b.bin")
    session = OldSession(path, 0, session_options())

    tensor = session.create_tensor_from_fileslist(
        session.get_inputs()[0], [str(folder / "a.bin"), str(folder / "b.bin")]
    )
    (y,) = session.run(["add:0:y"], [tensor])
    y.to_host()

    assert tensor.device == 0
    np.testing.assert_array_equal(np.array(y), [[1, 2, 3], [11, 12, 13]])


def test_files_that_do_not_fit_a_tensor_are_refused(tmp_path: Path, path: str) -> None:
    folder = adder_om.samples(tmp_path / "in", "a.bin", "b.bin", "c.bin")
    session = OldSession(path, 0, session_options())

    with pytest.raises(RuntimeError, match=r"^\[1\]"):
        session.create_tensor_from_fileslist(session.get_inputs()[0], [str(file) for file in sorted(folder.iterdir())])


def test_an_output_can_be_the_next_input(path: str) -> None:
    session = NewSession(path, 0, session_options())

    session.first_inner_run(["add:0:y"], feeds(np.zeros((2, 3), np.float32)))
    session.inner_run([0], ["add:0:y"], False, False)
    (y,) = session.inner_run([0], ["add:0:y"], True, False)
    y.to_host()

    np.testing.assert_array_equal(np.array(y), np.full((2, 3), 3))


def test_printing_a_session_names_its_inputs_and_outputs(path: str) -> None:
    text = str(OldSession(path, 0, session_options()))

    assert text.splitlines()[:4] == ["<Model>", "device:\t0", "input:", "  #0    x  (2, 3)  float32  24  24"]
