"""What is ready on this machine, one line per need, and what to do for the rest."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import datasets, devices, environment, measure, needs, networks, npus, runtimes, toolchains
from harness.artifacts import Artifact, Store
from harness.build import Builder
from harness.cards import ModelCard, TensorSpec
from harness.errors import DataError, MissingNeedError, OmgateError
from harness.npus import Npu
from harness.runtimes.protocol import Runtime, SessionOptions
from harness.samples import Sample
from harness.toolchain import TOOLS, Toolchain

PYTHON = (3, 11)
# The oldest versions that pyproject.toml allows, which a test compares.
PACKAGES = {
    "filelock": "3.15",
    "google-crc32c": "1.5",
    "numpy": "1.26",
    "onnx": "1.16",
    "onnxruntime": "1.18",
    "onnxslim": "0.1.60",
    "pillow": "10.3",
    "pydantic": "2.7",
    "pytest": "8.2",
    "safetensors": "0.4.5",
    "scipy": "1.11",
    "torch": "2.4",
}
# Without these, the TensorFlow cards are skipped and the rest of the default run is as good.
TENSORFLOW_PACKAGES = {"tensorflow-cpu": "2.16", "tf2onnx": "1.16"}
# Builds that bring the same module under another name.
STAND_INS = {"onnxruntime": ("onnxruntime-gpu", "onnxruntime-cann"), "tensorflow-cpu": ("tensorflow",)}
ONNX_REMEDY = "pip install 'omgate[onnx]': the gates on ONNX Runtime and every build need it"
REMEDIES = {
    **dict.fromkeys(("onnx", "onnxruntime", "onnxslim", "scipy"), ONNX_REMEDY),
    "torch": "pip install 'omgate[torch]': the export and the reference need it",
    **dict.fromkeys(TENSORFLOW_PACKAGES, "pip install 'omgate[tf]': without it the TensorFlow cards are skipped"),
}
# What the default run stands on; the other runtimes are skipped with this very remedy.
REQUIRED_RUNTIMES = ("ort-cpu", "torch-cpu")
GIB = 2**30
PROBE_LEASE_S = 5.0
PROBE_S = 60.0


@dataclass(frozen=True)
class Finding:
    """One need: what is there, or what is missing and what to do; `required` if the default run cannot do without.

    `otherwise` is the word for one that is not ok and not required.
    """

    need: str
    ok: bool
    text: str
    required: bool = False
    otherwise: str = "absent"

    def __str__(self) -> str:
        state = "ok" if self.ok else "MISSING" if self.required else self.otherwise
        return f"{state:<8} {self.need}: {self.text}"


def examine(
    cards: Sequence[ModelCard], places: needs.Places, cache_dir: Path, emulate: bool = False
) -> Iterator[Finding]:
    """Yield one finding per need: Python, packages, runtimes, store, leases, Ascend, and each card's weights and data.

    With `emulate` the Ascend tools are the emulated ones. NPUs that were drained are probed again.
    """
    yield _python()
    yield from _packages()
    yield from _runtimes()
    yield _store(cache_dir)
    yield _leases()
    yield from _ascend(cache_dir, emulate)
    for card in cards:
        yield _weights(card, places)
        yield _data(card, places)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON))
    if sys.version_info >= PYTHON:
        return Finding("python", True, version, required=True)
    return Finding("python", False, f"{version}; install Python {wanted} or later", required=True)


def _packages() -> Iterator[Finding]:
    for name, oldest in {**PACKAGES, **TENSORFLOW_PACKAGES}.items():
        required = name in PACKAGES
        found = environment.versions((name, *STAND_INS.get(name, ())))
        if not found:
            text = REMEDIES.get(name, f"pip install '{name}>={oldest}'")
            yield Finding(name, False, text, required)
            continue
        installed, version = next(iter(found.items()))
        text = version if installed == name else f"{version} ({installed})"
        if _numbers(version) < _numbers(oldest):
            text = f"{text} is too old; pip install '{installed}>={oldest}'"
            yield Finding(name, False, text, required)
        else:
            yield Finding(name, True, text, required)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version.

    >>> _numbers("2.13.0+cpu")
    (2, 13, 0)
    """
    parts = []
    for part in version.partition("+")[0].split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)


