"""The facts about aclruntime, ais_bench, msame and benchmark, as a recording shows them."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from harness.ascend import benchmark_text, codes, console, msame_text
from harness.ascend.ais_bench_summary import parse_summary
from harness.npus.listing import RENUMBERING_CANN
from harness.runtimes.benchmark_tool import MOST_ROUNDS
from harness.selftest import one_operator, readings
from harness.selftest.recording import NotProbed, Recording, Transcript
from harness.selftest.tool_rounds import LOOPS, SAMPLES, TAIL_SAMPLES

NO_DEVICE = 107001
LOAD_FAILED = "load model from file failed"
HELP_FLAGS = ("--model", "--output", "--loop")
Found = tuple[bool, str]


def _times(recording: Recording) -> Found:
    said = readings.acl_words(recording.transcript("acl-session"))
    times = said.get("times")
    if not isinstance(times, list) or not times:
        raise NotProbed(f"aclruntime ran nothing: {said.get('open') or said.get('run') or 'it came to no end'}")
    pairs, new = all(isinstance(time, list) for time in times), bool(said.get("new"))
    return pairs == new, f"{'pairs' if pairs else 'numbers'} {'with' if new else 'without'} free_resource"


def _wrong_size(recording: Recording) -> Found:
    said = readings.acl_words(recording.transcript("acl-session"))
    if "wrong_size" not in said:
        raise NotProbed("aclruntime ran nothing")
    text = str(said["wrong_size"])
    return bool({-1, 1} & set(codes.acl_codes(text))), text.strip() or "it was run"


def _load_failure(recording: Recording) -> Found:
    transcript = recording.transcript("acl-damaged")
    text = str(readings.acl_words(transcript).get("open", ""))
    line = LOAD_FAILED in transcript.text
    return 1 in codes.acl_codes(text) and line, f"{text.strip() or transcript.end}{', and that line' if line else ''}"


def _visible(recording: Recording) -> Found:
    transcript = recording.transcript("acl-visible")
    said = readings.acl_words(transcript)
    numbers = codes.acl_codes(f"{transcript.text}\n{said.get('open', '')}")
    major = re.match(r"\d+", recording.cann)
    renumbers = major is None or int(major.group()) >= RENUMBERING_CANN
    if NO_DEVICE in numbers:
        return renumbers, f"renumbered by CANN {recording.cann or 'of an unknown version'}"
    if said.get("open") and not any(number // 1000 in (145, 507, 545) for number in numbers):
        raise NotProbed(f"the other NPU could not be opened for another reason: {said['open']}")
    return not renumbers, f"not renumbered by CANN {recording.cann or 'of an unknown version'}"


def _finished(recording: Recording, name: str) -> Transcript:
    """Return a transcript that ended well; one that did not tells nothing of names."""
    transcript = recording.transcript(name)
    if not transcript.succeeded:
        said = console.errors(transcript.text)
        raise NotProbed(f"{name} failed: {transcript.end}{f', {said[0]}' if said else ''}")
    return transcript


def _summary_place(recording: Recording) -> Found:
    files = _finished(recording, "ais-folder").files
    places = [name for name in files if name.endswith(("_summary.json", "sumary.json"))]
    beside = [name for name in places if name.endswith("_summary.json") and len(PurePosixPath(name).parts) == 2]
    inside = [name for name in places if name.endswith("/sumary.json")]
    return len(places) == 1 and len(beside + inside) == 1, ", ".join(places) or "none"


def _ais_names(recording: Recording) -> Found:
    transcript = _finished(recording, "ais-folder")
    names = sorted(PurePosixPath(name).name for name in transcript.values)
    plain = [f"{number:08d}_0.bin" for number in range(SAMPLES)]
    oldest = [f"sample_id_{number}_output_0.bin" for number in range(SAMPLES)]
    return names in (plain, oldest), ", ".join(names) or "none"


def _loops(recording: Recording) -> Found:
    transcript = _finished(recording, "ais-pure")
    rounds = [len(parse_summary(text).rounds_ms) for name, text in transcript.texts.items() if name.endswith(".json")]
    return rounds in ([LOOPS], [0]), f"{rounds[0]} times" if rounds else "no summary"


def _help(recording: Recording) -> Found:
    transcript = recording.transcript("ais-help")
    missing = [flag for flag in HELP_FLAGS if flag not in transcript.text]
    return transcript.succeeded and not missing, f"{transcript.end}{f', without {missing[0]}' if missing else ''}"


def _ais_wrong_size(recording: Recording) -> Found:
    transcript = recording.transcript("ais-wrong-size")
    line = _error_line(transcript)
    return transcript.end == "exit code 1" and bool(line), f"{transcript.end}, {line or 'no [ERROR] line'}"


def _error_line(transcript: Transcript) -> str:
    return next((error for error in console.errors(transcript.text) if error.startswith("[ERROR]")), "")


def _stamp(recording: Recording) -> Found:
    transcript = _finished(recording, "msame-folder")
    printed = next((report.output_dir for report in msame_text.parse(transcript.text)), "")
    made = {str(PurePosixPath(name).parent) for name in transcript.files}
    return made == {str(PurePosixPath(printed))} and bool(printed), printed or "none that is known, made: " + _some(
        made
    )


def _msame_names(recording: Recording) -> Found:
    return _outputs(_finished(recording, "msame-folder"), "output_0", SAMPLES)


def _msame_load(recording: Recording) -> Found:
    transcript = recording.transcript("msame-damaged")
    reports = msame_text.parse(transcript.text)
    success = any(report.finished for report in reports)
    errors = [error for report in reports for error in report.errors]
    return bool(errors) and not success, f"{transcript.end}, {errors[0] if errors else 'no error'}"


def _msame_wrong_size(recording: Recording) -> Found:
    transcript = recording.transcript("msame-wrong-size")
    line = _error_line(transcript)
    return bool(line), f"{transcript.end}, {line or 'no [ERROR] line'}"


def _benchmark_names(recording: Recording) -> Found:
    transcript = _finished(recording, "benchmark-files")
    names = sorted(PurePosixPath(name).name for name in transcript.values)
    folder = f"result/dumpOutput_device{recording.runtime_id}/"
    right = [f"{number:08d}_1.bin" for number in range(len(names))]
    return bool(names) and names == right and all(one.startswith(folder) for one in transcript.values), _some(names)


def _tail(recording: Recording) -> Found:
    transcript = _finished(recording, "benchmark-files")
    right, _ = _outputs(transcript, "1", TAIL_SAMPLES)
    return right, f"{len(transcript.values)} outputs{'' if right else ', not all right'}"


def _sizes(recording: Recording) -> Found:
    right, text = _outputs(_finished(recording, "benchmark-files"), "1", 1)
    return right, "the right outputs" if right else text


def _outputs(transcript: Transcript, suffix: str, count: int) -> Found:
    """Tell whether the first samples have their outputs under their names with a suffix, with the right numbers."""
    found = {PurePosixPath(name).name: values for name, values in transcript.values.items()}
    for number in range(count):
        name = f"{number:08d}_{suffix}.bin"
        if name not in found:
            return False, f"no {name} among {_some(sorted(found))}"
        if list(found[name]) != one_operator.expected(number).ravel().tolist():
            return False, f"{name} holds {found[name][:4]}"
    return True, f"{0:08d}_{suffix}.bin"


def _perf_file(recording: Recording) -> Found:
    transcript = _finished(recording, "benchmark-files")
    pattern = rf"result/perf_\w+_batchsize_4_device_{recording.runtime_id}\.txt"
    names = [name for name in transcript.texts if re.fullmatch(pattern, name)]
    if len(names) != 1:
        return False, _some(transcript.texts)
    rate = benchmark_text.parse_perf_file(transcript.texts[names[0]]).interface_rate
    return rate > 0, names[0]


def _most_rounds(recording: Recording) -> Found:
    ran = {
        MOST_ROUNDS: bool(benchmark_text.parse_pure(recording.transcript("benchmark-most").text)),
        MOST_ROUNDS + 1: bool(benchmark_text.parse_pure(recording.transcript("benchmark-more").text)),
    }
    words = [f"{rounds} {'run' if done else 'refused'}" for rounds, done in ran.items()]
    return list(ran.values()) == [True, False], ", ".join(words)


def _benchmark_load(recording: Recording) -> Found:
    transcript = recording.transcript("benchmark-damaged")
    errors = console.errors(transcript.text)
    return not transcript.succeeded or bool(errors), f"{transcript.end}, {errors[0] if errors else 'no error'}"


def _some(names: object) -> str:
    listed = [str(name) for name in names] if isinstance(names, list | tuple | set | Mapping) else []
    return ", ".join(sorted(listed)[:4]) + (", …" if len(listed) > 4 else "") or "nothing"


PROBES: Mapping[str, Callable[[Recording], Found]] = {
    "acl-exec-time-pairs": _times,
    "acl-wrong-size-refused": _wrong_size,
    "acl-load-failure-code": _load_failure,
    "rt-visible-renumbers": _visible,
    "ais-bench-summary-sibling": _summary_place,
    "ais-bench-numbering-from-0": _ais_names,
    "ais-bench-rounds-per-loop": _loops,
    "ais-bench-help-lists-flags": _help,
    "ais-bench-wrong-size": _ais_wrong_size,
    "msame-stamp-form": _stamp,
    "msame-numbering": _msame_names,
    "msame-load-failure": _msame_load,
    "msame-wrong-size": _msame_wrong_size,
    "benchmark-numbering-from-1": _benchmark_names,
    "benchmark-last-batch-padding": _tail,
    "benchmark-sizes-passed-on": _sizes,
    "benchmark-perf-file": _perf_file,
    "benchmark-load-failure": _benchmark_load,
    "benchmark-most-rounds": _most_rounds,
}
