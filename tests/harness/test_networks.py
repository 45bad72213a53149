"""Loading network code by path, finding a card's weights, and putting them into the network."""

import hashlib
import sys

import numpy as np
import pytest

from harness import cards
from harness.errors import CardError, MissingNeedError, WeightsError
from harness.networks import build_at, build_network, load_state, network_module, state, weights_file

torch = pytest.importorskip("torch", reason="the networks are PyTorch's")

CARD = """
name = "line"
family = "line"
classes = 2
source = {url = "https://example.org/line", framework = "torch"}
input = [{name = "x", dtype = "float32", shape = ["N", 3], layout = "NC"}]
output = [{name = "y", index = 0, dtype = "float32", shape = ["N", 2], scored = true}]
dataset = {kind = "none", count = 0}
metric = {name = "top1", protocol = "top-k"}
"""
NETWORK = """
import torch

IGNORED_KEYS = ("unused.weight",)


class Line(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = torch.nn.Linear(width, 2)
        self.bn = torch.nn.BatchNorm1d(2)

    def forward(self, x):
        return (self.bn(self.fc(x)),)


def build(width=3):
    return Line(width).double()
"""
STATE = {
    "fc.weight": np.array([[1, 2, 3], [4, 5, 6]], np.float32),
    "fc.bias": np.array([7, 8], np.float32),
    "bn.weight": np.array([9, 10], np.float32),
    "bn.bias": np.array([11, 12], np.float32),
    "bn.running_mean": np.array([13, 14], np.float32),
    "bn.running_var": np.array([15, 16], np.float32),
    "bn.num_batches_tracked": np.array(17, np.int64),
}


@pytest.fixture
def folder(tmp_path):
    """A user's model folder, with a card and its network."""
    model = tmp_path / "line"
    model.mkdir()
    (model / "network.py").write_text(NETWORK, encoding="utf-8")
    return model


def _card(folder, tables: str = ""):
    (folder / "card.toml").write_text(CARD + tables, encoding="utf-8")
    return cards.load(folder / "card.toml")


def _tensors(state):
    return {name: torch.from_numpy(array) for name, array in state.items()}


def test_the_network_beside_the_card_is_built_in_float32_for_evaluation(folder):
    network = build_network(_card(folder))

    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}
    assert not network.training


def test_the_card_s_network_table_is_the_arguments(folder):
    network = build_network(_card(folder, "network = {width = 5}"))

    assert network.fc.in_features == 5


def test_a_change_of_the_code_is_seen_at_once_and_leaves_no_file_behind(folder):
    card = _card(folder)
    before = network_module(card).IGNORED_KEYS
    (folder / "network.py").write_text(NETWORK.replace("unused.weight", "other_.weight"), encoding="utf-8")

    after = network_module(card).IGNORED_KEYS

    assert (before, after) == (("unused.weight",), ("other_.weight",))
    assert {path.name for path in folder.iterdir()} == {"card.toml", "network.py"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def build(:", "expected the network's code, got invalid syntax"),
        ("import torsch", "expected its imports to be installed, got No module named 'torsch'"),
        ("from torch import no_such_name", "expected the network's code, got cannot import name 'no_such_name'"),
        ("def make():\n    pass", "expected a function build(**arguments), got none"),
    ],
    ids=["syntax", "module", "name", "no-build"],
)
def test_faulty_network_code_is_refused_with_its_path(folder, code, message):
    card = _card(folder)
    (folder / "network.py").write_text(code, encoding="utf-8")

    with pytest.raises(CardError) as caught:
        network_module(card)

    assert str(caught.value).startswith(f"{folder / 'network.py'}: {message}")


def test_a_card_without_network_code_is_refused_with_the_path_it_should_have(folder):
    card = _card(folder)
    (folder / "network.py").unlink()

    with pytest.raises(CardError, match=r"line/network\.py: expected the network's code, got .*No such file"):
        build_network(card)


def test_without_pytorch_the_need_is_named_with_the_remedy(folder, monkeypatch):
    card = _card(folder)
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(MissingNeedError, match=r"PyTorch, got nothing; pip install 'omgate\[torch\]'") as caught:
        network_module(card)

    assert caught.value.need == "tool"


@pytest.mark.parametrize(
    "arguments", ["{widht = 5}", '{width = "five"}', "{width = -1}"], ids=["name", "type", "value"]
)
def test_arguments_that_the_network_refuses_name_the_ones_it_takes(folder, arguments):
    card = _card(folder, f"network = {arguments}")

    with pytest.raises(CardError, match=r"network\.py: expected arguments that build\(\) can use .*; it takes width$"):
        build_network(card)


def test_a_build_that_gives_no_network_is_refused(folder):
    (folder / "network.py").write_text("def build():\n    return 3", encoding="utf-8")

    with pytest.raises(CardError, match=r"build: expected a torch\.nn\.Module, got int"):
        build_at(folder / "network.py", {})


def test_a_checkpoint_beside_the_card_comes_before_the_weights_folder(folder, tmp_path):
    card = _card(folder, 'weights = {file = "w.pth"}')
    (tmp_path / "w.pth").write_bytes(b"in the weights folder")
    elsewhere = weights_file(card, tmp_path)
    (folder / "w.pth").write_bytes(b"beside the card")

    beside = weights_file(card, tmp_path)

    assert (elsewhere, beside) == (tmp_path / "w.pth", folder / "w.pth")


