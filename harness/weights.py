"""Checkpoints read safely into numpy arrays, and weights made from names alone where there is no checkpoint."""

import hashlib
import pickle
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import WeightsError
from harness.samples import Array

State = dict[str, Array]

WRAPPERS = ("model", "state_dict")
"""Keys under which training scripts store the parameters beside epoch, optimizer and so on, outermost first."""

PARALLEL_PREFIX = "module."
"""What torch.nn.DataParallel puts before every name."""

REMEDY = "save it with torch.save(model.state_dict(), ...) or as .safetensors"

DAMAGED_PICKLE = (
    *(pickle.UnpicklingError, struct.error, EOFError, RuntimeError, AssertionError),
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError, MemoryError),
)
"""What torch.load raises for a file that is no checkpoint, is cut off, or holds more than tensors."""


def read_checkpoint(path: Path) -> State:
    """Return the tensors of a checkpoint by name: floats as float32, integers as they are.

    A `.safetensors` file, or any file of torch.save that holds tensors only. Parameters are taken out of a `model` or
    `state_dict` entry, and a `module.` before every name is dropped. Raises WeightsError naming the file if it cannot
    be read, is damaged, would run code, or holds something else.
    """
    document = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    for wrapper in WRAPPERS:
        if isinstance(document, Mapping) and isinstance(document.get(wrapper), Mapping):
            document = document[wrapper]
    if not isinstance(document, Mapping) or not document:
        raise WeightsError(str(path), "expected tensors by name", _described(document), REMEDY)
    state = {str(name): _array(f"{path}: {name}", tensor) for name, tensor in document.items()}
    if all(name.startswith(PARALLEL_PREFIX) for name in state):
        return {name.removeprefix(PARALLEL_PREFIX): array for name, array in state.items()}
    return state


def seeded(shapes: Mapping[str, Sequence[int]]) -> State:
    """Return weights that depend on names and shapes only, so that a network can run anywhere without a checkpoint.

    Each tensor is one float64 draw of a PCG64 generator whose seed is the CRC-32 of its name, rounded to float32.
    Convolutions and linear layers keep the variance of their input (He 2015, LeCun 1998); a batch normalisation (any
    module with a `running_mean`) has a scale in [0.4, 0.9), a variance in [0.5, 1.5), and shift and mean of deviation
    0.1; other biases have deviation 0.05; `num_batches_tracked` is 0 (int64). A name with slashes is TensorFlow's: its
    last part says what it is, and a kernel's last axis are the outputs.
    """
    normalisations = {_module(name) for name in shapes if _leaf(name) == "running_mean"}
    return {name: _draw(name, tuple(shape), _module(name) in normalisations) for name, shape in shapes.items()}


def state_digest(state: Mapping[str, Array]) -> str:
    """Return the sha256 over names, dtypes, shapes and values, whatever the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        array = np.ascontiguousarray(state[name])
        digest.update(f"{name}\0{array.dtype.str}\0{state[name].shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(str(path), "expected a readable safetensors file", _first_line(error)) from error


def _read_pickle(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(str(path), "expected a readable file", _first_line(error)) from error
    except DAMAGED_PICKLE as error:
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        if forbidden:
            what, got = "expected a checkpoint of tensors only", f"a pickle that would call {forbidden[1]}"
            raise WeightsError(str(path), what, got, REMEDY) from error
        what, got = "expected a checkpoint of torch.save", f"a damaged or foreign file ({type(error).__name__})"
        raise WeightsError(str(path), what, got, "get the file again") from error


def _array(where: str, tensor: Any) -> Array:
    import torch

    plain = isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided and not tensor.is_quantized
    if not plain:
        raise WeightsError(where, "expected a plain tensor", _described(tensor), REMEDY)
    values = tensor.detach()
    array: Array = (values.float() if values.is_floating_point() else values).numpy()
    return array


def _described(value: Any) -> str:
    return f"an empty {type(value).__name__}" if isinstance(value, Mapping) and not value else type(value).__name__


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:160]


def _draw(name: str, shape: tuple[int, ...], normalises: bool) -> Array:
    leaf = _leaf(name)
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    if leaf in ("running_var", "moving_variance"):
        return np.asarray(0.5 + generator.random(shape), np.float32)
    if leaf == "gamma" or (normalises and leaf == "weight"):
        return np.asarray(0.4 + 0.5 * generator.random(shape), np.float32)
    return np.asarray(_deviation(name, shape, normalises) * generator.standard_normal(shape), np.float32)


def _deviation(name: str, shape: tuple[int, ...], normalises: bool) -> float:
    leaf = _leaf(name)
    if normalises or leaf in ("running_mean", "moving_mean", "beta"):
        return 0.1
    if leaf in ("bias", "biases"):
        return 0.05
    inputs = shape[:-1] if "/" in name else shape[1:]
    # A convolution is followed by a ReLU, which halves the variance; a linear layer is the last one.
    return float(np.sqrt((2.0 if len(shape) == 4 else 1.0) / np.prod(inputs)))


def _module(name: str) -> str:
    return name.rpartition(".")[0]


def _leaf(name: str) -> str:
    return name.rpartition("/" if "/" in name else ".")[2]
