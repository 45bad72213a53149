"""Reading checkpoints, making weights from names, and telling states apart."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import WeightsError
from harness.weights import read_checkpoint, seeded, state_digest

torch = pytest.importorskip("torch", reason="a checkpoint is read by torch")
safetensors = pytest.importorskip("safetensors.torch")

# Made with the original weight rule: the first two values of each tensor.
RULE = {
    "conv1.0.weight": ((2, 3, 3, 3), [0.026548098772764206, -0.045643605291843414]),
    "fc.weight": ((2, 8), [-0.23578444123268127, 0.6347721219062805]),
    "fc.bias": ((2,), [0.020426563918590546, 0.09831301867961884]),
    "bn.weight": ((2,), [0.7242635488510132, 0.8721391558647156]),
    "bn.bias": ((2,), [0.04500384256243706, -0.12676697969436646]),
    "bn.running_mean": ((2,), [-0.14306138455867767, 0.009282942861318588]),
    "bn.running_var": ((2,), [0.6938385963439941, 0.5847850441932678]),
    "bn.num_batches_tracked": ((), [0]),
}


class CallsSystem:
    """Would run a command when unpickled without care."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("name", RULE)
def test_seeded_weights_are_those_of_the_golden_rule(name):
    weights = seeded({key: shape for key, (shape, _) in RULE.items()})

    shape, first_values = RULE[name]
    assert weights[name].shape == shape
    assert weights[name].dtype == (np.int64 if name.endswith("num_batches_tracked") else np.float32)
    assert weights[name].ravel()[:2].tolist() == first_values


def test_seeded_weights_do_not_depend_on_the_order_or_the_other_names():
    alone = seeded({"fc.weight": (2, 8)})

    among_others = seeded({"fc.bias": (2,), "conv.weight": (2, 3, 3, 3), "fc.weight": (2, 8)})

    assert np.array_equal(alone["fc.weight"], among_others["fc.weight"])


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda state: state, id="plain"),
        pytest.param(lambda state: {"epoch": 3, "state_dict": state}, id="state_dict"),
        pytest.param(lambda state: {"model": state, "optimizer": {"lr": 0.1}}, id="model"),
        pytest.param(lambda state: {"model": {"state_dict": state}}, id="both"),
        pytest.param(lambda state: {f"module.{name}": value for name, value in state.items()}, id="module-prefix"),
        pytest.param(lambda state: {"state_dict": {f"module.{k}": v for k, v in state.items()}}, id="wrapped-prefix"),
    ],
)
def test_a_checkpoint_is_unwrapped_and_its_halves_are_promoted_to_float32(tmp_path, wrap):
    state = {"fc.weight": torch.tensor([[0.5, -2.0]], dtype=torch.float16), "bn.num_batches_tracked": torch.tensor(7)}
    torch.save(wrap(state), tmp_path / "c.pth")

    arrays = read_checkpoint(tmp_path / "c.pth")

    assert list(arrays) == ["fc.weight", "bn.num_batches_tracked"]
    assert arrays["fc.weight"].dtype == np.float32
    assert arrays["fc.weight"].tolist() == [[0.5, -2.0]]
    assert arrays["bn.num_batches_tracked"].dtype == np.int64
    assert arrays["bn.num_batches_tracked"] == 7


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_a_safetensors_file_gives_float32_for_every_float_type(tmp_path, dtype):
    safetensors.save_file({"a": torch.tensor([1.5, -0.25], dtype=dtype)}, tmp_path / "c.safetensors")

    arrays = read_checkpoint(tmp_path / "c.safetensors")

    assert arrays["a"].dtype == np.float32
    assert arrays["a"].tolist() == [1.5, -0.25]