@pytest.mark.parametrize("tables", ["", 'weights = {file = "w.pth", url = "https://example.org/w.pth"}'])
def test_missing_weights_are_a_need_with_a_remedy(folder, tmp_path, tables):
    card = _card(folder, tables)

    with pytest.raises(MissingNeedError, match="--weights seeded") as caught:
        weights_file(card, tmp_path)

    assert caught.value.need == "weights"


@pytest.mark.parametrize("declared", ["bytes = 3", "prefix = '{start}'", "sha256 = '{whole}'"])
def test_weights_as_declared_are_taken(folder, declared):
    whole = hashlib.sha256(b"abc").hexdigest()
    card = _card(folder, f"weights = {{file = 'w.pth', {declared.format(start=whole[:8], whole=whole)}}}")
    (folder / "w.pth").write_bytes(b"abc")

    assert weights_file(card, None) == folder / "w.pth"


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("bytes = 4", "expected 4 bytes, got 3; get the file again"),
        ("prefix = '528c19ca'", "expected a sha256 of 528c19ca, got ba7816bf8f01; get the file again, or correct"),
        (f"sha256 = '{'0' * 64}'", f"expected a sha256 of {'0' * 64}, got ba7816bf8f01cfea414140de5dae2223b00361a3"),
    ],
    ids=["size", "prefix", "sha256"],
)
def test_other_weights_than_declared_are_refused(folder, declared, message):
    card = _card(folder, f"weights = {{file = 'w.pth', {declared}}}")
    (folder / "w.pth").write_bytes(b"abc")

    with pytest.raises(WeightsError) as caught:
        weights_file(card, None)

    assert str(caught.value).startswith(f"{folder / 'w.pth'}: {message}")


def test_the_state_is_the_card_s_own_or_that_of_a_path_or_seeded(folder, tmp_path):
    card = _card(folder, 'weights = {file = "w.pth"}')
    torch.save(_tensors(STATE), folder / "w.pth")
    torch.save({"fc.bias": torch.tensor([0.5, 0.5])}, tmp_path / "other.pth")

    own, other = state(card, "card", None), state(card, str(tmp_path / "other.pth"), None)
    made = state(card, "seeded", None)

    assert {name: array.tolist() for name, array in own.items()} == {n: a.tolist() for n, a in STATE.items()}
    assert other["fc.bias"].tolist() == [0.5, 0.5]
    assert {name: array.shape for name, array in made.items()} == {name: array.shape for name, array in STATE.items()}
    assert made["fc.bias"].tolist() == [0.020426563918590546, 0.09831301867961884]  # the weight rule's numbers


def test_every_tensor_is_put_in_its_place_without_a_note(folder):
    network = build_network(_card(folder))

    notes = load_state(network, STATE)

    assert notes == ()
    assert {name: t.tolist() for name, t in network.state_dict().items()} == {n: a.tolist() for n, a in STATE.items()}


def test_keys_that_the_network_ignores_are_noted(folder):
    network = build_network(_card(folder))

    notes = load_state(network, {**STATE, "unused.weight": np.zeros(1, np.float32)})

    assert notes == ("ignored unused.weight: no output of Line depends on them",)


def test_absent_batch_counters_are_noted(folder):
    network = build_network(_card(folder))

    notes = load_state(network, {name: array for name, array in STATE.items() if "num_batches" not in name})

    assert notes == ("1 absent num_batches_tracked left at 0: only training reads them",)
    assert network.bn.running_var.tolist() == [15, 16]


def test_a_wrong_checkpoint_names_the_first_key_of_each_kind_and_loads_nothing(folder):
    network = build_network(_card(folder))
    before = network.fc.bias.tolist()
    wrong = {name: array for name, array in STATE.items() if not name.startswith("bn.running")}
    wrong |= {"fc.weight": np.zeros((2, 4), np.float32), "classifier.weight": np.zeros((5, 2), np.float32)}

    with pytest.raises(WeightsError) as caught:
        load_state(network, wrong)

    assert str(caught.value) == (
        "weights: expected the 7 tensors of Line, got 2 missing (first bn.running_mean [2]), "
        "1 unexpected (first classifier.weight [5, 2]), 1 mis-shaped (first fc.weight [2, 4] instead of [2, 3]); "
        "give this network's checkpoint, or correct [network] in the card"
    )
    assert network.fc.bias.tolist() == before


def test_an_upstream_icnet_checkpoint_loads_into_the_windowed_variant_with_a_note():
    path = cards.MODELS_ROOT / "icnet" / "network.py"
    small = {"layers": (1, 1, 1, 1), "width": 4, "head_width": 8}
    upstream = build_at(path, {**small, "pooling": "adaptive"}).state_dict()

    notes = load_state(build_at(path, small), {name: tensor.numpy() for name, tensor in upstream.items()})

    assert notes == ("ignored pretrained.fc.weight, pretrained.fc.bias: no output of ICNet depends on them",)


def test_an_upstream_icnet_checkpoint_loads_into_the_adaptive_variant_whole():
    network = build_at(
        cards.MODELS_ROOT / "icnet" / "network.py",
        {"layers": (1, 1, 1, 1), "width": 4, "head_width": 8, "pooling": "adaptive"},
    )

    assert load_state(network, {name: tensor.numpy() for name, tensor in network.state_dict().items()}) == ()
