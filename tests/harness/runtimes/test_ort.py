import numpy as np
import pytest
from onnx import TensorProto, helper

from harness import runtimes, worker
from harness.errors import MissingNeedError, RunError, UsageError
from harness.runtimes.isolated import Isolated
from harness.runtimes.ort import OrtCann, OrtCpu, OrtCuda
from harness.runtimes.protocol import SessionOptions
from harness.samples import Sample
from tests.harness.runtimes.small_models import onnx_artifact, sample, spec, sums_onnx


class FallenBack:
    """What ONNX Runtime gives when the provider cannot start: a working session on the CPU."""

    runs_on = "CPUExecutionProvider"

    def __init__(self, model, settings):
        self.inputs, self.outputs = [], []


@pytest.fixture
def options(tmp_path):
    return SessionOptions(batch=1, workdir=tmp_path / "work", timeout_s=60)


def runtime_of(name):
    return Isolated(OrtCpu()) if name == "isolated" else runtimes.get(name)


@pytest.mark.parametrize(
    ("runtime", "remedy"),
    [(OrtCuda(), "install onnxruntime-gpu"), (OrtCann(), "install onnxruntime-cann")],
    ids=["ort-cuda", "ort-cann"],
)
def test_a_provider_that_the_library_does_not_list_is_missing_with_a_remedy(runtime, remedy, monkeypatch):
    monkeypatch.setattr("harness.runtimes.ort._loads", lambda library: True)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])

    assert f"has no {runtime.provider}; {remedy}" in runtime.missing()


def test_a_listed_provider_whose_libraries_are_absent_is_missing_all_the_same(monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CANNExecutionProvider"])
    monkeypatch.setattr(OrtCann, "libraries", ("libomgate_has_no_such_library.so",))

    assert "cannot load libomgate_has_no_such_library.so; install onnxruntime-cann" in OrtCann().missing()


def test_the_cpu_is_never_missing():
    assert OrtCpu().missing() is None


def test_opening_on_a_missing_provider_says_what_to_do(tmp_path, options, monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])

    with pytest.raises(MissingNeedError, match="install onnxruntime-cann"):
        OrtCann().open(sums_onnx(tmp_path, 1), "npu:0", options)


@pytest.mark.parametrize(("kind", "device"), [(OrtCuda, "cuda:0"), (OrtCann, "npu:0")], ids=["ort-cuda", "ort-cann"])
def test_a_session_that_fell_back_to_the_cpu_is_refused(kind, device, tmp_path, options, monkeypatch):
    monkeypatch.setattr(kind, "missing", lambda self: None)
    monkeypatch.setattr(worker, "OrtEngine", FallenBack)

    with pytest.raises(MissingNeedError, match=f"expected a session on {kind.provider}, got a session on CPUExec"):
        kind().open(sums_onnx(tmp_path, 1), device, options)


@pytest.mark.parametrize(
    ("runtime", "device", "expected"),
    [
        (OrtCpu(), "cpu", {}),
        (OrtCuda(), "cuda:1", {"device_id": "1", "use_tf32": "0"}),
        (OrtCuda(), "cuda", {"device_id": "0", "use_tf32": "0"}),
        (OrtCann(), "npu:3", {"device_id": "3"}),
    ],
)
def test_a_device_becomes_the_options_of_its_provider(runtime, device, expected, options):
    settings = runtime.settings(device, options)

    assert settings == {"provider": runtime.provider, "provider_options": expected, "threads": 1}


@pytest.mark.parametrize(
    ("runtime", "device"), [(OrtCpu(), "cpu:1"), (OrtCuda(), "npu:0"), (OrtCann(), "npu:x"), (OrtCann(), "cpu")]
)
def test_a_device_that_the_provider_does_not_take_is_refused(runtime, device, options):
    with pytest.raises(UsageError, match=f"{runtime.name} expects '{runtime.device}'"):
        runtime.settings(device, options)


def test_threads_are_fixed_and_do_not_spin(tmp_path, monkeypatch):
    import onnxruntime

    made = []
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda model, given, **more: made.append(given) or real(model, given, **more)
    )

    OrtCpu().open(sums_onnx(tmp_path, 1), "cpu", SessionOptions(batch=1, workdir=tmp_path / "work", threads=2)).close()

    (given,) = made
    assert (given.intra_op_num_threads, given.inter_op_num_threads) == (2, 1)
    assert given.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert given.get_session_config_entry("session.inter_op.allow_spinning") == "0"


