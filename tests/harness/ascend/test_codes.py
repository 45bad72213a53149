"""Codes of the Ascend tools: found, explained, and turned into kinds of error."""

import pytest

from harness.ascend import codes
from harness.ascend.codes import Message

FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(
            "E10016: Opname [image] specified in [--input_shape] is not found in the model.",
            Message("E10016", "Opname [image] specified in [--input_shape] is not found in the model."),
            id="plain",
        ),
        pytest.param(
            "E11017: [PID: 77] 2025-01-02-03:04:05.678.901 Op [head] specified in --out_nodes is not found.",
            Message("E11017", "Op [head] specified in --out_nodes is not found."),
            id="process-and-time-behind",
        ),
        pytest.param(
            "[PID: 77] 2026-01-02-03:04:05.678.901 Memory_Allocation_Failure(EL0004): Failed to allocate memory.",
            Message("EL0004", "Failed to allocate memory."),
            id="named",
        ),
        pytest.param(
            "for more informationE10001: Value [0] is invalid.Solution: Try again.",
            Message("E10001", "Value [0] is invalid."),
            id="glued",
        ),
        pytest.param(
            ">   EZ3002: Optype [Foo] is unsupported.", Message("EZ3002", "Optype [Foo] is unsupported."), id="quoted"
        ),
        pytest.param(
            "EH0001: Value [0] for [size] is invalid. size must be greater than zero",
            Message("EH0001", "Value [0] for [size] is invalid. size must be greater than zero"),
            id="argument",
        ),
        pytest.param("W11001: Op [Slice_1] is slow.", Message("W11001", "Op [Slice_1] is slow."), id="warning"),
    ],
)
def test_a_coded_message_is_found(line, message):
    assert codes.messages(f"before\n{line}\nafter\n") == (message,)


def test_inner_error_takes_the_line_that_says_which():
    found = codes.messages("E19999: Inner Error!\n        Unknown error occurred. Please check the log.\n")

    assert found == (Message("E19999", "Inner Error! Unknown error occurred. Please check the log."),)


def test_inner_error_loses_the_code_that_the_next_line_repeats():
    found = codes.messages("E89999: Inner Error!\nE89999  op[Add_7], two dtypes\n")

    assert found == (Message("E89999", "Inner Error! op[Add_7], two dtypes"),)


def test_two_codes_on_one_line_are_two_messages():
    found = codes.messages("E10001: first E10002: second")

    assert found == (Message("E10001", "first"), Message("E10002", "second"))


@pytest.mark.parametrize(
    "line", ["module_name=EE8888", "E19999 no colon", "0xE10001:", "AE10001: x", "E1000: short", ""]
)
def test_other_text_holds_no_code(line):
    assert codes.messages(line) == ()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("SetDevice failed. ret=507033", (507033,)),
        ("open device 2 failed, runtime result = 207001.[FUNC:X]", (207001,)),
        ("rtMalloc:ErrCode=207001, desc=[driver]", (207001,)),
        ("aclrtSetDevice(deviceId) failed: 507899 (main.cpp:6)", (507899,)),
        ("[507011][Error code unknown] ", (507011,)),
        ("RuntimeError: [2][ACL: memory allocation fail] ", (2,)),
        ("RuntimeError:[1][ACL:invalid parameter]", (1,)),
        ("RuntimeError: [-1][ACL: general failure] ", (-1,)),
        ("[3011][Infer: find outputsize is zero please check outputsize is set correct]", (3011,)),
        ("retCode=0x711000e, ge result[4294967295], size 207001, took 507011 ms", ()),
        ("malloc buffer for mem , require size is 207001", ()),
    ],
)
def test_return_codes_are_read_only_where_one_stands(text, numbers):
    assert codes.acl_codes(text) == numbers


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("W11001: slow\nE10016: no such input\nret=507033", "E10016"),
        ("[1][ACL: invalid parameter]\nSetDevice failed. ret=507033", "507033"),
        ("[1][ACL: invalid parameter]", "1"),
        ("nothing", ""),
    ],
)
def test_the_code_to_name_is_the_most_telling(text, code):
    assert codes.first_code(text) == code


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("E10016", "not in the model"),
        ("E11017", "--out_nodes"),
        ("EL0004", "memory"),
        ("E10099", "option"),
        ("EZ9001", "AI core"),
    ],
)
def test_a_code_is_explained_by_itself_or_by_its_family(code, part):
    assert part in codes.meaning(code)


def test_an_unknown_code_has_no_meaning():
    assert (codes.meaning("E77777"), codes.acl_meaning(424242)) == ("", "")


@pytest.mark.parametrize(("number", "part"), [(207001, "memory"), (507033, "set up"), (1, "loaded"), (507008, "chip")])
def test_an_acl_error_is_explained(number, part):
    assert part in codes.acl_meaning(number)


