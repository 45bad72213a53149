"""An msame of the generation given as the first argument: `old` or `new`, told apart by the name of its folder."""

import argparse
import statistics
import sys
from pathlib import Path

import fake_om
from fake_om import say

generation = sys.argv.pop(1)
STAMPS = {"old": "20210202_172031", "new": "2022922_17_4_9_955610"}


def main():
    options = argparse.ArgumentParser()
    for name in ("model", "input", "output", "outfmt"):
        options.add_argument(f"--{name}", default="")
    options.add_argument("--loop", type=int, default=1)
    options.add_argument("--device", type=int, default=0)
    options = options.parse_args()
    if not 1 <= options.loop <= 100:
        say("[INFO] loop should be between 1 and 100")
        sys.exit(0)
    say("[INFO] acl init success")
    say(f"[INFO] open device {7 if fake_om.FAULT == 'other-device' else options.device} success")
    om = fake_om.load(options.model)
    if om is None:
        say("[ERROR] Sample process failed")
        sys.exit(1)
    say(f"[INFO] load model {options.model} success")
    folder = Path(options.output) / STAMPS[generation]
    while folder.exists():
        folder = folder.with_name(folder.name[:-1] + chr(ord(folder.name[-1]) + 1))
    folder.mkdir()
    say(f"{options.output}//{folder.name}")
    fake_om.maybe_hang()
    if fake_om.FAULT == "silent":
        sys.exit(0)
    run(options, om, folder)
    if fake_om.FAULT == "exit-0":
        say("[ERROR] execute model failed, modelId is 1")
    say("[INFO] unload model success, model Id is 1")
    say("[INFO] Execute sample success." if generation == "old" else "[INFO] pid: 98299 Execute sample success")


def run(options, om, folder):
    items = [Path(item) for item in options.input.split(",") if item]
    suffix = "txt" if options.outfmt == "TXT" else "bin"
    if items and ".bin" not in str(items[0]):
        times = []
        for name in sorted(path.name for path in items[0].iterdir()):
            say(f"[INFO] start to process file:{items[0] / name}")
            write(om, [(item / name).read_bytes() for item in items], folder, (name.rpartition(".")[0], suffix))
            times += fake_om.rounds(1) if not times else [fake_om.ROUND_MS]
            say(f"Inference time: {times[-1]}ms")
        say(f"Inference average time : {statistics.mean(times):.2f} ms")
        return
    blobs = [item.read_bytes() for item in items] or [bytes(fake_om.size(tensor)) for tensor in om["inputs"]]
    write(om, blobs, folder, (Path(options.model).stem, suffix))
    times = fake_om.rounds(options.loop)
    for ms in times:
        say("[INFO] model execute success")
        say(f"Inference time: {ms:g}ms")
    say(f"Inference average time: {statistics.mean(times):f} ms")
    if len(times) > 1:
        wrong = 2 if fake_om.FAULT == "wrong-rate" else 1
        say(f"Inference average time without first time: {wrong * statistics.mean(times[1:]):f} ms")


def write(om, blobs, folder, name):
    for index, array in enumerate(fake_om.execute(om, blobs)):
        fake_om.save(array, folder / f"{name[0]}_output_{index}.{name[1]}")


main()
