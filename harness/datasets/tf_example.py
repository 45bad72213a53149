"""TensorFlow's record file and its `Example` message, read and written without TensorFlow.

A record is an 8-byte length, its masked CRC, the data, and the data's masked CRC, all little-endian
(tensorflow/core/lib/io/record_writer.h; the CRC is CRC-32C). The data is a protocol buffer: Example { Features features
= 1 }, Features { map<string, Feature> feature = 1 }, Feature { oneof: BytesList = 1, FloatList = 2, Int64List = 3 },
each list { repeated value = 1 } (tensorflow/core/example/example.proto and feature.proto).
"""

import struct
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from harness.errors import OmgateError

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
CRC_MASK = 0xA282EAD8
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
FIRST_FIELD = 1
BYTES_LIST, INT64_LIST = 1, 3
VARINT_BYTES = 10

Feature = tuple[bytes | memoryview, ...] | tuple[int, ...] | None
"""The values of a feature: bytes, or integers; None where it is of another kind."""


class MalformedError(OmgateError):
    """Bytes that are no record or no Example; `what` and `got` say why, the reader adds where."""


def masked_crc(data: bytes | npt.NDArray[np.uint8]) -> int:
    """Return the masked CRC-32C of some bytes, as record files hold it."""
    import google_crc32c

    crc = google_crc32c.value(data)
    rotated: int = ((crc >> 15) | (crc << 17)) & 0xFFFFFFFF
    return (rotated + CRC_MASK) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """Return the bytes of a record that holds `data`."""
    length = struct.pack("<Q", len(data))
    return length + FOOTER.pack(masked_crc(length)) + data + FOOTER.pack(masked_crc(data))


def example(features: Mapping[str, bytes | int]) -> bytes:
    """Return a serialized Example with one value per feature, in the order of their names."""
    entries = (_field(1, name.encode()) + _field(2, _feature(features[name])) for name in sorted(features))
    return _field(1, b"".join(_field(1, entry) for entry in entries))


def features(data: memoryview) -> dict[str, Feature]:
    """Return the features of a serialized Example by name; bytes values are views of `data`.

    As protocol buffers ask, unknown fields are skipped, and of a name given twice the last one counts. Raises
    MalformedError.
    """
    found: dict[str, Feature] = {}
    for part in _messages(data):
        for entry in _messages(part):
            name, feature = _entry(entry)
            found[name] = feature
    return found


def _entry(entry: memoryview) -> tuple[str, Feature]:
    name, feature = b"", memoryview(b"")
    for number, value in _fields(entry):
        if number == 1 and isinstance(value, memoryview):
            name = bytes(value)
        elif number == 2 and isinstance(value, memoryview):
            feature = value
    try:
        return name.decode(), _values(feature)
    except UnicodeDecodeError as error:
        raise MalformedError("", "expected feature names in UTF-8", repr(name)[:60]) from error


def _values(feature: memoryview) -> Feature:
    values: Feature = None
    for number, part in _fields(feature):
        if not isinstance(part, memoryview) or number not in (BYTES_LIST, INT64_LIST):
            values = None
        elif number == BYTES_LIST:
            values = tuple(_messages(part))
        else:
            values = tuple(_integers(part))
    return values


def _integers(part: memoryview) -> Iterator[int]:
    """Yield the values of an Int64List, packed or not."""
    for number, value in _fields(part):
        if number != FIRST_FIELD:
            continue
        if isinstance(value, int):
            yield _signed(value)
            continue
        position = 0
        while position < len(value):
            integer, position = _varint(value, position)
            yield _signed(integer)


def _messages(data: memoryview) -> Iterator[memoryview]:
    """Yield the values of field 1."""
    for number, value in _fields(data):
        if number == FIRST_FIELD:
            if isinstance(value, int):
                raise MalformedError("", "expected an Example", "a number where a message belongs")
            yield value


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of every field: an int for a varint, else the bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if kind == DELIMITED:
            size, position = _varint(data, position)
        elif kind in FIXED_BYTES:
            size = FIXED_BYTES[kind]
        else:
            raise MalformedError("", "expected an Example", f"a field of wire type {kind}")
        if size > len(data) - position:
            raise MalformedError("", f"expected {size} bytes of a field", str(len(data) - position))
        yield number, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(data[position : position + VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position + count + 1
    raise MalformedError("", "expected a whole number", "one that is cut short or longer than 10 bytes")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _feature(value: bytes | int) -> bytes:
    if isinstance(value, bytes):
        return _field(BYTES_LIST, _field(FIRST_FIELD, value))
    return _field(INT64_LIST, _field(FIRST_FIELD, _encoded(value % (1 << 64))))


def _field(number: int, value: bytes) -> bytes:
    return _encoded(number << 3 | DELIMITED) + _encoded(len(value)) + value


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append((value & 0x7F) | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
