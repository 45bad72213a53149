from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import cards, train
from harness.cards import MODELS_ROOT, ModelCard
from harness.errors import CardError, WeightsError
from harness.weights import read_checkpoint

pytest.importorskip("tensorflow", reason="the networks are TensorFlow's")

FAMILY = MODELS_ROOT / "resnest_seg"


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    """A copy of resnest-seg-tiny that trains on 64 pictures for two epochs and is scored on 10."""
    folder = tmp_path / "models" / "resnest_seg"
    folder.mkdir(parents=True)
    (folder / "network.py").write_bytes((FAMILY / "network.py").read_bytes())
    lesson = (FAMILY / "train.py").read_text()
    small = {"EXAMPLES": 64, "EPOCHS": 2, "BATCH": 8}
    lines = [
        f"{key} = {small[key]}" if (key := line.partition(" ")[0]) in small else line for line in lesson.split("\n")
    ]
    (folder / "train.py").write_text("\n".join(lines))
    (folder / "tiny.toml").write_text((FAMILY / "tiny.toml").read_text().replace("count = 300", "count = 10"))
    return cards.load(folder / "tiny.toml")


def test_training_lowers_the_loss_and_writes_half_precision_weights_that_score_what_it_returned(
    card: ModelCard, tmp_path: Path
) -> None:
    said: list[str] = []
    out = tmp_path / "weights.safetensors"

    measure = train.train(card, out, said.append)

    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said[:2]]
    assert losses[1] < losses[0]
    assert {array.dtype for array in load_file(out).values()} == {np.dtype("f2")}
    assert train.score(card, read_checkpoint(out)).value == measure.value
    assert (measure.name, measure.protocol, measure.n) == ("miou", "dataset", 10)


def test_training_twice_gives_the_same_bytes_and_another_seed_gives_others(card: ModelCard, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in ("first", "second", "other")]
    for file in files[:2]:
        train.train(card, file, lambda line: None)
    lesson = card.path.parent / "train.py"
    lesson.write_text(lesson.read_text().replace("SEED = 1", "SEED = 2"))
    train.train(card, files[2], lambda line: None)

    first, second, other = (file.read_bytes() for file in files)
    assert first == second
    assert first != other


def test_a_lesson_without_the_truth_of_its_loss_is_refused(card: ModelCard) -> None:
    lesson = card.path.parent / "train.py"
    lesson.write_text(lesson.read_text().replace("def truth", "def other"))

    with pytest.raises(CardError, match="no truth"):
        train.read_lesson(card)


def test_weights_beyond_half_precision_are_refused_and_the_old_file_stays(card: ModelCard, tmp_path: Path) -> None:
    out = tmp_path / "weights.safetensors"
    out.write_bytes(b"old")
    lesson = card.path.parent / "train.py"
    lesson.write_text(lesson.read_text().replace("LEARNING_RATE = ", "LEARNING_RATE = 1e9 * "))

    with pytest.raises(WeightsError, match="float16"):
        train.train(card, out, lambda line: None)

    assert out.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["resnest-seg-tiny", "spinenet-tiny"])
def test_the_tensorflow_families_have_their_lessons(name: str) -> None:
    lesson = train.read_lesson(cards.get(name))

    assert min(lesson.examples, lesson.epochs, lesson.batch, lesson.learning_rate) > 0
    assert lesson.truth is not None
