"""PyTorch networks exported to ONNX and made the gated file: opset, names, kept outputs, and equal numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from harness.cards import ModelCard
from harness.convert import onnx_graph
from harness.convert.simplify import simplify
from harness.convert.specialise import specialise
from harness.convert.torch_onnx import export
from harness.errors import CardError, RunError


class TwoHeads(nn.Module):
    """An auxiliary head first and the main head second, as IntraDA's network returns them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.aux = nn.Conv2d(4, 5, 1)
        self.main = nn.Conv2d(4, 5, 3, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        shared = self.drop(torch.relu(self.norm(self.stem(x))))
        size = [int(side) * 2 for side in shared.shape[2:]]
        large = nn.functional.interpolate(self.main(shared), size=size, mode="bilinear", align_corners=True)
        return self.aux(shared), large


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(3)
    return TwoHeads().eval()


def card(**changes: Any) -> ModelCard:
    tables = {
        "name": "two-heads",
        "family": "two-heads",
        "classes": 5,
        "source": {"url": "https://example.org", "framework": "torch"},
        "input": ({"name": "image", "dtype": "float32", "shape": ("N", 3, 8, 12)},),
        "output": (
            {"name": "main", "index": 1, "dtype": "float32", "shape": ("N", 5, 16, 24), "scored": True},
            {"name": "aux", "index": 0, "dtype": "float32", "shape": ("N", 5, 8, 12), "om": False},
        ),
        "dataset": {"kind": "none", "count": 0},
        "metric": {"name": "miou", "protocol": "dataset"},
    }
    return ModelCard.model_validate({**tables, **changes, "path": Path("two-heads/card.toml")})


def predict(path: Path, images: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"image": images}))


def test_the_export_has_the_asked_opset_and_the_cards_names_by_index(network: nn.Module, tmp_path: Path) -> None:
    found = export(network, card(), tmp_path / "model.onnx")

    model = onnx.load(tmp_path / "model.onnx")
    assert [entry.version for entry in model.opset_import] == [11]
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["aux", "main"]
    assert found.opset == 11
    assert found.producers["main"][1] == "Resize"


def test_the_export_is_of_the_evaluation_mode_and_leaves_the_network_in_its_own(tmp_path: Path) -> None:
    network = TwoHeads().train()

    found = export(network, card(), tmp_path / "model.onnx")

    assert network.training
    assert "Dropout" not in found.operators


@pytest.mark.parametrize("batch", [1, 4])
def test_the_gated_file_keeps_the_om_outputs_and_answers_as_the_network_row_by_row(
    network: nn.Module, tmp_path: Path, batch: int
) -> None:
    export(network, card(), tmp_path / "exported.onnx")
    found = specialise(tmp_path / "exported.onnx", card(), batch, tmp_path / "model.onnx")
    images = np.random.default_rng(5).standard_normal((batch, 3, 8, 12), np.float32)

    (main,) = predict(tmp_path / "model.onnx", images)

    assert list(found.producers) == ["main"]
    assert main.shape == (batch, 5, 16, 24)
    for row in range(batch):
        with torch.inference_mode():
            expected = network(torch.from_numpy(images[row : row + 1]))[1].numpy()
        np.testing.assert_allclose(main[row : row + 1], expected, rtol=1e-5, atol=1e-5)


def test_all_outputs_stay_in_index_order_when_the_card_keeps_them(network: nn.Module, tmp_path: Path) -> None:
    outputs = tuple({**spec.model_dump(), "om": True} for spec in card().output)
    both = card(output=outputs)
    export(network, both, tmp_path / "exported.onnx")

    specialise(tmp_path / "exported.onnx", both, 2, tmp_path / "model.onnx")

    assert [out.shape for out in predict(tmp_path / "model.onnx", np.zeros((2, 3, 8, 12), np.float32))] == [
        (2, 5, 8, 12),
        (2, 5, 16, 24),
    ]


