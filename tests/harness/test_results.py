"""Cases and results are plain data with stable names, keys and JSON."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results import Case, Measure, Result


def case(**changes: object) -> Case:
    return Case.model_validate(
        {"model": "icnet", "runtime": "ort-cpu", "chip": "cpu", "batch": 4, "check": "parity", **changes}
    )


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"model": "icnet-tiny"}, "icnet-tiny-ort-cpu-bs4"),
        ({"runtime": "msame", "chip": "Ascend310P3", "batch": 1}, "icnet-msame-Ascend310P3-bs1"),
        (
            {"runtime": "msame", "chip": "Ascend310P3", "batch": 1, "weights": "seeded", "emulated": True},
            "icnet-msame-Ascend310P3-bs1-seeded-emulated",
        ),
        ({"weights": "0123456789abcdef"}, "icnet-ort-cpu-bs4-01234567"),
    ],
)
def test_a_case_is_named_as_the_design_says(changes: dict[str, object], name: str) -> None:
    assert case(**changes).id == name


def test_the_key_is_the_start_of_the_sha256_of_the_canonical_json() -> None:
    canonical = (
        '{"batch":4,"check":"parity","chip":"cpu","condition":"","emulated":false,"model":"icnet","precision":"fp32",'
        '"runtime":"ort-cpu","threads":1,"weights":"card"}'
    )

    assert case().key == hashlib.sha256(canonical.encode()).hexdigest()[:16]


def test_keys_this_version_does_not_know_are_kept_but_are_no_identity() -> None:
    read = Case.model_validate({**case().model_dump(), "colour": "blue"})

    assert json.loads(read.to_json())["colour"] == "blue"
    assert read.key == case().key


@given(st.floats(allow_nan=False), st.integers(0, 10**6))
def test_a_result_survives_json(value: float, count: int) -> None:
    result = Result(
        case=case(), status="measured", measures=(Measure(name="top1", protocol="p", value=value, n=count),)
    )

    read = Result.model_validate_json(result.to_json())

    assert read == result
    assert json.loads(result.to_json())["schema"] == 1
