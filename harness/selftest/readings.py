"""What our parsers make of a recorded transcript, as JSON: made when it is recorded, and again when it is replayed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from harness.ascend import (
    ais_bench_text,
    atc_text,
    benchmark_text,
    codes,
    console,
    msame_text,
    smi_readings,
    smi_text,
    version_files,
)
from harness.ascend.ais_bench_summary import parse_summary
from harness.errors import OmgateError
from harness.selftest import acl_probe
from harness.selftest.recording import Transcript

TOPICS = {
    "usages": smi_readings.parse_usages,
    "memory": smi_readings.parse_memory,
    "common": smi_readings.parse_common,
    "board": smi_readings.parse_board,
    "power": smi_readings.parse_board,
}
"""The parser of each `npu-smi info -t`."""


def read(transcript: Transcript) -> Any:
    """Return the reading of a transcript: what the parser of its tool finds, its codes and errors, as JSON values."""
    found: dict[str, Any] = {}
    parser = _PARSERS.get(transcript.tool)
    if parser is not None:
        found["parsed"] = _tried(lambda: parser(transcript))
    if transcript.tool != "file":
        found["code"] = codes.first_code(transcript.text)
        found["kind"] = codes.error_kind(transcript.text, "tool-failed")
        found["errors"] = console.errors(transcript.text)
    return json.loads(json.dumps(found, default=_plain))


def acl_words(transcript: Transcript) -> Mapping[str, Any]:
    """Return what the probe of aclruntime printed of itself, empty where it did not come to that."""
    for line in console.lines(transcript.text):
        if line.startswith(acl_probe.MARK):
            try:
                said = json.loads(line.removeprefix(acl_probe.MARK))
            except (ValueError, RecursionError):
                continue
            if isinstance(said, dict):
                return said
    return {}


def _tried(parse: Callable[[], Any]) -> Any:
    try:
        return parse()
    except OmgateError as error:
        return {"refused": f"{error.where}: {error.what}, got {error.got}"}


def _ais_bench(transcript: Transcript) -> dict[str, Any]:
    summaries = {name: text for name, text in transcript.texts.items() if name.endswith(".json")}
    return {
        "report": ais_bench_text.parse(transcript.text),
        "summaries": {name: _tried(lambda text=text: parse_summary(text)) for name, text in summaries.items()},  # type: ignore[misc]
    }


def _benchmark(transcript: Transcript) -> dict[str, Any]:
    perf = {name: text for name, text in transcript.texts.items() if "/perf_" in f"/{name}"}
    return {
        "pure": benchmark_text.parse_pure(transcript.text),
        "rates": {name: _tried(lambda text=text: benchmark_text.parse_perf_file(text)) for name, text in perf.items()},  # type: ignore[misc]
    }


def _smi(transcript: Transcript) -> Any:
    words = transcript.argv[transcript.argv.index("info") + 1 :] if "info" in transcript.argv else ()
    if not words:
        return smi_text.parse_info(transcript.text)
    if words[0] == "-m":
        return smi_text.parse_mapping(transcript.text)
    topic = TOPICS.get(words[1]) if words[0] == "-t" and len(words) > 1 else None
    return topic(transcript.text) if topic is not None else None


def _file(transcript: Transcript) -> Any:
    if transcript.name.endswith("version.cfg"):
        return version_files.cann_version(transcript.text)
    if transcript.name.endswith("version.info"):
        return version_files.driver_version(transcript.text)
    return version_files.toolkit_info(transcript.text)


_PARSERS: Mapping[str, Callable[[Transcript], Any]] = {
    "atc": lambda transcript: atc_text.parse(transcript.text),
    "ais_bench": _ais_bench,
    "msame": lambda transcript: msame_text.parse(transcript.text),
    "benchmark": _benchmark,
    "python": acl_words,
    "npu-smi": _smi,
    "file": _file,
}


def _plain(value: Any) -> Any:
    """Return a value that JSON knows for one that it does not."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
