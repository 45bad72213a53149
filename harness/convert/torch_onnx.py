"""PyTorch to ONNX with the TorchScript-based exporter, the one that writes opset 11 as asked."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cards import ModelCard
from harness.convert import onnx_graph
from harness.errors import CardError, RunError

if TYPE_CHECKING:
    import torch


def export(network: "torch.nn.Module", card: ModelCard, path: Path) -> onnx_graph.Inventory:
    """Write the whole network at batch 1 as ONNX, all outputs named; other batches come from `rebatch`.

    Raises CardError if the network does not return the outputs that the card declares, and RunError if it cannot be
    exported (`unsupported`) or the file has another opset than asked for (`compile-error`).
    """
    returned: list[int] = []
    counting = network.register_forward_hook(lambda module, arguments, outputs: returned.append(len(outputs)))
    try:
        _trace(network, card, path)
    except (RuntimeError, ValueError) as error:
        _check_count(card, returned)
        what, message = "expected a network that exports", str(error).strip().partition("\n")[0]
        raise RunError(card.name, what, message, kind="unsupported", stage="export") from error
    finally:
        counting.remove()
    _check_count(card, returned)
    return _check_opset(path, card)


def _trace(network: "torch.nn.Module", card: ModelCard, path: Path) -> None:
    import torch
    from torch.jit._trace import TracerWarning

    with warnings.catch_warnings():
        # Deprecated, but its successor writes opset 18 whatever one asks for; that sizes are constants is wanted here.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", TracerWarning)
        torch.onnx.export(
            network,
            tuple(torch.zeros(spec.at(1), dtype=getattr(torch, spec.dtype)) for spec in card.input),
            path,
            input_names=[spec.name for spec in card.input],
            output_names=_output_names(card),
            opset_version=card.export.opset,
            do_constant_folding=True,
            dynamo=False,
        )


def _output_names(card: ModelCard) -> list[str]:
    """Return the output names by index, as the network returns them."""
    by_index = {output.index: output.name for output in card.output}
    if sorted(by_index) != list(range(len(by_index))):
        raise CardError(f"{card.path}: output", "expected one [[output]] for every index from 0", f"{sorted(by_index)}")
    return [by_index[index] for index in range(len(by_index))]


def _check_count(card: ModelCard, returned: list[int]) -> None:
    """Raise CardError if the network ran and did not return as many outputs as the card declares."""
    if returned and returned[-1] != len(card.output):
        what = f"expected {returned[-1]} outputs, as the network returns"
        raise CardError(f"{card.path}: output", what, f"{len(card.output)}")


def _check_opset(path: Path, card: ModelCard) -> onnx_graph.Inventory:
    found = onnx_graph.inventory(onnx_graph.read(path))
    if found.opset != card.export.opset:
        want, stage = f"expected opset {card.export.opset}", "export"
        raise RunError(card.name, want, f"{found.opset}", "use torch 2.4 to 2.13", kind="compile-error", stage=stage)
    return found
