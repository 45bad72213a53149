"""The networks of cards: loading their code by path, building them, finding their weights and putting these in."""

import importlib.util
import inspect
import sys
import zlib
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from harness import needs
from harness.cards import ModelCard
from harness.digests import file_sha256
from harness.errors import CardError, MissingNeedError, WeightsError
from harness.samples import Array
from harness.weights import State, read_checkpoint, seeded

if TYPE_CHECKING:
    import torch

COUNTER = ".num_batches_tracked"
FRAMEWORKS = {"torch": ("PyTorch", "torch"), "tensorflow": ("TensorFlow", "tf")}
"""Which product and which extra of omgate a module that a network imports belongs to."""


def network_file(card: ModelCard) -> Path:
    """Return where the code of a card's network is: `network.py` beside the card."""
    return card.path.parent / "network.py"


def network_module(card: ModelCard) -> ModuleType:
    """Run the code of a card's network and return its module; raises as `module_at` does."""
    return module_at(network_file(card))


def build_network(card: ModelCard) -> "torch.nn.Module":
    """Return the card's network with its `[network]` arguments, float32, in evaluation mode; raises as `build_at`."""
    return build_at(network_file(card), card.network)


def module_at(path: Path) -> ModuleType:
    """Run a `network.py` and return its module, which has a function `build`.

    Raises CardError if the file is missing or faulty, and MissingNeedError if it needs a framework that is not there.
    """
    name = f"omgate_network_{zlib.crc32(str(path.resolve()).encode()):08x}"
    loader = _FreshSourceLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))  # type: ignore[arg-type]
    try:
        loader.exec_module(module)
    except ModuleNotFoundError as error:
        if error.name in FRAMEWORKS:
            product, extra = FRAMEWORKS[error.name]
            raise MissingNeedError(str(path), product, "nothing", f"pip install 'omgate[{extra}]'") from error
        raise CardError(str(path), "expected its imports to be installed", str(error)) from error
    except (OSError, SyntaxError, ImportError) as error:
        raise CardError(str(path), "expected the network's code", str(error)) from error
    if not callable(getattr(module, "build", None)):
        raise CardError(str(path), "expected a function build(**arguments)", "none")
    # Python itself looks a class's module up here, and so does load_state.
    sys.modules[name] = module
    return module


def build_at(path: Path, arguments: Mapping[str, Any]) -> "torch.nn.Module":
    """Return the PyTorch network that the `build` of a `network.py` makes, float32, in evaluation mode.

    Raises as `made_at`, and CardError if `build` gives something else.
    """
    network = made_at(path, arguments)
    from torch import nn

    if not isinstance(network, nn.Module):
        raise CardError(f"{path}: build", "expected a torch.nn.Module", type(network).__name__)
    return network.float().eval()


def made_at(path: Path, arguments: Mapping[str, Any]) -> Any:
    """Return what the `build` of a `network.py` makes of a card's `[network]` arguments.

    Raises as `module_at`, and CardError if `build` refuses the arguments.
    """
    build = module_at(path).build
    try:
        return build(**arguments)
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError) as error:
        accepted = ", ".join(inspect.signature(build).parameters)
        what = "expected arguments that build() can use in the card's [network]"
        raise CardError(str(path), what, f"{dict(arguments)}: {error}", f"it takes {accepted}") from error


def weights_file(card: ModelCard, weights_dir: Path | None) -> Path:
    """Return the card's checkpoint: beside the card, else in `weights_dir`, with the size and digest that it declares.

    Raises MissingNeedError if there is none, and WeightsError if the file is another one.
    """
    missing = needs.checkpoint(card, needs.Places(weights_dir=weights_dir))
    if missing is not None:
        raise missing
    if card.weights is None:
        raise MissingNeedError(card.name, "a [weights] table in the card", "nothing", "add it", need="weights")
    beside = card.path.parent / card.weights.file
    path = beside if beside.is_file() or weights_dir is None else weights_dir / card.weights.file
    _check_identity(path, card)
    return path


def state(card: ModelCard, choice: str, weights_dir: Path | None) -> State:
    """Return the weights of a card as arrays by name: floats as float32.

    `choice` is `card` for its own checkpoint, `seeded` for weights made from the names, or the path of a checkpoint.
    Raises MissingNeedError and WeightsError as `weights_file` and `read_checkpoint` do.
    """
    if choice == "seeded":
        return seeded({name: tuple(tensor.shape) for name, tensor in build_network(card).state_dict().items()})
    return read_checkpoint(weights_file(card, weights_dir) if choice == "card" else Path(choice))


def load_state(network: "torch.nn.Module", state: Mapping[str, Array]) -> tuple[str, ...]:
    """Put weights into a network, every one in its place, and return notes about keys that made no difference.

    Tolerated are keys that the network's module lists in IGNORED_KEYS, and absent batch counters, which only training
    reads. Raises WeightsError naming the first missing, unexpected and mis-shaped key; then nothing was loaded.
    """
    import torch

    own = network.state_dict()
    tolerated = getattr(sys.modules.get(type(network).__module__), "IGNORED_KEYS", ())
    ignored = [name for name in state if name not in own and name in tolerated]
    counters = [name for name in own if name not in state and name.endswith(COUNTER)]
    given = {name: array for name, array in state.items() if name not in ignored}
    _check_keys(network, {name: own[name] for name in own if name not in counters}, given)
    tensors = {name: torch.tensor(array) for name, array in given.items()}
    network.load_state_dict({**{name: own[name] for name in counters}, **tensors})
    return tuple(
        [f"ignored {', '.join(ignored)}: no output of {type(network).__name__} depends on them"] * bool(ignored)
        + [f"{len(counters)} absent {COUNTER[1:]} left at 0: only training reads them"] * bool(counters)
    )


class _FreshSourceLoader(SourceFileLoader):
    """Compiles the file as it is now: cached bytecode goes stale when a file changes twice within a second."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _check_identity(path: Path, card: ModelCard) -> None:
    declared = card.weights
    if declared is None:
        return
    size = path.stat().st_size
    if declared.bytes is not None and size != declared.bytes:
        raise WeightsError(str(path), f"expected {declared.bytes} bytes", f"{size}", "get the file again")
    start = declared.sha256 or declared.prefix
    digest = file_sha256(path) if start else ""
    if not digest.startswith(start):
        remedy = f"get the file again, or correct [weights] in {card.path.name}"
        raise WeightsError(str(path), f"expected a sha256 of {start}", digest[: max(len(start), 12)], remedy)


def _check_keys(network: "torch.nn.Module", own: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    missing = [f"{name} {list(own[name].shape)}" for name in own if name not in given]
    unexpected = [f"{name} {list(given[name].shape)}" for name in given if name not in own]
    misshaped = [
        f"{name} {list(given[name].shape)} instead of {list(own[name].shape)}"
        for name in own
        if name in given and tuple(given[name].shape) != tuple(own[name].shape)
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "mis-shaped": misshaped}
    found = [f"{len(names)} {kind} (first {names[0]})" for kind, names in kinds.items() if names]
    if found:
        what = f"expected the {len(own)} tensors of {type(network).__name__}"
        remedy = "give this network's checkpoint, or correct [network] in the card"
        raise WeightsError("weights", what, ", ".join(found), remedy)
