"""Artifacts and generated data from cards: built once, keyed by content, opened without PyTorch."""

import hashlib
import os
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from harness import cards, networks
from harness.artifacts import Store
from harness.build import Builder, brought
from harness.cards import ModelCard
from harness.errors import CardError, MissingNeedError, RunError

REPOSITORY = Path(__file__).parents[2]
NETWORK = """
import torch


class Network(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, width, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(width)
        self.head = torch.nn.Conv2d(width, 4, 1)

    def forward(self, x):
        features = torch.relu(self.norm(self.conv(x)))
        batch = x.shape[0]
        flat = features.view(batch, 2, -1).softmax(dim=1).reshape(features.shape)
        return self.head(flat), features


def build(*, width=4):
    return Network(width)
"""
CARD = """
name = "small"
family = "small"
classes = 4
batches = [1, 4]

[source]
url = "https://example.org"
framework = "torch"

[weights]
file = "small.safetensors"

[network]
width = 4

[[input]]
name = "image"
dtype = "float32"
shape = ["N", 3, 8, 8]

[[output]]
name = "logits"
index = 0
dtype = "float32"
shape = ["N", 4, 8, 8]
scored = true

[[output]]
name = "features"
index = 1
dtype = "float32"
shape = ["N", 4, 8, 8]
om = false

[dataset]
kind = "imagenet"
count = 3
generator = "digits"

[dataset.generator_params]
height = 16
width = 16
count = 3
seed = 1
cycles = [2, 4]
hue = 900
phase = 900
stripes = 40
noise = 20
ink = [100, 200]
occlusion = 4

[metric]
name = "miou"
protocol = "dataset"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder with card, network and trained weights."""
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "network.py").write_text(NETWORK)
    (folder / "card.toml").write_text(CARD)
    write_weights(folder, seed=1)
    return folder


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(Store(tmp_path / "cache"))


def load(folder: Path, *changes: tuple[str, str]) -> ModelCard:
    """Load the card with pieces of its text replaced."""
    text = CARD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "card.toml").write_text(text)
    return cards.load(folder / "card.toml")


def write_weights(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    network = networks.build_at(folder / "network.py", {"width": 4})
    save_file(network.state_dict(), folder / "small.safetensors")


def predict(path: Path, images: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: images}))


def network_of(card: ModelCard, weights: str) -> torch.nn.Module:
    torch.set_num_threads(1)
    network = networks.build_network(card)
    networks.load_state(network, networks.state(card, weights, None))
    return network