@pytest.mark.parametrize(
    "text",
    [
        "alloc device memory failed, runtime result = 207001[FUNC:ReportCallError]",
        "aclmdlLoadFromFile failed, ret=245000",
        "ret is 200000",
        "errorCode = 207012",
        "EL0004: [PID: 5] 2025-01-02-03:04:05.678.901 Failed to allocate memory.",
        "Memory_Allocation_Failure(EL0004): Failed to allocate memory requested by GE module.",
        "        Possible Cause: Available memory is insufficient.",
        "Call rtMalloc fail, purpose: feature map, size:123",
        "RuntimeError: [2][ACL: memory allocation fail] ",
        "[ERROR] MemoryHelper::MxbsMalloc failed.i:0 name:out size:64 ret:2",
        "[207001][Error code unknown] Malloc ptrData failed.",
        "[ERROR] create outmemory data failed:2",
        "[ERROR] can't malloc buffer, size is 4096, create output failed",
        "[ERROR] malloc device buffer failed. size is 4096",
        "[ERROR] malloc buffer for mem failed, require size is 4096",
        "[ERROR] malloc buffer for weight failed, require size is 4096",
        "desc=[driver error:out of memory]",
        "torch.OutOfMemoryError: reported above",
        "ACL_ERROR_GE_MEMORY_ALLOCATION",
        "EZ9999: Inner Error!\nEZ9999 memory size 99999 is larger than the 21534 of the chip",
    ],
)
def test_device_memory_that_ran_out_is_oom(text):
    assert codes.error_kind(f"[INFO] acl init success\n{text}\n", "tool-failed") == "oom"


@pytest.mark.parametrize(
    "text",
    [
        "E19999: Inner Error!\nATC run failed\n",
        "SetDevice failed. ret=507033\n",
        "EZ3003: No supported Ops kernel\n",
        "[1][ACL: invalid parameter]\n",
    ],
)
def test_memory_comes_before_every_other_sign(text):
    assert codes.error_kind(text + "EL0004: Failed to allocate memory.\n", "tool-failed") == "oom"


@pytest.mark.parametrize(
    "text",
    [
        "[INFO] malloc buffer for mem , require size is 31197184\n[INFO] malloc buffer for weight,  require size is 9",
        "[INFO] output data success\nInference time: 207001ms",
        "RuntimeError: [1][ACL: invalid parameter] ",
        "[ERROR] load model from file failed, model file is memory.om\n[1][ACL: invalid parameter] ",
        "E10016: Opname [x] specified in [--input_shape] is not found in the model",
        "[10] Out of memory: Killed process 7",
        "",
    ],
)
def test_text_without_a_sign_stays_what_the_caller_says(text):
    assert codes.error_kind(text, "tool-failed") == "tool-failed"
    assert codes.error_kind(text, "corrupt-artifact") == "corrupt-artifact"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("E19010: No parser is registered for Op [x, optype [ai.onnx::23::Div]].", "unsupported"),
        ("E16002: no parser for optype", "unsupported"),
        ("EZ3003: No supported Ops kernel and engine are found for [x], optype [y].", "unsupported"),
        ("EZ0501: IR for Op [x] is not registered.", "unsupported"),
        ("E20001: Failed to compile Op [x].", "compile-error"),
        (FAILED + "E19999: Inner Error!", "compile-error"),
        (FAILED + "EZ9999: Inner Error!", "compile-error"),
        ("E10041: Failed to load the model from a.onnx", "corrupt-artifact"),
        ("E19999: Inner Error\nE19999 The opp version of the model does not match the package", "corrupt-artifact"),
        ("load failed, ret=507008", "corrupt-artifact"),
        ("[ERROR] acl open device 0 failed\nSetDevice failed. ret=507033", "device-lost"),
        ("driver failed: 507899", "device-lost"),
        ("device 3 heartbeat lost", "device-lost"),
        ("EC0010: Failed to import Python module [No module named 'attr'.].", "infra"),
        ("atc.bin: error while loading shared libraries: liba.so: cannot open shared object file", "infra"),
        ("dcmi model initialized failed, because the device is used. ret is -8020", "infra"),
        ("ImportError: liba.so: cannot open", "infra"),
        ("SetDevice failed. ret=107001", "infra"),
    ],
)
def test_other_kinds_are_told_apart(text, kind):
    assert codes.error_kind(text, "tool-failed") == kind


def test_an_inner_error_of_a_run_is_no_compile_error():
    assert codes.error_kind("EZ9999: Inner Error!\n[1][ACL: invalid parameter]", "tool-failed") == "tool-failed"


@pytest.mark.parametrize(
    "text",
    [
        "SetDevice failed. ret=507033",
        "[507014][Error code unknown] ",
        "runtime result = 507899",
        "ret=207004",
        "the device lost, reset it",
        "heart beat of device 0 timed out",
        "EZ9999  The error from device(2), serial number is 17, there is an aicore error, core id is 0",
        "dcmi module initialize failed. ret is -8005",
        "drvRetCode=87",
    ],
)
def test_failures_that_smell_of_the_device(text):
    assert codes.smells_of_device(text)


@pytest.mark.parametrize(
    "text",
    [
        "ret=107001",
        "RuntimeError: [1][ACL: invalid parameter]",
        "took 507033 ms",
        "[INFO] end to reset device is 0",
        "",
    ],
)
def test_failures_that_do_not(text):
    assert not codes.smells_of_device(text)
