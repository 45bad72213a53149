import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RunError
from harness.runtimes.batching import Batcher, split
from harness.samples import Sample
from tests.harness.runtimes.small_models import spec


def numbered(count):
    return [Sample(f"s{number}", (np.array([number], np.int64),)) for number in range(count)]


@given(count=st.integers(0, 20), size=st.integers(1, 7))
def test_every_sample_comes_back_once_in_order_whatever_the_batch_size(count, size):
    batcher = Batcher("model", [spec("x", "N", 1, dtype="int64")], size)

    found = [
        (outputs.sample_id, int(outputs.arrays[0][0]))
        for batch in batcher.batches(numbered(count))
        for outputs in split([array.copy() for array in batch.arrays], batch.ids)
    ]

    assert found == [(f"s{number}", number) for number in range(count)]


def test_the_rest_of_the_last_batch_repeats_the_last_sample():
    batcher = Batcher("model", [spec("x", "N", 1, dtype="int64")], 4)

    batches = [(batch.ids, batch.arrays[0].ravel().tolist()) for batch in batcher.batches(numbered(6))]

    assert batches == [(("s0", "s1", "s2", "s3"), [0, 1, 2, 3]), (("s4", "s5"), [4, 5, 5, 5])]


def test_a_batch_to_time_takes_the_first_samples_and_starts_again_when_they_end():
    batcher = Batcher("model", [spec("x", "N", 1, dtype="int64")], 5)

    assert batcher.first(numbered(2)).arrays[0].ravel().tolist() == [0, 1, 0, 1, 0]
    assert batcher.first(numbered(9)).arrays[0].ravel().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("shape", [(1, 3), (3, "N"), ("N", "N"), ()], ids=str)
def test_an_input_without_the_batch_as_its_first_axis_is_unsupported(shape):
    with pytest.raises(RunError, match="the batch as the first axis of 'x'") as caught:
        Batcher("model", [spec("x", *shape)], 1)

    assert caught.value.kind == "unsupported"


def test_inputs_that_are_no_samples_are_zeros_or_the_same_random_bytes_every_time():
    batcher = Batcher("model", [spec("x", "N", 32), spec("y", "N", 1, dtype="int64")], 2)

    zero, random, again = (
        [bytes(array) for array in batcher.timed(inputs, []).arrays] for inputs in ("zero", "random", "random")
    )

    assert zero == [bytes(256), bytes(16)]
    assert random == again
    assert len(set(random[0])) > 100  # of 256 values that a byte may have, 256 draws give about 162