def forward(network: torch.nn.Module, images: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Return all outputs of a network, run by PyTorch itself."""
    with torch.inference_mode():
        return [output.numpy() for output in network(torch.from_numpy(images))]


def kinds(builder: Builder) -> Counter[str]:
    return Counter(row.kind for row in builder.store.ls())


@pytest.mark.parametrize("weights", ["card", "seeded"])
def test_the_onnx_file_answers_as_the_network_row_by_row(builder: Builder, folder: Path, weights: str) -> None:
    card = load(folder)
    images = np.random.default_rng(2).standard_normal((4, 3, 8, 8), np.float32)

    network = network_of(card, weights)

    (logits,) = predict(builder.onnx(card, 4, weights).path, images)

    for row in range(4):
        expected = forward(network, images[row : row + 1])[0]
        np.testing.assert_allclose(logits[row : row + 1], expected, rtol=1e-5, atol=1e-6)


def test_the_artifact_says_what_it_is(builder: Builder, folder: Path) -> None:
    artifact = builder.onnx(load(folder), 4)

    inventory: Any = artifact.recipe["inventory"]
    assert (artifact.format, artifact.batch) == ("onnx", 4)
    assert [spec.name for spec in artifact.inputs] == ["image"]
    assert [spec.name for spec in artifact.outputs] == ["logits"]
    assert artifact.digest == hashlib.sha256(artifact.path.read_bytes()).hexdigest()
    assert artifact.recipe["weights"] == hashlib.sha256((folder / "small.safetensors").read_bytes()).hexdigest()
    assert (inventory["opset"], inventory["ir_version"]) == (11, onnx.load(artifact.path).ir_version)
    assert inventory["operators"]["Conv"] == 2
    assert list(inventory["producers"]) == ["logits"]


def test_batches_share_one_export_and_a_second_call_builds_nothing(builder: Builder, folder: Path) -> None:
    card = load(folder)
    for batch in (1, 4, 16, 4):
        builder.onnx(card, batch)

    assert kinds(builder) == {"torch-state": 1, "onnx-export": 1, "onnx": 3}


def change_weights(folder: Path) -> ModelCard:
    write_weights(folder, seed=2)
    return load(folder)


def change_network(folder: Path) -> ModelCard:
    (folder / "network.py").write_text(NETWORK.replace("softmax(dim=1)", "softmax(dim=2)"))
    return load(folder)


@pytest.mark.parametrize(
    "change",
    [
        change_weights,
        change_network,
        lambda folder: load(folder, ('name = "logits"', 'name = "scores"')),
        lambda folder: load(folder, ("om = false", "om = true")),
        lambda folder: load(folder, ("[metric]", "[export]\nopset = 13\n\n[metric]")),
        lambda folder: load(folder, ("[metric]", "[export]\nsimplify = false\n\n[metric]")),
    ],
    ids=["weights", "network-code", "output-name", "kept-outputs", "opset", "simplify"],
)
def test_a_changed_input_is_another_artifact(builder: Builder, folder: Path, change: Any) -> None:
    first = builder.onnx(load(folder), 1)

    second = builder.onnx(change(folder), 1)

    assert second.path != first.path
    assert second.digest != first.digest


def test_a_changed_network_argument_is_another_artifact(builder: Builder, folder: Path) -> None:
    wider = (("width = 4\n", "width = 6\n"), ('["N", 4, 8, 8]\nom', '["N", 6, 8, 8]\nom'))

    assert builder.onnx(load(folder), 1, "seeded").digest != builder.onnx(load(folder, *wider), 1, "seeded").digest


def test_facts_that_build_nothing_else_do_not_build_again(builder: Builder, folder: Path) -> None:
    first = builder.onnx(load(folder), 1)

    second = builder.onnx(
        load(folder, ('name = "small"', 'name = "renamed"'), ("batches = [1, 4]", "batches = [1]")), 1
    )

    assert second.path == first.path


def test_a_damaged_artifact_is_built_again(builder: Builder, folder: Path) -> None:
    first = builder.onnx(load(folder), 1)
    first.path.chmod(0o644)
    first.path.write_bytes(first.path.read_bytes()[:100])

    second = builder.onnx(load(folder), 1)

    assert second.digest == first.digest
    assert second.path.stat().st_size > 100


OPEN = """
import sys
from pathlib import Path
from harness import cards
from harness.artifacts import Store
from harness.build import Builder

artifact = Builder(Store(Path(sys.argv[1]))).onnx(cards.load(Path(sys.argv[2])), 4)
print(artifact.digest, sorted({"torch", "onnx", "onnxruntime", "onnxslim"} & set(sys.modules)))
"""


def test_an_artifact_that_is_there_is_opened_without_importing_a_framework(builder: Builder, folder: Path) -> None:
    artifact = builder.onnx(load(folder), 4)
    argv = [sys.executable, "-c", OPEN, str(builder.store.root.parent), str(folder / "card.toml")]

    answer = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    assert answer.split(maxsplit=1) == [artifact.digest, "[]\n"]


def test_the_torch_artifact_rebuilds_the_same_network(builder: Builder, folder: Path) -> None:
    card = load(folder)
    images = np.random.default_rng(2).standard_normal((2, 3, 8, 8), np.float32)

    artifact = builder.torch(card)

    recipe: Any = artifact.recipe
    network = networks.build_at(Path(recipe["network_file"]), recipe["network"])
    networks.load_state(network, networks.read_checkpoint(artifact.path))
    assert (artifact.format, recipe["output_indices"]) == ("torch", [0])
    np.testing.assert_array_equal(forward(network, images)[0], forward(network_of(card, "card"), images)[0])


def test_the_torch_artifacts_digest_covers_the_networks_code(builder: Builder, folder: Path) -> None:
    first = builder.torch(load(folder))

    second = builder.torch(change_network(folder))

    assert second.digest != first.digest


def test_a_checkpoint_given_by_path_is_used(builder: Builder, folder: Path, tmp_path: Path) -> None:
    other = (folder / "small.safetensors").rename(tmp_path / "other.safetensors")
    images = np.ones((1, 3, 8, 8), np.float32)

    artifact = builder.onnx(load(folder), 1, str(other))

    expected = forward(network_of(load(folder), str(other)), images)[0]
    np.testing.assert_allclose(predict(artifact.path, images)[0], expected, rtol=1e-5, atol=1e-6)


def test_a_card_without_its_weights_lacks_a_need_and_builds_nothing(builder: Builder, folder: Path) -> None:
    (folder / "small.safetensors").unlink()

    for build in (lambda: builder.onnx(load(folder), 1), lambda: builder.torch(load(folder))):
        with pytest.raises(MissingNeedError) as caught:
            build()
        assert caught.value.need == "weights"

    assert builder.store.ls() == ()


def test_a_card_with_neither_weights_nor_artifact_lacks_a_need(builder: Builder, folder: Path) -> None:
    card = load(folder, ('[weights]\nfile = "small.safetensors"\n', ""))

    with pytest.raises(MissingNeedError) as caught:
        builder.onnx(card, 1)

    assert caught.value.need == "weights"


def test_a_card_without_network_code_is_an_error_that_names_the_file(builder: Builder, folder: Path) -> None:
    (folder / "network.py").unlink()

    with pytest.raises(CardError, match=r"network\.py: expected the network's code"):
        builder.onnx(load(folder), 1)


def test_weights_are_also_found_in_the_weights_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (folder / "small.safetensors").rename(tmp_path / "weights" / "small.safetensors")

    artifact = Builder(Store(tmp_path / "cache"), tmp_path / "weights").onnx(load(folder), 1)

    assert artifact.path.is_file()


def test_a_generated_data_set_is_a_read_only_entry_made_once(builder: Builder, folder: Path) -> None:
    root = builder.dataset(load(folder))
    before = {path.name: path.stat().st_mtime_ns for path in root.rglob("*")}

    again = builder.dataset(load(folder))

    assert again == root
    assert {path.name: path.stat().st_mtime_ns for path in again.rglob("*")} == before
    assert len(list((root / "val").iterdir())) == 3
    assert (root / "val_label.txt").is_file()
    assert not any(path.stat().st_mode & 0o222 for path in root.rglob("*"))


def test_other_generator_parameters_make_another_data_set(builder: Builder, folder: Path) -> None:
    assert builder.dataset(load(folder)) != builder.dataset(load(folder, ("seed = 1", "seed = 2")))


def test_a_card_without_a_generator_has_no_generated_data_set(builder: Builder, folder: Path) -> None:
    card = load(folder)
    without = card.model_copy(update={"dataset": card.dataset.model_copy(update={"generator": ""})})

    with pytest.raises(CardError, match="expected a generator"):
        builder.dataset(without)


def bring(builder: Builder, folder: Path, sha256: str = "") -> ModelCard:
    """Put a file that was built for batch 4 beside the card, which names it instead of weights."""
    content = builder.onnx(load(folder), 4).path.read_bytes()
    (folder / "mine.onnx").write_bytes(content)
    table = f'[artifact]\nonnx = "mine.onnx"\nsha256 = "{sha256}"\n'
    return load(folder, ('[weights]\nfile = "small.safetensors"\n', table))


def test_a_file_that_the_card_brings_is_taken_as_it_is(builder: Builder, folder: Path) -> None:
    card = bring(builder, folder)

    artifact = builder.onnx(card, 4)

    inventory: Any = artifact.recipe["inventory"]
    assert artifact.path == folder / "mine.onnx"
    assert artifact.digest == hashlib.sha256(artifact.path.read_bytes()).hexdigest()
    assert inventory["opset"] == 11
    assert [spec.name for spec in artifact.outputs] == ["logits"]


def test_a_brought_file_of_another_digest_is_refused(builder: Builder, folder: Path) -> None:
    with pytest.raises(RunError, match="expected sha256") as caught:
        brought(bring(builder, folder, "0" * 64), 4)

    assert caught.value.kind == "corrupt-artifact"


def test_a_brought_file_of_another_batch_is_refused(builder: Builder, folder: Path) -> None:
    with pytest.raises(CardError, match=r"input 'image'.*\(4, 3, 8, 8\).*\(1, 3, 8, 8\)"):
        brought(bring(builder, folder), 1)


def test_a_brought_file_that_is_missing_is_a_need(builder: Builder, folder: Path) -> None:
    card = bring(builder, folder)
    (folder / "mine.onnx").unlink()

    with pytest.raises(MissingNeedError, match=r"mine\.onnx"):
        builder.onnx(card, 4)


def rows_differ(builder: Builder, card: ModelCard, batch: int) -> float:
    """Return max|a−b| / max|b| of any row at `batch` against PyTorch at batch 1, over all kept outputs."""
    images = np.random.default_rng(4).standard_normal(card.input[0].at(batch), np.float32)
    outputs = predict(builder.onnx(card, batch, "seeded").path, images)
    network, worst = network_of(card, "seeded"), 0.0
    for row in range(batch):
        expected = forward(network, images[row : row + 1])
        for spec, output in zip(card.kept_outputs, outputs, strict=True):
            alone = expected[spec.index]
            worst = max(worst, float(np.abs(output[row] - alone[0]).max() / np.abs(alone).max()))
    return worst


# The limit that DESIGN sets for float32 against float32.
PARITY = 1e-4


@pytest.mark.parametrize("name", ["icnet-tiny", "resnest50-tiny", "intrada-deeplabv2-tiny"])
def test_a_tiny_network_at_batch_16_answers_as_pytorch_row_by_row(builder: Builder, name: str) -> None:
    assert rows_differ(builder, cards.get(name), 16) <= PARITY


@pytest.mark.slow
@pytest.mark.parametrize("name", ["icnet", "resnest50", "intrada-deeplabv2"])
def test_a_full_size_network_at_batch_4_answers_as_pytorch_row_by_row(builder: Builder, name: str) -> None:
    assert rows_differ(builder, cards.get(name), 4) <= PARITY


@pytest.mark.slow
def test_the_peak_memory_of_an_icnet_build_does_not_grow_with_the_batch(tmp_path: Path) -> None:
    peaks = [peak_of_build("icnet", batch, tmp_path / str(batch)) for batch in (1, 16)]

    # Room for what the allocator does; at batch 16 the activations alone would be 15 times the whole.
    assert peaks[1] <= 1.1 * peaks[0]


BUILD = """
import sys
from pathlib import Path
from harness import cards
from harness.artifacts import Store
from harness.build import Builder

Builder(Store(Path(sys.argv[1]))).onnx(cards.get(sys.argv[2]), int(sys.argv[3]), "seeded")
"""


def peak_of_build(name: str, batch: int, cache: Path) -> int:
    """Return the largest resident set, in KiB, of a fresh process that builds one artifact."""
    child = subprocess.Popen([sys.executable, "-c", BUILD, str(cache), name, str(batch)], cwd=REPOSITORY)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    assert isinstance(usage, resource.struct_rusage)
    return usage.ru_maxrss