def test_simplification_changes_neither_names_nor_shapes_nor_numbers(network: nn.Module, tmp_path: Path) -> None:
    export(network, card(), tmp_path / "exported.onnx")
    model = onnx.load(tmp_path / "exported.onnx")
    before = model.SerializeToString()
    images = np.random.default_rng(5).standard_normal((1, 3, 8, 12), np.float32)

    slim = simplify(model)

    onnx.save(slim, tmp_path / "slim.onnx")
    assert model.SerializeToString() == before
    assert len(slim.graph.node) < len(model.graph.node)
    assert onnx_graph.specs(slim.graph.output) == onnx_graph.specs(model.graph.output)
    assert (slim.ir_version, slim.opset_import[0].version) == (model.ir_version, 11)
    for got, expected in zip(
        predict(tmp_path / "slim.onnx", images), predict(tmp_path / "exported.onnx", images), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_a_simplifier_that_changes_an_output_is_an_error(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxslim

    def rename(model: onnx.ModelProto) -> onnx.ModelProto:
        model.graph.output[0].name = "renamed"
        return model

    export(network, card(), tmp_path / "exported.onnx")
    monkeypatch.setattr(onnxslim, "slim", rename)

    with pytest.raises(RunError, match="expected inputs, outputs and opset to stay"):
        simplify(onnx.load(tmp_path / "exported.onnx"))


def test_the_file_tells_nothing_of_the_machine_it_was_made_on(network: nn.Module, tmp_path: Path) -> None:
    export(network, card(), tmp_path / "model.onnx")

    content = (tmp_path / "model.onnx").read_bytes()

    assert b".py" not in content
    assert str(Path.cwd()).encode() not in content


def test_another_opset_than_asked_for_is_an_error(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.onnx.export

    def export_13(*arguments: Any, **options: Any) -> None:
        real(*arguments, **{**options, "opset_version": 13})

    monkeypatch.setattr(torch.onnx, "export", export_13)

    with pytest.raises(RunError, match="expected opset 11, got 13"):
        export(network, card(), tmp_path / "model.onnx")


def test_an_operator_that_opset_11_lacks_is_an_error_of_its_kind(tmp_path: Path) -> None:
    class Triangle(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, torch.triu(x)

    with pytest.raises(RunError, match="expected a network that exports") as caught:
        export(Triangle(), card(), tmp_path / "model.onnx")

    assert caught.value.kind == "unsupported"


def test_a_card_with_other_outputs_than_the_network_is_an_error(network: nn.Module, tmp_path: Path) -> None:
    third = {"name": "third", "index": 2, "dtype": "float32", "shape": ("N", 5, 8, 12), "om": False}
    main, aux = (spec.model_dump() for spec in card().output)

    for outputs in ((main, aux, third), ({**main, "index": 0},)):
        with pytest.raises(CardError, match=f"expected 2 outputs, as the network returns, got {len(outputs)}"):
            export(network, card(output=outputs), tmp_path / "model.onnx")


def test_a_card_that_skips_an_index_is_an_error(network: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(CardError, match="every index from 0"):
        export(network, card(output=(card().output[0].model_dump(),)), tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": ("N", 5, 8, 12)}, r"output 'main'.*\(4, 5, 16, 24\).*\(4, 5, 8, 12\)"),
        ({"dtype": "float16"}, r"output 'main'.*float32.*float16"),
    ],
    ids=["shape", "dtype"],
)
def test_a_card_that_contradicts_the_graph_is_an_error_that_names_the_tensor(
    network: nn.Module, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    main, aux = (spec.model_dump() for spec in card().output)
    export(network, card(), tmp_path / "exported.onnx")

    with pytest.raises(CardError, match=message):
        specialise(tmp_path / "exported.onnx", card(output=({**main, **change}, aux)), 4, tmp_path / "model.onnx")

    assert not (tmp_path / "model.onnx").exists()
