"""An ais_bench of generation 0 (ais_infer), 1 or 2, given as the first argument."""

import argparse
import json
import re
import stat
import statistics
import sys
from pathlib import Path

import fake_om
from fake_om import say

generation = sys.argv.pop(1)


def parser():
    options = argparse.ArgumentParser(prog="ais_bench")
    options.add_argument("--model", "--om", required=True)
    options.add_argument("--input", "-i")
    options.add_argument("--output", "-o")
    options.add_argument("--loop", "-l", type=int, default=1)
    options.add_argument("--device", "--device_id", "-d", type=int, default=0)
    options.add_argument("--batchsize", type=int, default=1)
    if generation == "0":
        options.add_argument("--outfmt", default="BIN", choices=["NPY", "BIN"])
        options.set_defaults(output_dirname=None, warmup_count=1, pure_data_type="zero")
        return options
    options.add_argument("--outfmt", default="BIN", choices=["NPY", "BIN", "TXT"])
    options.add_argument("--output_dirname")
    options.add_argument("--pure_data_type", default="zero", choices=["zero", "random"])
    options.add_argument("--warmup_count", *(["--warmup-count"] if generation == "2" else []), type=int, default=1)
    return options


def check_strictly(path):
    """Refuse what the new front end refuses: letters outside its list, links, files that others may write to."""
    if not re.fullmatch(r"[_A-Za-z0-9/.-]+", str(path)) or path.is_symlink():
        sys.exit(f"error: path {path} is not safe")
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        sys.exit(f"error: {path} may be written by others")


def main():
    options = parser().parse_args()
    inputs = [Path(item) for item in (options.input or "").split(",") if item]
    if generation == "2":
        for path in [Path(options.model), *inputs]:
            check_strictly(path)
    say("[INFO] acl init success")
    say(f"[INFO] open device {7 if fake_om.FAULT == 'other-device' else options.device} success")
    om = fake_om.load(options.model)
    if om is None:
        sys.stderr.write("Traceback (most recent call last):\nRuntimeError: [1][ACL: invalid parameter] \n")
        sys.exit(1)
    say(f"[INFO] load model {options.model} success")
    if fake_om.FAULT == "exit-0":
        say("[ERROR] execute model failed, modelId is 1")
        sys.exit(0)
    if fake_om.FAULT == "silent":
        sys.exit(0)
    fake_om.maybe_hang()
    run(options, om, inputs)


def run(options, om, inputs):
    folder = Path(options.output) / (options.output_dirname or "2022_06_01-12_30_45")
    folder.mkdir()
    say(f"[INFO] output path:{folder}")
    names = sorted(path.name for path in inputs[0].iterdir()) if inputs else ["pure_infer_data.bin"]
    if inputs:
        have, want = (inputs[0] / names[0]).stat().st_size, fake_om.size(om["inputs"][0])
        per_run = want // have
        sizes = f"files0 size:{have} tensor0size:{want}"
        say(f"[INFO] get filesperbatch {sizes} filesperbatch:{per_run} runcount:{len(names)}")
        if per_run != 1:
            say("[INFO] throughput 1000*batchsize.mean(1)/NPU_compute_time.mean(1.0): 1000.0")
            return
    times = []
    for number, name in enumerate(names):
        times += fake_om.rounds(options.loop) if not times else [fake_om.ROUND_MS] * options.loop
        write(folder, om, outputs(options, om, inputs, name), (number, name))
    report(options, folder, times)


def outputs(options, om, inputs, name):
    if inputs:
        return fake_om.execute(om, [(folder / name).read_bytes() for folder in inputs])
    fill = b"\x01" if options.pure_data_type == "random" else b"\0"
    return fake_om.execute(om, [fill * fake_om.size(tensor) for tensor in om["inputs"]])


def write(folder, om, arrays, which):
    number, name = which
    suffix = (
        {"BIN": "bin", "NPY": "npy", "TXT": "txt"}[sys.argv[sys.argv.index("--outfmt") + 1]]
        if "--outfmt" in sys.argv
        else "bin"
    )
    stem = f"sample_id_{number}_output" if generation == "0" else name.split(".")[0]
    for index, array in enumerate(arrays):
        fake_om.save(array, folder / f"{stem}_{index}.{suffix}")


def report(options, folder, times):
    mean = statistics.mean(times)
    rate = 1000 * options.batchsize / mean
    printed = rate * 2 if fake_om.FAULT == "wrong-rate" else rate
    parts = {
        "min": min(times),
        "max": max(times),
        "mean": mean,
        "median": statistics.median(times),
        "percentile(99%)": max(times),
    }
    summary = {"NPU_compute_time": parts, "throughput": rate, "filesinfo": {}}
    place = folder / "sumary.json"
    if generation != "0":
        summary["npu_compute_time_list"] = [[7.0, 7.0 + ms] for ms in times] if generation == "2" else times
        place = folder.parent / f"{folder.name}_summary.json"
    place.write_text(json.dumps(summary))
    say("[INFO] -----------------Performance Summary------------------")
    say("[INFO] NPU_compute_time (ms): " + ", ".join(f"{key} = {value}" for key, value in parts.items()))
    formula = (
        "(1000*batchsize/NPU_compute_time)"
        if generation == "0"
        else f"1000*batchsize.mean({options.batchsize})/NPU_compute_time.mean({mean})"
    )
    say(f"[INFO] throughput {formula}: {printed}")
    say("[INFO] ------------------------------------------------------")
    say("[INFO] unload model success, model Id is 1")


main()