@pytest.mark.parametrize("name", ["ort-cpu", "isolated", "ort-files"])
def test_running_out_of_memory_is_an_oom(name, tmp_path, options):
    huge = helper.make_tensor("huge", TensorProto.INT64, [2], [1, 2**44])
    nodes = [
        helper.make_node("Expand", ["x", "huge"], ["expanded"]),
        helper.make_node("ReduceSum", ["expanded"], ["y"], axes=[1], keepdims=1),
    ]
    tensors = [spec("x", "N", 1)], [spec("y", "N", 1)]
    artifact = onnx_artifact(tmp_path / "huge.onnx", nodes, tensors, constants=[huge])

    with runtime_of(name).open(artifact, "cpu", options) as session, pytest.raises(RunError) as caught:
        list(session.run([Sample("one", (np.ones(1, np.float32),))]))

    assert caught.value.kind == "oom"


@pytest.mark.parametrize("name", ["ort-cpu", "isolated", "ort-files"])
def test_an_operator_that_the_library_does_not_know_is_unsupported(name, tmp_path, options):
    tensors = [spec("x", "N", 1)], [spec("y", "N", 1)]
    artifact = onnx_artifact(tmp_path / "odd.onnx", [helper.make_node("NoSuchOperator", ["x"], ["y"])], tensors)

    with pytest.raises(RunError, match="NoSuchOperator") as caught:
        runtime_of(name).open(artifact, "cpu", options)

    assert caught.value.kind == "unsupported"


def test_a_file_that_is_not_there_is_a_corrupt_artifact(tmp_path, options):
    artifact = sums_onnx(tmp_path, 1)
    artifact.path.unlink()

    with pytest.raises(RunError, match=r"sums\.onnx") as caught:
        OrtCpu().open(artifact, "cpu", options)

    assert caught.value.kind == "corrupt-artifact"


@pytest.mark.parametrize(
    "inputs",
    [
        (spec("first", "N", 1), spec("x", "N", 2, 3)),
        (spec("x", "N", 2, 4), spec("first", "N", 1)),
        (spec("x", "N", 2, 3, dtype="int64"), spec("first", "N", 1)),
        (spec("x", "N", 2, 3),),
    ],
    ids=["other order", "other size", "other dtype", "one too few"],
)
def test_a_file_with_other_tensors_than_declared_is_refused_when_opened(inputs, tmp_path, options):
    from dataclasses import replace

    with pytest.raises(RunError, match="expected the tensors") as caught:
        OrtCpu().open(replace(sums_onnx(tmp_path, 1), inputs=inputs), "cpu", options)

    assert caught.value.kind == "corrupt-artifact"


def test_a_tensor_whose_first_axis_is_not_the_batch_is_unsupported(tmp_path, options):
    tensors = [spec("x", "N", 4)], [spec("y", 4)]
    nodes = [helper.make_node("ReduceSum", ["x"], ["y"], axes=[0], keepdims=0)]

    with pytest.raises(RunError, match="the batch as the first axis of 'y'") as caught:
        OrtCpu().open(onnx_artifact(tmp_path / "sum.onnx", nodes, tensors), "cpu", options)

    assert caught.value.kind == "unsupported"


def test_an_artifact_of_another_format_is_refused(tmp_path, options):
    from dataclasses import replace

    with pytest.raises(UsageError, match="format onnx, got 'om'"):
        OrtCpu().open(replace(sums_onnx(tmp_path, 1), format="om"), "cpu", options)


def test_a_free_batch_dimension_takes_any_batch_size(tmp_path):
    from dataclasses import replace

    import onnx

    artifact = sums_onnx(tmp_path, 1)
    model = onnx.load(artifact.path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.save(model, artifact.path)
    options = SessionOptions(batch=3, workdir=tmp_path / "work")

    with OrtCpu().open(replace(artifact, batch=3), "cpu", options) as session:
        outputs = list(session.run([sample(1), sample(2)]))

    assert [float(each.arrays[0][0]) for each in outputs] == [318.0, 636.0]
