"""Records and Examples against the protocol buffers of google.protobuf and the published test vectors of CRC-32C."""

import contextlib
import struct

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets.tf_example import MalformedError, example, features, masked_crc, record

PACKAGE = "omgate_test"


def message_type(name):
    """Return tensorflow/core/example's messages, declared here: example.proto and feature.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package=PACKAGE, syntax="proto3")
    kinds = {
        "BytesList": ("TYPE_BYTES", "value"),
        "FloatList": ("TYPE_FLOAT", "value"),
        "Int64List": ("TYPE_INT64", "value"),
    }
    for kind, (type_name, field) in kinds.items():
        declare(file.message_type.add(name=kind), field, 1, type_name, repeated=True)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (kind, field) in enumerate(
        zip(kinds, ("bytes_list", "float_list", "int64_list"), strict=True), start=1
    ):
        declare(feature, field, number, kind).oneof_index = 0
    holder = file.message_type.add(name="Features")
    entry = holder.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    declare(entry, "key", 1, "TYPE_STRING")
    declare(entry, "value", 2, "Feature")
    declare(holder, "feature", 1, "Features.FeatureEntry", repeated=True)
    declare(file.message_type.add(name="Example"), "features", 1, "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def declare(message, name, number, kind, *, repeated=False):
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind.startswith("TYPE_"):
        field.type = getattr(field, kind)
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    return field


Example = message_type("Example")
VALUES = st.one_of(
    st.tuples(st.just("bytes_list"), st.lists(st.binary(max_size=200), max_size=3)),
    st.tuples(st.just("int64_list"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)),
    st.tuples(st.just("float_list"), st.lists(st.floats(width=32, allow_nan=False), max_size=3)),
)


def serialized(found):
    message = Example()
    for name, (kind, values) in found.items():
        getattr(message.features.feature[name], kind).value.extend(values)
    return message.SerializeToString()


def read_features(data):
    return features(memoryview(data))


def plain(found):
    return {
        name: None if values is None else [value if isinstance(value, int) else bytes(value) for value in values]
        for name, values in found.items()
    }


@given(found=st.dictionaries(st.text(max_size=8), VALUES, max_size=5))
def test_features_are_those_that_protocol_buffers_wrote(found):
    expected = {name: None if kind == "float_list" else values for name, (kind, values) in found.items()}

    read = plain(read_features(serialized(found)))

    # A list without a value leaves no trace of its kind but an empty message.
    assert {name: values or None for name, values in read.items()} == {k: v or None for k, v in expected.items()}


@given(
    found=st.dictionaries(
        st.text(max_size=8), st.one_of(st.binary(max_size=200), st.integers(-(2**63), 2**63 - 1)), max_size=5
    )
)
def test_protocol_buffers_read_what_is_written(found):
    read = Example.FromString(example(found)).features.feature

    assert set(read) == set(found)
    for name, value in found.items():
        values = (read[name].bytes_list if isinstance(value, bytes) else read[name].int64_list).value
        assert list(values) == [value]


def test_integers_that_are_not_packed_are_read_too():
    # Int64List { value: 5 value: -1 } with a tag before each value, as proto2 writers may.
    entry = b"\x0a\x01h\x12\x0f\x1a\x0d\x08\x05\x08" + b"\xff" * 9 + b"\x01"
    data = b"\x0a" + bytes([len(entry) + 2]) + b"\x0a" + bytes([len(entry)]) + entry

    assert list(Example.FromString(data).features.feature["h"].int64_list.value) == [5, -1]
    assert plain(read_features(data)) == {"h": [5, -1]}


def test_unknown_fields_are_skipped_and_the_last_of_a_name_counts():
    unknown = b"\x12\x02hi" + b"\x18\x07" + b"\x21" + bytes(8) + b"\x2d" + bytes(4)

    assert plain(read_features(example({"a": 1}) + unknown + example({"a": 2}))) == {"a": [2]}


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05ab", b"\x08\x01", b"\x0b", b"\x0e", b"\xff" * 11, b"\x0a\x02\x0a\x09"]
)
def test_bytes_that_are_no_example_are_malformed(data):
    with pytest.raises(MalformedError):
        read_features(data)


@given(data=st.binary(max_size=60))
def test_any_bytes_are_an_example_or_malformed(data):
    try:
        found = read_features(data)
    except MalformedError:
        return
    assert all(isinstance(name, str) for name in found)


@given(cut=st.integers(0, 10_000), change=st.integers(1, 255))
def test_a_damaged_example_is_never_a_traceback(cut, change):
    data = bytearray(example({"image": bytes(range(100)), "height": 300}))
    data[cut % len(data)] ^= change

    with contextlib.suppress(MalformedError):  # and nothing else
        read_features(bytes(data))


def test_the_checksum_is_crc_32c_turned_by_15_bits_plus_a_constant():
    # RFC 3720, B.4: CRC-32C of 32 bytes of zeros is 8a9136aa; of the numbers 0 to 31 46dd794e.
    for data, crc in ((bytes(32), 0x8A9136AA), (bytes(range(32)), 0x46DD794E)):
        turned = (crc >> 15 | crc << 17) & 0xFFFFFFFF
        assert masked_crc(data) == (turned + 0xA282EAD8) % 2**32


def test_a_record_is_length_checksum_data_checksum():
    data = record(b"abc")

    assert struct.unpack("<Q", data[:8]) == (3,)
    assert data[12:15] == b"abc"
    assert struct.unpack("<I", data[8:12])[0] == masked_crc(data[:8])
    assert struct.unpack("<I", data[15:])[0] == masked_crc(b"abc")
