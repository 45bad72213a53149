"""Weights by variable name, out of what TensorFlow writes (checkpoints of two or more files) and of safetensors files.

Neither needs PyTorch, and a safetensors file does not need TensorFlow either.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import WeightsError
from harness.samples import Array
from harness.tf_networks import Shapes, tensorflow
from harness.weights import State

SLOTS = ("Momentum", "RMSProp", "RMSProp_1", "Adam", "Adam_1", "ExponentialMovingAverage")
"""How TensorFlow's optimisers name their own variables: the variable's name, a slash, and one of these."""

DAMAGED_SAFETENSORS = (OSError, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint: what is in it by name, and a function that reads one variable."""

    where: str
    shapes: Mapping[str, tuple[int, ...]]
    value: Callable[[str], Array]


def identity_file(path: Path) -> Path:
    """Return the file whose digest identifies a checkpoint.

    That is the index of a TensorFlow checkpoint, whichever of its files is given: it holds a checksum of every variable
    (tensorflow/core/protobuf/tensor_bundle.proto), which TensorFlow compares when it reads. Any other file is itself.
    """
    prefix = _prefix(path)
    return path if prefix is None else prefix.with_name(f"{prefix.name}.index")


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a `.safetensors` file, or a TensorFlow checkpoint by any of its files (`.index`, `.meta`, `.data-...`).

    Raises WeightsError naming the file if it is neither or cannot be read, MissingNeedError without TensorFlow.
    """
    if path.suffix == ".safetensors":
        return _safetensors(path)
    prefix = _prefix(path)
    if prefix is None:
        what = "expected a TensorFlow checkpoint or a .safetensors file"
        raise WeightsError(str(path), what, f"a {path.suffix or 'nameless'} file", "give its .index file")
    tf = tensorflow()
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise _damaged(path, error) from error

    def value(name: str) -> Array:
        try:
            return np.asarray(reader.get_tensor(name))
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            raise _damaged(path, error) from error

    return Checkpoint(str(path), shapes, value)


def fitted(checkpoint: Checkpoint, wanted: Shapes) -> tuple[State, tuple[str, ...]]:
    """Return the variables of a network as float32, and notes about what else the checkpoint holds.

    Raises WeightsError naming the first missing and the first mis-shaped variable.
    """
    there = checkpoint.shapes
    missing = [f"{name} {list(shape)}" for name, shape in wanted.items() if name not in there]
    misshaped = [
        f"{name} {list(there[name])} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in there and there[name] != shape
    ]
    kinds = {"missing": missing, "mis-shaped": misshaped}
    found = [f"{len(names)} {kind} (first {names[0]})" for kind, names in kinds.items() if names]
    if found:
        what, remedy = f"expected the {len(wanted)} variables of the network", "give this network's checkpoint"
        raise WeightsError(checkpoint.where, what, ", ".join(found), f"{remedy}, or correct [network] in the card")
    extra = sorted(name for name in there if name not in wanted)
    return {name: checkpoint.value(name).astype(np.float32) for name in wanted}, _extras(extra, wanted)


def _extras(names: Sequence[str], wanted: Shapes) -> tuple[str, ...]:
    """Return a note per kind of variable that the network lacks, with how many there are."""
    slots = [name for name in names if _of_optimiser(name, wanted)]
    others = [name for name in names if name not in set(slots)]
    listed = ", ".join(others[:5]) + ", ..." * (len(others) > 5)
    return (
        *[f"ignored {len(slots)} variables of an optimiser (first {slot})" for slot in slots[:1]],
        *[f"ignored {len(others)} variables that the network lacks: {listed}"] * bool(others),
    )


def _of_optimiser(name: str, wanted: Shapes) -> bool:
    variable, _, slot = name.rpartition("/")
    return slot in SLOTS and variable in wanted


def _prefix(path: Path) -> Path | None:
    """Return what the names of a TensorFlow checkpoint's files have in common, or None for another file."""
    found = re.fullmatch(r"(.+)\.(index|meta|data-\d{5}-of-\d{5})", path.name)
    return path.with_name(found[1]) if found else None


def _safetensors(path: Path) -> Checkpoint:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except (SafetensorError, *DAMAGED_SAFETENSORS) as error:
        raise _damaged(path, error) from error
    return Checkpoint(str(path), {name: array.shape for name, array in arrays.items()}, arrays.__getitem__)


def _damaged(path: Path, error: Exception) -> WeightsError:
    first = str(error).strip().partition("\n")[0][:160]
    return WeightsError(str(path), "expected a readable checkpoint", first, "get its files again")
