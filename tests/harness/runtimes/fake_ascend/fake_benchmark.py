"""A benchmark.x86_64 as the scripts of the model zoo know it; `-flag=value`, everything below the working folder."""

import sys
from pathlib import Path

import fake_om
from fake_om import say

RATES = (200.0, 400.0, 250.0, 500.0, 100.0)  # images/s, one per invocation of a session in turn


def main():
    options = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
    batch, device = int(options["batch_size"]), int(options["device_id"])
    om = fake_om.load(options["om_path"])
    if om is None:
        sys.exit(1)
    fake_om.maybe_hang()
    if fake_om.FAULT in ("exit-0", "silent"):
        say("[ERROR] Execute failed" if fake_om.FAULT == "exit-0" else "[INFO] end")
        sys.exit(0)
    Path("result").mkdir()
    if "round" in options:
        pure(options, batch, device)
    else:
        listed(options, om, (batch, device))


def next_rate(options):
    """Return the rate of this invocation, which is counted by the logs beside the OM."""
    logs = list(Path(options["om_path"]).parent.glob("*.log"))
    return RATES[(len(logs) - 1) % len(RATES)]


def pure(options, batch, device):
    rate, count = next_rate(options), int(options["round"])
    if count > 1024:
        sys.exit("round")
    say(f"[INFO] Dataset number: {count - 1} finished cost {1000 * batch / rate}ms")
    say(f"[INFO] PureInfer result saved in ./result/PureInfer_perf_of_model_in_device_{device}.txt")
    say("-----------------PureInfer Performance Summary------------------")
    say(f"[INFO] ave_throughputRate: {rate}samples/s, ave_latency: {1000 / rate}ms")
    say("----------------------------------------------------------------")


def listed(options, om, where):
    batch, device = where
    rows = [line.split() for line in Path(options["input_text_path"]).read_text().splitlines()]
    if [int(row[0]) for row in rows] != list(range(len(rows))) or len(rows) % batch:
        sys.exit("the list is not of whole batches")
    if (options["input_width"], options["input_height"]) != tuple(rows[0][2:]):
        sys.exit("width and height")
    suffix = "bin" if options["output_binary"] == "True" else "txt"
    folder = Path(f"result/dumpOutput_device{device}")
    folder.mkdir()
    for start in range(0, len(rows), batch):
        paths = [Path(row[1]) for row in rows[start : start + batch]]
        outputs = fake_om.execute(om, [b"".join(path.read_bytes() for path in paths)])
        for row, path in enumerate(paths):
            for index, array in enumerate(outputs, start=1):
                fake_om.save(array[row : row + 1], folder / f"{path.stem}_{index}.{suffix}")
    rate = next_rate(options)
    Path(f"result/perf_vision_batchsize_{batch}_device_{device}.txt").write_text(
        f"[e2e] throughputRate: 170.628, latency: 293035\n"
        f"[data read] throughputRate: 181.571, moduleLatency: 5.50749\n"
        f"[preprocess] throughputRate: 180.466, moduleLatency: 5.5412\n"
        f"[infer] throughputRate: 171.595, Interface throughputRate: {rate}, moduleLatency: 5.12562\n"
        f"[post] throughputRate: 171.595, moduleLatency: 5.82768\n"
    )


main()
