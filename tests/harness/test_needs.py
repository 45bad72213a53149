"""What a card lacks on a machine is told before any work, with what to do about it."""

from pathlib import Path

import pytest

from harness import cards, needs
from harness.cards import ModelCard
from harness.needs import Places


@pytest.fixture(autouse=True)
def both_frameworks_are_installed(monkeypatch):
    """Answer for a machine with PyTorch and TensorFlow, whatever this one has."""
    monkeypatch.setattr(needs, "has_torch", lambda: True)
    monkeypatch.setattr(needs, "has_tensorflow", lambda: True)


def card(tmp_path: Path, **changes: object) -> ModelCard:
    table = {
        "name": "street",
        "family": "street",
        "classes": 3,
        "source": {"url": "https://example.org", "framework": "torch"},
        "weights": {"file": "street.pth"},
        "input": ({"name": "x", "dtype": "float32", "shape": ("N", 3, 8, 8)},),
        "output": ({"name": "y", "dtype": "float32", "shape": ("N", 3), "index": 0, "scored": True},),
        "dataset": {"kind": "imagenet", "count": 2},
        "metric": {"name": "top1", "protocol": "by-name"},
        "path": tmp_path / "models/street/card.toml",
    }
    return ModelCard.model_validate({**table, **changes})


def file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return path


def test_weights_beside_the_card_are_enough(tmp_path):
    file(tmp_path / "models/street/street.pth")

    assert needs.weights(card(tmp_path), "card", Places()) is None


def test_weights_in_the_weights_folder_are_enough(tmp_path):
    file(tmp_path / "checkpoints/street.pth")

    assert needs.weights(card(tmp_path), "card", Places(weights_dir=tmp_path / "checkpoints")) is None


def test_missing_weights_name_the_file_and_the_option(tmp_path):
    missing = needs.weights(card(tmp_path), "card", Places())

    assert missing.need == "weights"
    assert str(missing) == (
        "street: weights street.pth, got nothing; "
        "put it into a folder and pass --weights-dir, or run with --weights seeded"
    )


def test_missing_weights_name_the_folder_that_was_given_and_the_public_source(tmp_path):
    table = {"file": "street.pth", "url": "https://example.org/street.pth"}

    missing = needs.weights(card(tmp_path, weights=table), "card", Places(weights_dir=tmp_path))

    assert missing.do.startswith(f"put it into {tmp_path} (from https://example.org/street.pth)")


def test_seeded_weights_are_always_there(tmp_path):
    assert needs.weights(card(tmp_path), "seeded", Places()) is None
    assert needs.weights(card(tmp_path, weights=None), "seeded", Places()) is None


def test_a_checkpoint_that_was_asked_for_must_be_there(tmp_path):
    there, gone = file(tmp_path / "there.pth"), tmp_path / "gone.pth"

    assert needs.weights(card(tmp_path), str(there), Places()) is None
    assert needs.weights(card(tmp_path), str(gone), Places()).need == "weights"


def test_a_card_without_weights_needs_a_table_or_a_built_file(tmp_path):
    missing = needs.weights(card(tmp_path, weights=None), "card", Places())

    assert "[weights]" in missing.what
    assert needs.weights(card(tmp_path, weights=None, artifact={"onnx": "street.onnx"}), "card", Places()) is None


def test_a_frozen_graph_that_is_there_holds_the_weights_and_one_that_is_not_does_not(tmp_path):
    brought = card(tmp_path, artifact={"pb": "street.pb", "om": "street.om"})

    assert needs.weights(brought, "card", Places()).what == "weights street.pth"
    file(tmp_path / "models/street/street.pb")
    assert needs.weights(brought, "card", Places()) is None
    assert needs.checkpoint(brought, Places()).what == "weights street.pth"


def test_an_offline_model_does_not_stand_in_for_the_weights(tmp_path):
    file(tmp_path / "models/street/street.om")

    assert needs.weights(card(tmp_path, artifact={"om": "street.om"}), "card", Places()).need == "weights"


def test_generated_data_are_always_there(tmp_path):
    table = {"kind": "imagenet", "count": 2, "generator": "digits"}

    assert needs.data(card(tmp_path, dataset=table), Places()) is None


