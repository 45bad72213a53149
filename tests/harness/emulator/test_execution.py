"""Executing an emulated OM: bytes in, arrays in the OM's types out."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.emulator import om
from harness.emulator.execution import Execution, ExecutionError, fixed_shapes, geared_shapes
from tests.harness.emulator import adder_om


def built(**changes: Any) -> om.Om:
    return replace(adder_om.STATIC, model=adder_om.model(), **changes)


def test_bytes_go_in_and_outputs_come_in_the_oms_order() -> None:
    execution = Execution(built())
    x = np.array([[1, 5, 2], [9, 0, 3]], np.float32)

    y, z = execution.run([x.tobytes()], ((2, 3),))

    np.testing.assert_array_equal(y, [[2, 6, 3], [10, 1, 4]])
    np.testing.assert_array_equal(z, [1, 0])


def test_the_types_that_the_om_declares_hold_at_its_border() -> None:
    outputs = (replace(adder_om.STATIC.outputs[0], dtype="float16"), replace(adder_om.STATIC.outputs[1], dtype="int32"))

    y, z = Execution(built(outputs=outputs)).run([bytes(24)], ((2, 3),))

    assert (y.dtype.name, z.dtype.name) == ("float16", "int32")


def test_nan_and_infinities_pass_through_without_a_warning() -> None:
    outputs = (replace(adder_om.STATIC.outputs[0], dtype="float16"), adder_om.STATIC.outputs[1])
    x = np.array([[np.nan, np.inf, 1e38], [-np.inf, 0, 0]], np.float32)

    y, _ = Execution(built(outputs=outputs)).run([x.tobytes()], ((2, 3),))

    assert np.isnan(y[0, 0])
    assert np.isposinf(y[0, 1:]).all()


def test_a_model_that_is_none_is_refused() -> None:
    with pytest.raises(ExecutionError):
        Execution(built()).__class__(replace(adder_om.STATIC, model=b"not a model"))


def test_a_graph_that_fails_says_so() -> None:
    with pytest.raises(ExecutionError):
        Execution(built()).run([bytes(36)], ((3, 3),))


def test_a_batch_and_an_image_size_are_the_same_in_every_input_and_dims_are_one_for_each_open_axis() -> None:
    image = om.Tensor("image", "image", "float32", (1, 3, -1, -1), "NCHW", 0)
    mask = om.Tensor("mask", "mask", "float32", (1, -1, -1), "ND", 0)

    by_size = geared_shapes((image, mask), om.Gears("image"), (7, 9))
    by_dims = geared_shapes((image, mask), om.Gears("dims"), (7, 9, 5, 6))

    assert by_size == ((1, 3, 7, 9), (1, 7, 9))
    assert by_dims == ((1, 3, 7, 9), (1, 5, 6))


def test_a_dynamic_om_is_as_large_as_its_largest_gear() -> None:
    inputs = (om.Tensor("x", "x", "float32", (-1, 3), "ND", 48),)

    assert fixed_shapes(built(inputs=inputs, gears=om.Gears("batch", ((1,), (4,), (2,))))) == ((4, 3),)
