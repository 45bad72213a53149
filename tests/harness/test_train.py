from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import cards, networks, train
from harness.cards import MODELS_ROOT, ModelCard
from harness.errors import CardError, UsageError, WeightsError

FAMILY = MODELS_ROOT / "resnest50"


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    """A copy of resnest50-tiny that trains on 320 pictures for two epochs and is scored on 100."""
    folder = tmp_path / "models" / "resnest50"
    folder.mkdir(parents=True)
    (folder / "network.py").write_bytes((FAMILY / "network.py").read_bytes())
    lesson = (FAMILY / "train.py").read_text()
    small = {"EXAMPLES": 320, "EPOCHS": 2, "BATCH": 32}
    lines = [
        f"{key} = {small[key]}" if (key := line.partition(" ")[0]) in small else line for line in lesson.split("\n")
    ]
    (folder / "train.py").write_text("\n".join(lines))
    (folder / "tiny.toml").write_text((FAMILY / "tiny.toml").read_text().replace("count = 2000", "count = 100"))
    return cards.load(folder / "tiny.toml")


def test_training_writes_half_precision_weights_that_score_what_it_returned(card: ModelCard, tmp_path: Path) -> None:
    out = tmp_path / "new" / "weights.safetensors"

    measure = train.train(card, out, lambda line: None)

    dtypes = {name: array.dtype for name, array in load_file(out).items()}
    network = networks.build_network(card)
    networks.load_state(network, networks.state(card, str(out), None))
    assert {dtype for name, dtype in dtypes.items() if not name.endswith("num_batches_tracked")} == {np.dtype("f2")}
    assert train.score(card, network).value == measure.value
    assert (measure.name, measure.protocol, measure.n) == ("top1", "by-name", 100)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_training_twice_gives_the_same_bytes_and_another_seed_gives_others(card: ModelCard, tmp_path: Path) -> None:
    for name in ("first", "second"):
        train.train(card, tmp_path / name, lambda line: None)
    lesson = card.path.parent / "train.py"
    lesson.write_text(lesson.read_text().replace("SEED = 1", "SEED = 2"))
    train.train(card, tmp_path / "other", lambda line: None)

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert (tmp_path / "first").read_bytes() != (tmp_path / "other").read_bytes()


def test_training_lowers_the_loss_and_says_so_epoch_by_epoch(card: ModelCard, tmp_path: Path) -> None:
    said: list[str] = []

    train.train(card, tmp_path / "weights.safetensors", said.append)

    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said[:2]]
    assert losses[1] < losses[0]
    assert [line.partition(":")[0] for line in said[:2]] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert said[2].startswith("top1 (by-name) 0.")


def test_a_card_without_generated_data_is_refused(card: ModelCard, tmp_path: Path) -> None:
    bare = card.model_copy(update={"dataset": card.dataset.model_copy(update={"generator": ""})})

    with pytest.raises(UsageError, match="expected a card whose data is generated"):
        train.train(bare, tmp_path / "weights.safetensors", lambda line: None)


@pytest.mark.parametrize("place", ["", "a_file/weights.safetensors"], ids=["a-folder", "below-a-file"])
def test_a_place_that_cannot_be_written_is_refused_before_training(card: ModelCard, place: str, tmp_path: Path) -> None:
    (tmp_path / "a_file").touch()
    said: list[str] = []

    with pytest.raises(UsageError, match="--out"):
        train.train(card, tmp_path / place, said.append)

    assert said == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "no such file"),
        ("EPOCHS = 1\n", "no loss, EXAMPLES, BATCH, LEARNING_RATE, SEED"),
        ("def loss(:\n", "invalid syntax"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
    ],
    ids=["absent", "incomplete", "broken", "unimportable"],
)
def test_a_faulty_lesson_is_refused_by_file_and_reason(card: ModelCard, text: str | None, what: str) -> None:
    path = card.path.parent / "train.py"
    path.unlink() if text is None else path.write_text(text)

    with pytest.raises(CardError) as caught:
        train.read_lesson(card)

    assert caught.value.where == str(path)
    assert what in caught.value.got


def test_weights_beyond_half_precision_are_refused_and_the_old_file_stays(card: ModelCard, tmp_path: Path) -> None:
    out = tmp_path / "weights.safetensors"
    out.write_bytes(b"old")
    lesson = card.path.parent / "train.py"
    lesson.write_text(lesson.read_text().replace("LEARNING_RATE = 3e-3", "LEARNING_RATE = 1e9"))

    with pytest.raises(WeightsError, match="float16"):
        train.train(card, out, lambda line: None)

    assert out.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["resnest50-tiny", "icnet-tiny", "intrada-deeplabv2-tiny"])
def test_every_shipped_family_with_generated_data_has_its_lesson(name: str) -> None:
    lesson = train.read_lesson(cards.get(name))

    assert min(lesson.examples, lesson.epochs, lesson.batch, lesson.learning_rate) > 0
