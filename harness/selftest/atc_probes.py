"""The facts about ATC and its OMs, as a recording shows them."""

from collections.abc import Callable, Mapping

from harness.ascend import atc_text, codes
from harness.selftest import readings
from harness.selftest.atc_rounds import INT64, KILLED
from harness.selftest.recording import NotProbed, Recording, Transcript

UNKNOWN_INPUT = ("E10016", "E10017")
UNKNOWN_OUT_NODE = ("E10016", "E11017", "E10017")


def _oms(transcript: Transcript) -> list[str]:
    """Return the OMs that an ATC made; one that failed tells nothing of names."""
    if not transcript.succeeded:
        raise NotProbed(f"{transcript.name} failed: {transcript.end}, {_why(transcript)}")
    return sorted(name for name in transcript.files if name.endswith(".om"))


def _why(transcript: Transcript) -> str:
    return atc_text.parse(transcript.text).summary or "no reason given"


def _named(transcript: str, name: str) -> Callable[[Recording], tuple[bool, str]]:
    """Return the probe that an ATC wrote exactly that OM."""

    def probe(recording: Recording) -> tuple[bool, str]:
        made = _oms(recording.transcript(transcript))
        return made == [name], ", ".join(made) or "no OM"

    return probe


def _linked(recording: Recording) -> tuple[bool, str]:
    note = recording.note("link")
    return note == "converted", note


def _exit_code(recording: Recording) -> tuple[bool, str]:
    failed = recording.transcript("atc-unknown-input")
    return failed.end.startswith("exit code ") and not failed.succeeded, failed.end


def _refused_with(name: str, known: tuple[str, ...]) -> Callable[[Recording], tuple[bool, str]]:
    """Return the probe that an ATC was refused with one of these codes."""

    def probe(recording: Recording) -> tuple[bool, str]:
        code = codes.first_code(recording.transcript(name).text)
        return code in known, code or f"no code, {recording.transcript(name).end}"

    return probe


def _side_products(recording: Recording) -> tuple[bool, str]:
    transcript = recording.transcript("atc-batch1")
    if not (made := _oms(transcript)):
        raise NotProbed("no OM was built")
    own = sorted({name.partition("/")[0] for name in transcript.files} - {"probe_bs1.om"})
    return len(made) == 1, ", ".join(own) or "nothing else"


def _mode(recording: Recording) -> tuple[bool, str]:
    mode = recording.note("om-mode")
    return mode == "0600", f"mode {mode}"


def _chip(recording: Recording) -> tuple[bool, str]:
    chip = recording.note("om-chip")
    return chip in (recording.chip, "no chip"), chip


def _display_name(recording: Recording) -> tuple[bool, str]:
    return _tensor(recording, "outputs", "name", ("add:0:y",))


def _dtypes(recording: Recording) -> tuple[bool, str]:
    inputs, into = _tensor(recording, "inputs", "dtype", ("float32",))
    outputs, out = _tensor(recording, "outputs", "dtype", ("float32",))
    return inputs and outputs, f"{into} in, {out} out"


def _tensor(recording: Recording, side: str, key: str, wanted: tuple[str, ...]) -> tuple[bool, str]:
    said = readings.acl_words(recording.transcript("acl-session"))
    tensors = said.get(side)
    if not isinstance(tensors, list) or not tensors:
        raise NotProbed(f"aclruntime opened no OM: {said.get('open') or recording.transcript('acl-session').end}")
    found = str(tensors[0].get(key, "")) if isinstance(tensors[0], dict) else ""
    return found in wanted, found or "nothing"


def _int64(recording: Recording) -> tuple[bool, str]:
    _oms(recording.transcript(INT64))
    transcript = recording.transcript("acl-int64")
    said = readings.acl_words(transcript)
    if not said.get("inputs"):
        raise NotProbed(f"aclruntime opened no OM: {said.get('open') or transcript.end}")
    into, out = said["inputs"][0]["dtype"], said["outputs"][1]["dtype"]
    return (into, out) == ("int64", "int64"), f"{into} in, {out} out"


def _host_oom(recording: Recording) -> tuple[bool, str]:
    recording.note("killed")
    transcript = recording.transcript(KILLED)
    verdict = atc_text.parse(transcript.text).verdict
    return not verdict and not transcript.succeeded, f"{transcript.end}, {verdict or 'no verdict'}"


def _rounding(recording: Recording) -> tuple[bool, str]:
    found = recording.note("rounding")
    return found == "2048", f"2048 + 1 is {found}"


PROBES: Mapping[str, Callable[[Recording], tuple[bool, str]]] = {
    "atc-output-om-suffix": _named("atc-dotted", "dotted.om.om"),
    "atc-reads-links": _linked,
    "atc-exit-code-on-failure": _exit_code,
    "atc-unknown-input-code": _refused_with("atc-unknown-input", UNKNOWN_INPUT),
    "atc-unknown-out-node-code": _refused_with("atc-unknown-out-node", UNKNOWN_OUT_NODE),
    "atc-side-products": _side_products,
    "dynamic-om-suffix": _named("atc-gears", "gears.om"),
    "om-file-mode": _mode,
    "om-names-its-chip": _chip,
    "om-output-display-name": _display_name,
    "precision-mode-default": _rounding,
    "fp16-output-dtype": _dtypes,
    "int64-in-om": _int64,
    "atc-host-oom": _host_oom,
}