def test_a_module_prefix_on_some_names_only_is_part_of_the_names(tmp_path):
    torch.save({"module.a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "c.pth")

    assert set(read_checkpoint(tmp_path / "c.pth")) == {"module.a", "b"}


@pytest.mark.parametrize("how", ["pickle", "torch-zip", "torch-legacy"])
def test_a_checkpoint_that_would_run_code_is_refused_and_nothing_runs(tmp_path, how):
    path, trace = tmp_path / "c.pth", tmp_path / "ran"
    document = {"fc.weight": torch.zeros(1), "note": CallsSystem(f"touch {trace}")}
    if how == "pickle":
        path.write_bytes(pickle.dumps({"note": document["note"]}, protocol=2))
    else:
        torch.save(document, path, _use_new_zipfile_serialization=how == "torch-zip")

    with pytest.raises(WeightsError, match=r"c\.pth: expected a checkpoint of tensors only.*system.*state_dict"):
        read_checkpoint(path)

    assert not trace.exists()


def test_a_whole_pickled_model_is_refused_with_the_remedy(tmp_path):
    torch.save(torch.nn.Linear(1, 1), tmp_path / "c.pth")

    with pytest.raises(WeightsError, match=r"would call torch\.nn\.modules\.linear\.Linear; save it with torch\.save"):
        read_checkpoint(tmp_path / "c.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04 cut off"], ids=["empty", "html", "zip"])
def test_a_foreign_file_is_refused_by_name(tmp_path, suffix, content):
    path = tmp_path / f"c{suffix}"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=f"c{suffix}: expected a "):
        read_checkpoint(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path, suffix):
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()

    for path in (folder, tmp_path / f"absent{suffix}"):
        with pytest.raises(WeightsError, match=f"{path.name}: expected a readable "):
            read_checkpoint(path)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "expected tensors by name, got an empty dict"),
        ([torch.zeros(1)], "expected tensors by name, got list"),
        (torch.zeros(1), "expected tensors by name, got Tensor"),
        ({"a": torch.zeros(1), "epoch": 3}, "c.pth: epoch: expected a plain tensor, got int"),
        ({"state_dict": {"a": "text"}}, "c.pth: a: expected a plain tensor, got str"),
        ({"a": torch.ones(2).to_sparse()}, "c.pth: a: expected a plain tensor, got Tensor"),
    ],
    ids=["empty", "list", "tensor", "number", "wrapped-text", "sparse"],
)
def test_a_checkpoint_of_something_else_says_what_it_holds(tmp_path, document, message):
    torch.save(document, tmp_path / "c.pth")

    with pytest.raises(WeightsError) as caught:
        read_checkpoint(tmp_path / "c.pth")

    assert message in str(caught.value)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> list[Path]:
    """A checkpoint of each accepted kind."""
    folder = tmp_path_factory.mktemp("whole")
    state = {"fc.weight": torch.arange(6.0).reshape(2, 3), "bn.num_batches_tracked": torch.tensor(7)}
    torch.save(state, folder / "zip.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    safetensors.save_file(state, folder / "c.safetensors")
    return sorted(folder.iterdir())


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_checkpoint_is_refused_or_read_but_never_a_crash(tmp_path, checkpoints, data):
    whole = data.draw(st.sampled_from(checkpoints))
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / whole.name
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    try:
        arrays = read_checkpoint(damaged)
    except WeightsError as error:
        assert str(error).startswith(str(damaged))  # noqa: PT017 - reading may succeed: a changed value is no damage
    else:
        assert all(isinstance(array, np.ndarray) for array in arrays.values())


def test_cutting_a_checkpoint_off_anywhere_near_its_end_is_noticed(tmp_path, checkpoints):
    for whole in checkpoints:
        cut = tmp_path / whole.name
        cut.write_bytes(whole.read_bytes()[:-1])

        with pytest.raises(WeightsError):
            read_checkpoint(cut)


def test_the_digest_of_a_state_ignores_the_order_of_its_names():
    first, second = np.arange(3, dtype=np.float32), np.zeros(2, np.int64)

    assert state_digest({"a": first, "b": second}) == state_digest({"b": second, "a": first})


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"a": np.array([0, 1, 3, 3], np.float32)}, id="value"),
        pytest.param({"b": np.array([0, 1, 2, 3], np.float32)}, id="name"),
        pytest.param({"a": np.array([[0, 1], [2, 3]], np.float32)}, id="shape"),
        pytest.param({"a": np.array([0, 1, 2, 3], np.float32).view(np.int32)}, id="dtype"),
        pytest.param({"a": np.array([0, 1, 2, 3], np.float32), "b": np.zeros((), np.float32)}, id="one-more"),
    ],
)
def test_the_digest_of_a_state_changes_with_each_part_of_it(other):
    assert state_digest({"a": np.array([0, 1, 2, 3], np.float32)}) != state_digest(other)