def test_a_data_set_is_looked_for_in_a_folder_of_its_kind(tmp_path):
    (tmp_path / "data/imagenet").mkdir(parents=True)
    places = Places(data_dir=tmp_path / "data")

    assert needs.data_root(card(tmp_path), places) == tmp_path / "data/imagenet"
    assert needs.data(card(tmp_path), places) is None


@pytest.mark.parametrize("kind", ["imagenet", "cityscapes"])
def test_a_missing_data_set_tells_its_layout_and_the_option(tmp_path, kind):
    missing = needs.data(card(tmp_path, dataset={"kind": kind, "count": 2}), Places())

    assert missing.need == "data"
    assert missing.what == f"data set {kind}"
    assert missing.do.startswith(f"pass --data-dir with a folder {kind}/: ")
    assert "val/" in missing.do


def test_a_data_folder_without_the_data_set_is_named(tmp_path):
    missing = needs.data(card(tmp_path), Places(data_dir=tmp_path))

    assert missing.do.startswith(f"put it at {tmp_path / 'imagenet'}: ")


def test_a_file_in_the_place_of_the_data_set_is_no_data_set(tmp_path):
    file(tmp_path / "imagenet")

    assert needs.data(card(tmp_path), Places(data_dir=tmp_path)) is not None


def test_a_card_without_data_says_so(tmp_path):
    missing = needs.data(card(tmp_path, dataset={"kind": "none", "count": 0}), Places())

    assert str(missing) == (
        "street: a data set, got kind none; name one in the card's [dataset], or the README's own scripts in a "
        "[script] table, for --run-scripts"
    )


@pytest.mark.parametrize("check", cards.CHECKS)
def test_only_scoring_needs_the_data_set(tmp_path, check):
    missing = needs.for_check(card(tmp_path), check, "seeded", Places())

    needed = check in ("accuracy", "batch-consistency")
    assert (missing is not None and missing.need == "data") == needed
    assert (missing is None) == (not needed)


@pytest.mark.parametrize("check", cards.CHECKS)
def test_every_check_needs_the_weights_and_says_so_first(tmp_path, check):
    assert needs.for_check(card(tmp_path), check, "card", Places()).need == "weights"


@pytest.mark.parametrize("check", cards.CHECKS)
def test_a_network_in_torch_needs_torch(tmp_path, monkeypatch, check):
    monkeypatch.setattr(needs, "has_torch", lambda: False)

    missing = needs.for_check(card(tmp_path), check, "seeded", Places())

    assert (missing.need, missing.where) == ("tool", "street")
    assert "omgate[torch]" in missing.do


@pytest.mark.parametrize("check", cards.CHECKS)
@pytest.mark.parametrize("artifact", [None, {"om": "street.om", "pb": "street.pb"}])
def test_a_tensorflow_card_needs_tensorflow_whatever_else_it_brings(tmp_path, monkeypatch, check, artifact):
    monkeypatch.setattr(needs, "has_tensorflow", lambda: False)
    source = {"url": "https://example.org", "framework": "tensorflow"}

    missing = needs.for_check(card(tmp_path, source=source, artifact=artifact), check, "seeded", Places())

    assert (missing.need, missing.where) == ("tool", "street")
    assert "omgate[tf]" in missing.do
    assert needs.framework(card(tmp_path)) is None


@pytest.mark.parametrize("absent", ["tensorflow", "tf2onnx"])
def test_tensorflow_without_its_converter_is_not_enough(monkeypatch, absent):
    monkeypatch.undo()
    monkeypatch.setattr(needs, "find_spec", lambda name: None if name == absent else name)

    assert not needs.has_tensorflow.__wrapped__()


def test_an_offline_model_beside_a_network_in_torch_needs_torch(tmp_path, monkeypatch):
    monkeypatch.setattr(needs, "has_torch", lambda: False)

    assert needs.framework(card(tmp_path, artifact={"om": "street.om"})).need == "tool"


def test_a_built_file_needs_no_torch(tmp_path, monkeypatch):
    monkeypatch.setattr(needs, "has_torch", lambda: False)
    brought = card(tmp_path, weights=None, artifact={"onnx": "street.onnx"})

    assert needs.for_check(brought, "parity", "card", Places()) is None
