from dataclasses import replace

import numpy as np
import pytest

from harness.errors import MissingNeedError, RunError, StoreError, WeightsError
from harness.runtimes import torch_eager
from harness.runtimes.protocol import SessionOptions
from harness.runtimes.torch_eager import TorchCpu
from tests.harness.runtimes.small_models import OUTPUTS, sample, spec, sums_torch


@pytest.fixture
def options(tmp_path):
    return SessionOptions(batch=1, workdir=tmp_path / "work")


def with_recipe(artifact, **changes):
    return replace(artifact, recipe={**artifact.recipe, **changes})


def test_the_threads_of_the_session_hold_though_another_changed_them(tmp_path, options):
    import torch

    with TorchCpu().open(sums_torch(tmp_path, 1), "cpu", options) as session:
        torch.set_num_threads(2)
        list(session.run([sample(1)]))

        assert torch.get_num_threads() == 1


def test_the_kept_outputs_come_in_the_order_of_the_recipe(tmp_path, options):
    artifact = replace(with_recipe(sums_torch(tmp_path, 1), output_indices=[2, 0]), outputs=OUTPUTS[::-1])

    with TorchCpu().open(artifact, "cpu", options) as session:
        (outputs,) = session.run([sample(1)])

    assert [array.tolist() for array in outputs.arrays] == [[200.0], [318.0]]


def test_a_state_with_another_key_is_refused(tmp_path, options):
    from safetensors.numpy import save_file

    artifact = sums_torch(tmp_path, 1)
    save_file({"scale": np.ones(1, np.float32), "stranger": np.ones(1, np.float32)}, artifact.path)

    with pytest.raises(WeightsError, match=r"1 unexpected \(first stranger"):
        TorchCpu().open(artifact, "cpu", options)


@pytest.mark.parametrize(
    "changes",
    [{"network_file": None}, {"network": "wide"}, {"output_indices": None}, {"output_indices": [0]}],
    ids=["no network file", "arguments that are no table", "no indices", "an index too few"],
)
def test_a_recipe_that_does_not_tell_how_to_build_the_network_is_refused(changes, tmp_path, options):
    with pytest.raises(StoreError, match="in its recipe"):
        TorchCpu().open(with_recipe(sums_torch(tmp_path, 1), **changes), "cpu", options)


def test_an_index_beyond_the_returned_outputs_is_an_error(tmp_path, options):
    artifact = with_recipe(sums_torch(tmp_path, 1), output_indices=[0, 3])

    with TorchCpu().open(artifact, "cpu", options) as session, pytest.raises(RunError, match="index 3, got 3 outputs"):
        list(session.run([sample(1)]))


def test_outputs_of_another_shape_than_declared_are_an_error(tmp_path, options):
    artifact = replace(sums_torch(tmp_path, 1), outputs=(spec("total", "N", 2), OUTPUTS[1]))

    with TorchCpu().open(artifact, "cpu", options) as session, pytest.raises(RunError, match=r"\(1, 2\)"):
        list(session.run([sample(1)]))


def test_an_error_inside_the_network_is_a_run_error(tmp_path, options):
    artifact = sums_torch(tmp_path, 1)
    network = tmp_path / "network.py"
    network.write_text(network.read_text().replace("2 * first", "first @ x"))

    with TorchCpu().open(artifact, "cpu", options) as session, pytest.raises(RunError) as caught:
        list(session.run([sample(1)]))

    assert (caught.value.kind, caught.value.stage) == ("tool-failed", "run")


def test_an_output_that_is_the_input_itself_is_not_overwritten_by_the_next_batch(tmp_path, options):
    artifact = sums_torch(tmp_path, 1)
    network = tmp_path / "network.py"
    network.write_text(network.read_text().replace("2 * first", "first"))

    with TorchCpu().open(artifact, "cpu", options) as session:
        outputs = list(session.run([sample(1), sample(2), sample(3)]))

    assert [each.arrays[1].tolist() for each in outputs] == [[100.0], [200.0], [300.0]]


def test_without_torch_the_remedy_is_the_extra(tmp_path, options, monkeypatch):
    monkeypatch.setattr(torch_eager, "find_spec", lambda name: None)

    assert "pip install 'omgate[torch]'" in TorchCpu().missing()
    with pytest.raises(MissingNeedError, match="pip install 'omgate"):
        TorchCpu().open(sums_torch(tmp_path, 1), "cpu", options)
