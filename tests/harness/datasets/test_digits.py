from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from harness.cards import Dataset
from harness.datasets import digit_glyphs, digits, open_dataset
from harness.errors import CardError

PICTURES = {
    "height": 40,
    "width": 48,
    "count": 30,
    "seed": 1,
    "cycles": (10, 10),
    "hue": 850,
    "phase": 850,
    "stripes": 36,
    "noise": 40,
    "ink": (140, 230),
    "occlusion": 4,
}
SCENES = {
    "height": 96,
    "width": 192,
    "count": 5,
    "seed": 1,
    "slot": 48,
    "digit": (30, 46),
    "fat": False,
    "cycles": (24, 48),
    "hue": 850,
    "phase": 850,
    "stripes": 40,
    "noise": 40,
    "ink": (140, 230),
}
PARAMS = {"digits": PICTURES, "digit-scenes": SCENES}


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    digits.generate("digits", PICTURES, tmp_path)
    return tmp_path


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    digits.generate("digit-scenes", SCENES, tmp_path)
    return tmp_path


def _pixels(root: Path) -> dict[str, np.ndarray]:
    return {str(path.relative_to(root)): np.asarray(Image.open(path)) for path in sorted(root.rglob("*.png"))}


def test_the_shipped_digits_are_those_of_scikit_learn() -> None:
    reference = load_digits()

    with np.load(digit_glyphs.DIGITS_FILE) as shipped:
        assert np.array_equal(shipped["images"], reference.images)
        assert np.array_equal(shipped["labels"], reference.target)


def test_every_digit_is_either_for_training_or_for_validation() -> None:
    reference = load_digits()

    train, val = digit_glyphs.digits("train"), digit_glyphs.digits("val")

    assert (len(train), len(val)) == (1198, 599)
    assert np.array_equal([digit.ink for digit in val], reference.images[::3])
    assert np.array_equal([digit.ink for digit in train[:2]], reference.images[1:3])
    assert {digit.label for digit in val} == {digit.label for digit in train} == set(range(10))


def test_random_integers_are_the_raw_words_scaled_to_the_limit() -> None:
    words = np.random.PCG64(np.random.SeedSequence((3, 4))).random_raw(100)

    found = digit_glyphs.Bits(3, 4).below(10, (100,))

    assert found.tolist() == [(int(word) >> 32) * 10 // 2**32 for word in words]


def test_a_digit_drawn_at_its_own_size_is_its_ink_in_256ths() -> None:
    ink = load_digits().images[7].astype(np.uint8)

    drawn = digit_glyphs.glyph(ink, (8, 8), (0, 0))

    assert np.array_equal(drawn, ink.astype(np.int64) * 16)


def test_sampling_between_cells_is_bilinear_and_repeats_the_edge() -> None:
    grid = np.array([[0, 100], [200, 400]])
    rows = np.array([0, 512, 512, 1024, -999])
    columns = np.array([512, 0, 512, 9999, 0])

    assert digit_glyphs.sample(grid, rows, columns).tolist() == [50, 100, 175, 400, 0]


def test_a_fat_digit_is_the_mean_of_its_ink_and_its_neighbours_largest() -> None:
    ink = np.zeros((8, 8), np.uint8)
    ink[3, 3] = 16

    fat = digit_glyphs.fattened(ink)

    assert fat[3, 3] == 16
    assert fat[2:5, 2:5].sum() == 16 + 8 * 8
    assert fat.sum() == 16 + 8 * 8


def test_stripes_of_two_cycles_over_eight_pixels_have_a_period_of_four_along_rows_and_columns() -> None:
    wave = digit_glyphs.stripes((8, 8), (2, 2), 0)

    assert wave[0].tolist() == [0, -256, 0, 256] * 2
    assert wave[:, 0].tolist() == [0, -256, 0, 256] * 2


@pytest.mark.parametrize("axis", [0, 1])
def test_moving_the_stripes_by_one_pixel_turns_one_phase_into_the_other(axis: int) -> None:
    here, other = digit_glyphs.stripes((40, 40), (10, 10), 0), digit_glyphs.stripes((40, 40), (10, 10), 1)

    assert np.array_equal(np.roll(here, -1, axis), other)


def test_certain_evidence_tells_the_class_by_hue_and_phase() -> None:
    evidence = digit_glyphs.Evidence(hue=1000, phase=1000)

    drawn = [evidence.draw(digit_glyphs.Bits(label), label) for label in range(10)]

    assert [hue for hue, _ in drawn] == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert [phase for _, phase in drawn] == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1]


