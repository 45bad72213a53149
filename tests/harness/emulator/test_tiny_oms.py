"""The shipped tiny cards through the emulated atc: what differs from float32 is rounding."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from harness import cards
from harness.artifacts import Store
from harness.build import Builder
from tests.harness.emulator.toy_graphs import Atc, execute

MODELS = Path(__file__).parents[3] / "harness" / "models"
# The gates' own bounds for an OM against float32: cosine, and the largest difference over the largest value.
COSINE, RELATIVE = 0.999, 5e-2
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def pictures(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    return np.random.default_rng(4).standard_normal(shape).astype(np.float32)


def differences(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> tuple[float, float]:
    """Return cosine and the largest difference over the largest value."""
    a, b = ours.ravel().astype(np.float64), theirs.ravel().astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), float(np.abs(a - b).max() / np.abs(b).max())


@pytest.mark.parametrize("family", ["icnet", "resnest50", "intrada_deeplabv2"])
@pytest.mark.parametrize("batch", [1, 4])
def test_an_exported_card_differs_from_float32_by_rounding(
    atc_face: Atc, tmp_path_factory: pytest.TempPathFactory, family: str, batch: int
) -> None:
    card = cards.load(MODELS / family / "tiny.toml")
    artifact = Builder(Store(tmp_path_factory.getbasetemp() / "tiny")).onnx(card, batch)
    (spec,) = card.input
    shape = spec.at(batch)

    made = atc_face.convert(model=str(artifact.path), input_shape=f"{spec.name}:{','.join(map(str, shape))}")

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact.path, options, providers=["CPUExecutionProvider"])
    expected = session.run(None, {spec.name: pictures(shape)})
    for ours, theirs in zip(execute(made, pictures(shape)), expected, strict=True):
        cosine, relative = differences(ours, theirs)
        assert cosine >= COSINE
        assert 1e-5 < relative <= RELATIVE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "scored"), [("resnest_seg", "resize/ResizeBilinear:0"), ("spinenet", "DetectionScores:0")]
)
def test_a_frozen_card_differs_from_float32_by_rounding(
    atc_face: Atc, tmp_path: Path, family: str, scored: str
) -> None:
    card = cards.load(MODELS / family / "tiny.toml")
    parent = cards.load(MODELS / family / "card.toml")
    graph = Builder(Store(tmp_path)).frozen(card, 1).path
    (spec,) = card.input
    flags = {"framework": "3", "model": str(graph), "input_shape": f"{spec.name}:{','.join(map(str, spec.at(1)))}"}
    assert parent.atc is not None
    picture = np.random.default_rng(4).integers(0, 256, spec.at(1)).astype(spec.dtype)

    wide = atc_face.convert(**flags, out_nodes=parent.atc.out_nodes, precision_mode="must_keep_origin_dtype")
    half = atc_face.convert(**flags, out_nodes=parent.atc.out_nodes, precision_mode=parent.atc.precision_mode)

    assert all(-1 not in one.shape for one in half.outputs)
    # Scores come sorted; boxes and classes of nearly equal scores may change places.
    position = [one.name for one in half.outputs].index(scored)
    cosine, relative = differences(execute(half, picture)[position], execute(wide, picture)[position])
    assert cosine >= COSINE
    assert 1e-5 < relative <= RELATIVE
