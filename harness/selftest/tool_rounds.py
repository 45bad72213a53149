"""The self-test of the runners by hand: what each prints and writes, and how it refuses what it cannot do."""

from pathlib import Path

from harness.npus import Npu
from harness.npus.listing import VISIBLE
from harness.runtimes.benchmark_tool import MOST_ROUNDS
from harness.selftest import acl_probe
from harness.selftest.atc_rounds import BATCHES, INT64
from harness.selftest.bench import DAMAGED, MODEL, Bench

SAMPLES = 2
TAIL_SAMPLES = 6
"""Listed for benchmark at batch 4: the second batch is not full."""
LOOPS = 5
SHORT_BYTES = 40
"""Of an input of 64."""
NAMES = {
    "python": ("acl-session", "acl-int64", "acl-damaged", "acl-visible"),
    "ais_bench": ("ais-help", "ais-folder", "ais-pure", "ais-wrong-size"),
    "msame": ("msame-folder", "msame-damaged", "msame-wrong-size"),
    "benchmark": ("benchmark-files", "benchmark-damaged", "benchmark-most", "benchmark-more"),
}
"""The invocations of each tool."""


def run(bench: Bench, oms: dict[int, Path], npus: tuple[Npu, ...]) -> None:
    """Run every tool that is there on the OMs by hand."""
    for tool, names in NAMES.items():
        if not set(BATCHES) <= set(oms):
            bench.absent.update(dict.fromkeys(names, bench.lacks(tool) or "there is no OM to run"))
    if set(BATCHES) <= set(oms):
        _aclruntime(bench, oms[1], npus)
        _ais_bench(bench, oms[1])
        _msame(bench, oms[1])
        _benchmark(bench, oms)


def _aclruntime(bench: Bench, om: Path, npus: tuple[Npu, ...]) -> None:
    script = str(Path(acl_probe.__file__))
    device = str(bench.npu.runtime_id)
    bench.placed("acl-session", om)
    bench.invoke("acl-session", "python", [script, MODEL, device])
    if (casts := bench.folder / INT64 / "int64.om").is_file():
        bench.placed("acl-int64", casts)
        bench.invoke("acl-int64", "python", [script, MODEL, device, "describe"])
    _damaged(bench, "acl-damaged", om)
    bench.invoke("acl-damaged", "python", [script, DAMAGED, device])
    last = max(npu.runtime_id for npu in npus)
    if bench.toolchain.env.get(VISIBLE):
        bench.absent["acl-visible"] = f"{VISIBLE} is set already"
    elif last == 0:
        bench.absent["acl-visible"] = "needs a host with two NPUs"
    else:
        bench.placed("acl-visible", om)
        bench.invoke("acl-visible", "python", [script, MODEL, str(last)], {VISIBLE: str(last)})


def _ais_bench(bench: Bench, om: Path) -> None:
    told = bench.invoke("ais-help", "ais_bench", ["--help"])
    named = ["--output_dirname", "results"] if told is not None and "--output_dirname" in told.text else []
    start = ["--model", MODEL, "--device", str(bench.npu.runtime_id), "--batchsize", "1"]
    files = [*start, "--input", "inputs", "--output", "out", *named]
    bench.placed("ais-folder", om, SAMPLES)
    bench.invoke("ais-folder", "ais_bench", files)
    bench.placed("ais-pure", om)
    bench.invoke("ais-pure", "ais_bench", [*start, "--output", "out", *named, "--loop", str(LOOPS)])
    place = bench.placed("ais-wrong-size", om, 1)
    (place / "inputs" / f"{0:08d}.bin").write_bytes(bytes(SHORT_BYTES))
    bench.invoke("ais-wrong-size", "ais_bench", files)


def _msame(bench: Bench, om: Path) -> None:
    device = ["--device", str(bench.npu.runtime_id)]
    bench.placed("msame-folder", om, SAMPLES)
    files = ["--input", "inputs", "--output", "out", "--outfmt", "BIN"]
    bench.invoke("msame-folder", "msame", ["--model", MODEL, *files, *device])
    _damaged(bench, "msame-damaged", om)
    bench.invoke("msame-damaged", "msame", ["--model", DAMAGED, "--output", "out", *device])
    place = bench.placed("msame-wrong-size", om, 1)
    # Short by less than what acl adds to every piece of device memory: nothing foreign can be read.
    (place / "inputs" / f"{0:08d}.bin").write_bytes(bytes(SHORT_BYTES))
    bench.invoke("msame-wrong-size", "msame", ["--model", MODEL, *files, *device])


def _benchmark(bench: Bench, oms: dict[int, Path]) -> None:
    device, batch = f"-device_id={bench.npu.runtime_id}", BATCHES[1]
    place = bench.placed("benchmark-files", oms[batch], TAIL_SAMPLES)
    lines = [f"{number} inputs/{number:08d}.bin 1 1\n" for number in range(TAIL_SAMPLES)]
    (place / "samples.info").write_text("".join(lines), encoding="utf-8")
    listed = ["-model_type=vision", "-input_text_path=samples.info", "-input_width=1", "-input_height=1"]
    start = [f"-om_path={MODEL}", device, f"-batch_size={batch}"]
    bench.invoke("benchmark-files", "benchmark", [*start, *listed, "-useDvpp=False", "-output_binary=True"])
    for name, rounds in (("benchmark-most", MOST_ROUNDS), ("benchmark-more", MOST_ROUNDS + 1)):
        bench.placed(name, oms[batch])
        bench.invoke(name, "benchmark", [*start, f"-round={rounds}"])
    _damaged(bench, "benchmark-damaged", oms[batch])
    bench.invoke("benchmark-damaged", "benchmark", [f"-om_path={DAMAGED}", device, f"-batch_size={batch}", "-round=2"])


def _damaged(bench: Bench, name: str, om: Path) -> None:
    """Put an OM that is cut in half beside nothing else."""
    place = bench.placed(name, om)
    content = om.read_bytes()
    (place / DAMAGED).write_bytes(content[: len(content) // 2])
    (place / DAMAGED).chmod(0o600)
    (place / MODEL).unlink()