def test_worthless_evidence_is_any_hue_and_any_phase() -> None:
    evidence = digit_glyphs.Evidence(hue=0, phase=0)

    drawn = {evidence.draw(digit_glyphs.Bits(number), 0) for number in range(200)}

    assert drawn == {(hue, phase) for hue in range(3) for phase in range(2)}


def test_pictures_are_written_in_the_layout_that_the_imagenet_reader_reads(imagenet: Path) -> None:
    dataset = open_dataset(imagenet, Dataset(kind="imagenet", count=30, labels="val_label.txt"), 10)

    expected = list(digits.digit_pictures.pictures(digits.digit_pictures.PictureParams(**PICTURES), "val"))
    assert dataset.ids[0] == "ILSVRC2012_val_00000001"
    assert [dataset.target(name) for name in dataset.ids] == [label for _, label in expected]
    assert all(
        np.array_equal(dataset.picture(name).pixels, e[0]) for name, e in zip(dataset.ids, expected, strict=True)
    )


def test_scenes_are_written_in_the_layout_that_the_cityscapes_reader_reads(cityscapes: Path) -> None:
    dataset = open_dataset(cityscapes, Dataset(kind="cityscapes", count=5), 11)

    expected = list(digits.digit_scenes.scenes(digits.digit_scenes.SceneParams(**SCENES), "val"))
    cities = [path.name for path in sorted((cityscapes / "leftImg8bit" / "val").iterdir())]
    assert cities == ["northfield", "southport"]
    for name, scene in zip(dataset.ids, expected, strict=True):
        assert np.array_equal(dataset.picture(name).pixels, scene.pixels)
        assert np.array_equal(dataset.target(name), digits.digit_scenes.train_ids(scene.label_ids))


def test_scenes_hold_every_class_and_pixels_that_are_not_scored() -> None:
    params = digits.digit_scenes.SceneParams(**{**SCENES, "count": 30})

    found = {int(value) for scene in digits.digit_scenes.scenes(params, "val") for value in np.unique(scene.label_ids)}

    # Cityscapes' ids of train ids 0 to 10, and two ids that have none: 1 (ego vehicle), 29 (caravan).
    assert found == {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23} | {1, 29}


@pytest.mark.parametrize("generator", list(PARAMS))
def test_generating_twice_gives_the_same_decoded_pixels(generator: str, tmp_path: Path) -> None:
    for name in ("first", "second"):
        digits.generate(generator, PARAMS[generator], tmp_path / name)

    first, second = _pixels(tmp_path / "first"), _pixels(tmp_path / "second")

    assert list(first) == list(second)
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("generator", list(PARAMS))
def test_training_pictures_differ_from_validation_pictures_and_from_those_of_another_seed(generator: str) -> None:
    params = {**PARAMS[generator], "count": 3}
    table = digits.PARAMS[generator](**params)
    draw = digits.digit_pictures.pictures if generator == "digits" else digits.digit_scenes.scenes

    val = [drawn[0] for drawn in draw(table, "val")]
    train = [example.pixels for example in digits.examples(generator, params, 1)]
    others = [example.pixels for example in digits.examples(generator, params, 2)]

    assert not any(np.array_equal(a, b) for a in val for b in train + others)
    assert not any(np.array_equal(a, b) for a in train for b in others)


@pytest.mark.parametrize(
    ("generator", "change", "where", "what"),
    [
        ("digits", {"hight": 3}, "dataset.generator_params.hight", "extra inputs"),
        ("digits", {"height": "40"}, "dataset.generator_params.height", "valid integer"),
        ("digits", {"ink": (230, 140)}, "dataset.generator_params.ink", "smaller number first"),
        ("digits", {"hue": 1001}, "dataset.generator_params.hue", "1000"),
        ("digit-scenes", {"slot": 40}, "dataset.generator_params", "whole numbers of slots"),
        ("digit-scenes", {"digit": (30, 49)}, "dataset.generator_params", "at most 48"),
    ],
)
def test_wrong_parameters_are_refused_by_name_and_nothing_is_written(
    generator: str, change: dict[str, object], where: str, what: str, tmp_path: Path
) -> None:
    with pytest.raises(CardError) as caught:
        digits.generate(generator, {**PARAMS[generator], **change}, tmp_path)

    assert caught.value.where == where
    assert what in caught.value.what
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_generator_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="did you mean 'digits'"):
        digits.generate("digit", {}, tmp_path)
