"""Inputs that another script has preprocessed: only their size is checked."""

from math import prod

import numpy as np

from harness.cards import TensorSpec
from harness.errors import DataError
from harness.samples import Picture, Sample


def prepared_input(spec: TensorSpec, picture: Picture) -> Sample:
    """Return the sample whose little-endian raw bytes are `picture.pixels`, in the shape and dtype of the input.

    Raises DataError naming the file when it has another size: the scripts resize nothing, so a picture of another
    size gives a file of another size.
    """
    shape, dtype = spec.at(1)[1:], np.dtype(spec.dtype).newbyteorder("<")
    wanted = prod(shape) * dtype.itemsize
    if picture.pixels.nbytes != wanted:
        expected = f"expected {wanted} bytes, {spec.dtype} {' × '.join(map(str, shape))} of the input {spec.name!r}"
        do = "prepare it from a picture of the size that the network takes"
        raise DataError(picture.source or picture.id, expected, str(picture.pixels.nbytes), do)
    return Sample(picture.id, (picture.pixels.view(dtype).reshape(shape),), picture.source)