def _runtimes() -> Iterator[Finding]:
    for name in runtimes.RUNTIMES:
        if name in runtimes.OM_RUNTIMES:  # their tools have lines of their own
            continue
        reason = runtimes.get(name).missing()
        yield Finding(f"runtime {name}", reason is None, reason or "ready", required=name in REQUIRED_RUNTIMES)


def _store(cache_dir: Path) -> Finding:
    existing = next(path for path in (cache_dir, *cache_dir.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("store", False, f"{cache_dir} cannot be written; pass --cache-dir", required=True)
    free = shutil.disk_usage(existing).free / GIB
    return Finding("store", True, f"{cache_dir}, {free:.0f} GiB free", required=True)


def _leases() -> Finding:
    try:
        with devices.lease("doctor", exclusive=False, timeout_s=1.0):
            pass
    except OmgateError as error:
        return Finding("leases", False, str(error), required=True)
    return Finding("leases", True, str(devices.LEASES), required=True)


def _ascend(cache_dir: Path, emulate: bool) -> Iterator[Finding]:
    """Yield the tools, their versions and the NPUs; a single line where there is nothing of Ascend."""
    try:
        toolchain = toolchains.emulated(cache_dir) if emulate else toolchains.real()
    except OmgateError as error:
        yield Finding("ascend", False, str(error))
        return
    if not toolchain.tools:
        do = "set OMGATE_TOOLKIT_ROOT if CANN is elsewhere, or rehearse with --emulate"
        yield Finding("ascend", False, f"no CANN, driver or runner of OMs; {do}")
        return
    for tool in TOOLS:
        there = toolchain.has(tool)
        text = shlex.join(toolchain.command(tool)) if there else toolchain.remedies.get(tool, "")
        yield Finding(f"ascend {tool}", there, text)
    versions = f"CANN {toolchain.cann or 'unknown'}, driver {toolchain.driver or 'unknown'}"
    yield Finding("ascend versions", bool(toolchain.cann), versions, otherwise="unknown")
    yield from _npus(toolchain, cache_dir)


def _npus(toolchain: Toolchain, cache_dir: Path) -> Iterator[Finding]:
    try:
        found = npus.listing(toolchain)
    except OmgateError as error:
        yield Finding("npu", False, str(error))
        return
    if not found:
        yield Finding("npu", False, "npu-smi lists no NPU; look at ASCEND_RT_VISIBLE_DEVICES and the driver")
    for npu in found:
        used = f"{npu.memory_used_mib} of {npu.memory_total_mib} MiB used"
        place = f"bus {npu.bus_id or 'NA'}, NPU {npu.npu_id} chip {npu.chip_id}"
        told = f"{npu.chip}, {place}, health {npu.health}, {used}"
        reason = npus.drained(npu)
        fit, more = (npu.healthy, "") if reason is None else _probed(toolchain, npu, cache_dir, reason)
        yield Finding(f"npu {npu.runtime_id}", fit, f"{told}{more}", otherwise="UNFIT")


def _probed(toolchain: Toolchain, npu: Npu, cache_dir: Path, reason: str) -> tuple[bool, str]:
    """Look at a drained NPU again, and put one that is well back into use; tell of it."""
    told = f"; it was drained ({_first_line(reason)})"
    try:
        # Built before, so that what ATC does wrong is not laid at the NPU's door.
        canary = Builder(Store(cache_dir), toolchain=toolchain).canary_om(npu.chip)
        runtime = _first_runtime(toolchain)
        with devices.lease(npu.key, exclusive=True, timeout_s=PROBE_LEASE_S, case="doctor"):
            now = npus.probe(toolchain, npu, lambda: _run_canary(runtime, npu, canary))
    except OmgateError as error:
        return False, f"{told} and cannot be probed: {_first_line(str(error))}"
    if now is None:
        return True, f"{told}, found well and put back into use"
    return False, f"{told} and is not well yet: {_first_line(now)}"


def _first_runtime(toolchain: Toolchain) -> Runtime:
    for name in runtimes.OM_RUNTIMES:
        runtime = runtimes.get(name, toolchain)
        if runtime.missing() is None:
            return runtime
    raise MissingNeedError("npu", f"expected one of {', '.join(runtimes.OM_RUNTIMES)}", "none that can run")


def _run_canary(runtime: Runtime, npu: Npu, canary: Artifact) -> None:
    """Run the known-good small OM once; raises RunError when it does not load or run."""
    inputs, outputs = (tuple(_with_batch(spec) for spec in specs) for specs in (canary.inputs, canary.outputs))
    canary = replace(canary, inputs=inputs, outputs=outputs)
    with tempfile.TemporaryDirectory(prefix="omgate-doctor-") as folder:
        options = SessionOptions(batch=1, workdir=Path(folder), timeout_s=PROBE_S)
        with runtime.open(canary, f"npu:{npu.runtime_id}", options) as session:
            list(session.run([Sample("canary", (measure.canary_input()[0],))]))


def _with_batch(spec: TensorSpec) -> TensorSpec:
    """Return a tensor with its batch of 1 written as sessions want it."""
    return spec.model_copy(update={"shape": ("N", *spec.shape[1:])})


def _first_line(text: str) -> str:
    """Return the first line of an error, without the log that it names: that is removed."""
    return text.partition("\n")[0].partition("; the whole log is")[0]


def _weights(card: ModelCard, places: needs.Places) -> Finding:
    need, required = f"weights {card.name}", bool(card.dataset.generator)
    graph = needs.brought_file(card, ".pb")
    if card.artifact is not None and (card.weights is None or (graph is not None and graph.is_file())):
        return Finding(need, True, "none needed: the card brings a built file", required)
    try:
        path = networks.weights_file(card, places.weights_dir)
    except MissingNeedError:
        return Finding(need, False, _wanted_weights(card, places), required)
    except OmgateError as error:
        return Finding(need, False, str(error), required)
    return Finding(need, True, f"{path}, {path.stat().st_size} bytes", required)


def _wanted_weights(card: ModelCard, places: needs.Places) -> str:
    weights = card.weights
    if weights is None:
        return "the card names none; add a [weights] table, or run with --weights seeded"
    size = f"{weights.bytes} bytes" if weights.bytes else "size not stated"
    start = weights.sha256 or weights.prefix
    digest = f"sha256 {start}{'' if weights.sha256 else '…'}" if start else "sha256 not stated"
    source = f"get it from {weights.url}" if weights.url else "it has no public source"
    if card.dataset.generator:
        source = f"get it from the repository, or train it again: omgate train {card.name}"
    place = str(places.weights_dir) if places.weights_dir else "a folder, and pass that as --weights-dir"
    return f"{weights.file} ({size}, {digest}); {source}; put it into {place}"


def _data(card: ModelCard, places: needs.Places) -> Finding:
    need, required = f"data {card.name}", bool(card.dataset.generator)
    if card.dataset.generator:
        return Finding(need, True, f"made here by {card.dataset.generator}", required)
    missing = needs.data(card, places)
    root = needs.data_root(card, places)
    if missing is not None or root is None:
        return Finding(
            need, False, f"{card.dataset.kind} {card.dataset.split}; {missing.do if missing else ''}", required
        )
    try:
        found = datasets.open_dataset(root, card.dataset, card.class_count)
    except (DataError, MissingNeedError) as error:
        return Finding(need, False, str(error), required)
    return Finding(need, True, f"{root}, {len(found.ids)} pictures", required)
