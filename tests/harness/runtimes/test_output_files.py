import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.runtimes.output_files import FORMATS

BIN, NPY, TXT = FORMATS["BIN"], FORMATS["NPY"], FORMATS["TXT"]


def test_bin_is_the_numbers_in_c_order(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00")

    array = BIN.read(path, "int16", (2, 3))

    np.testing.assert_array_equal(array, [[1, 2, 3], [4, 5, 6]])
    assert BIN.expects("int16", (2, 3)) == "12 bytes"


def test_npy_holds_dtype_and_shape(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 3), np.float16))

    assert NPY.read(tmp_path / "a.npy", "float16", (2, 3)).shape == (2, 3)
    assert NPY.planned_bytes("float16", (2, 3)) == (tmp_path / "a.npy").stat().st_size
    with pytest.raises(ValueError, match=r"float16 \(2, 3\)"):
        NPY.read(tmp_path / "a.npy", "float32", (2, 3))
    with pytest.raises(ValueError, match=r"float16 \(2, 3\)"):
        NPY.read(tmp_path / "a.npy", "float16", (2, 4))


def test_npy_never_unpickles(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))

    with pytest.raises(ValueError, match="allow_pickle"):
        NPY.read(tmp_path / "a.npy", "float32", (1,))


@pytest.mark.parametrize("content", [b"", b"\x93NUM", b"nonsense"])
def test_a_damaged_npy_is_told(content, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)

    with pytest.raises(ValueError):  # noqa: PT011 - the words are numpy's
        NPY.read(tmp_path / "a.npy", "float32", (1,))


def test_txt_is_numbers_between_blanks_whatever_the_lines(tmp_path):
    (tmp_path / "a.txt").write_text("1.500000 -2.25 \n nan -nan inf 1e-3\n")

    array = TXT.read(tmp_path / "a.txt", "float32", (2, 3))

    np.testing.assert_array_equal(array, np.array([[1.5, -2.25, np.nan], [np.nan, np.inf, 0.001]], np.float32))


@pytest.mark.parametrize(
    ("text", "dtype", "got"),
    [
        ("1 2 3", "float32", "3 numbers"),
        ("1 two", "float32", "two"),
        ("1 1.5", "int64", "1.5"),
        ("1 256", "uint8", "from 1 to 256"),
        ("-1 2", "uint8", "from -1 to 2"),
        ("1 9223372036854775808", "int64", "from 1 to 9223372036854775808"),
    ],
)
def test_a_text_that_is_not_the_array_is_told(text, dtype, got, tmp_path):
    (tmp_path / "a.txt").write_text(text)

    with pytest.raises(ValueError, match=got):
        TXT.read(tmp_path / "a.txt", dtype, (2,))


@given(arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 4))))
def test_whole_numbers_survive_text_exactly(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("txt") / "a.txt"
    path.write_text("\n".join(" ".join(str(number) for number in row) for row in array))

    np.testing.assert_array_equal(TXT.read(path, "int64", array.shape), array)
