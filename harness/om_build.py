"""OMs: built by ATC from a card's gated ONNX file or frozen graph and kept in the store, or brought ready-made."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import convert, measure, needs
from harness.artifacts import Artifact, Entry, Recipe, Store, file_sha256
from harness.cards import ModelCard
from harness.convert import atc, atc_run
from harness.convert.atc import Job, Order
from harness.digests import code_version
from harness.errors import MissingNeedError, UsageError
from harness.toolchain import REMEDIES, Toolchain

CONVERTERS = Path(convert.__file__).parent
BUILT_BY = tuple(CONVERTERS / f"{name}.py" for name in ("atc", "atc_run"))
EMULATOR = Path(harness.__file__).parent / "emulator"
UNKNOWN = {"name": "unknown", "version": "", "driver": "", "emulated": False}
"""The toolchain of an OM that was built elsewhere."""
HEAD_BYTES = 2**20
# A family's number alone (310, 910) stands for a chip only where there is one of that name.
_CHIP_IN_NAME = re.compile(
    r"(?:^|[^0-9a-z])(?:ascend)?(310p\d?|310b\d|310|910a|910b\d|910pro[ab])(?![0-9a-z])", re.IGNORECASE
)
_BATCH_IN_NAME = re.compile(r"(?:^|[^0-9a-z])bs(\d+)(?![0-9a-z])", re.IGNORECASE)
_CHIP_IN_FILE = re.compile(rb"soc_version\W{1,8}(Ascend\d{3}\w{0,12})")


@dataclass(frozen=True)
class Means:
    """What OMs are built with: the store, the toolchain, and the folder that logs of failed builds are kept in."""

    store: Store
    toolchain: Toolchain | None
    log_dir: Path

    def asked(self) -> Toolchain:
        """Return the toolchain; raises MissingNeedError without one."""
        if self.toolchain is None:
            raise MissingNeedError("atc", "expected an Ascend toolchain", "none", REMEDIES["atc"])
        return self.toolchain


def build(order: Order, means: Means) -> Artifact:
    """Return the OM of an order; its recipe has what ATC was told and said (`argv`, `precision`, `warnings`).

    Raises CardError, UsageError and MissingNeedError for what is asked, RunError as `atc_run.convert`, StoreError.
    """
    card = order.card
    arguments: dict[str, object] = {**atc.settings(order), "batch": order.batch}
    if atc.keeps_by_name(order):
        arguments["out_nodes"] = [output.name for output in card.kept_outputs]
    recipe = _recipe(order.chip, order.source.digest, arguments, means.asked())
    entry = _converted(recipe, f"{card.name}_bs{order.batch}.om", means, lambda: atc.job(order))
    described = {**entry.recipe, **entry.facts, "weights": order.source.recipe.get("weights", "")}
    return Artifact(entry.path, "om", entry.digest, described, card.om_input, card.kept_outputs, order.batch)


def canary(chip: str, means: Means) -> Artifact:
    """Return the small OM that tells, timed beside a case, whether the NPU was quiet; raises as `build`."""
    shape = ",".join(map(str, measure.CANARY_INPUT.shape))
    told: atc.Flags = {"input_format": "NCHW", "input_shape": f"{measure.CANARY_INPUT.name}:{shape}"}
    told |= {"log": atc.LOG_LEVEL, "soc_version": atc.soc_version(chip)}
    job = Job("canary", {"framework": "5", "model": measure.CANARY_FILE, "output": "canary", **told})
    recipe = _recipe(chip, file_sha256(measure.CANARY_FILE), told, means.asked())
    entry = _converted(recipe, "canary.om", means, lambda: job)
    described = {**entry.recipe, **entry.facts}
    tensors = (measure.CANARY_INPUT,), (measure.CANARY_OUTPUT,)
    return Artifact(entry.path, "om", entry.digest, described, *tensors, 1)


def of_card(card: ModelCard, batch: int, chip: str) -> Path | None:
    """Return the OM that a card brings where it is the one to use, or None.

    One that is absent or for another chip or batch gives way to building, if the card has anything to build from.
    """
    path = needs.brought_file(card, ".om")
    if path is None:
        return None
    alone = card.weights is None and not any(needs.brought_file(card, suffix) for suffix in (".onnx", ".pb"))
    return path if alone or (path.is_file() and not _contradiction(path, batch, chip)) else None


def brought(card: ModelCard, batch: int, chip: str, path: Path, digest: str) -> Artifact:
    """Return an OM that was built elsewhere as the artifact of a batch and chip; its toolchain is unknown.

    Raises UsageError where its name, or what it says of itself, is of another chip or batch.
    """
    wrong = _contradiction(path, batch, chip)
    if wrong:
        raise UsageError(
            str(path), f"expected an OM for {atc.soc_version(chip)} at batch {batch}", wrong, "give another"
        )
    described = {"kind": "brought", "chip": atc.soc_version(chip), "toolchain": UNKNOWN, "weights": digest}
    return Artifact(path, "om", digest, described, card.om_input, card.kept_outputs, batch)


def existing(path: Path) -> Path:
    """Return the path of an OM that the user gave; raises UsageError where there is none."""
    wrong = ""
    if not path.is_file():
        wrong = "no such file"
    elif path.suffix != ".om":  # without it the tools take none
        wrong = f"a file {path.suffix or 'without a suffix'}"
    elif not path.stat().st_size:
        wrong = "an empty file"
    if wrong:
        raise UsageError(f"--om {path}", "expected an OM, NAME.om", wrong, "give another")
    return path


def _recipe(chip: str, source: str, arguments: Mapping[str, object], toolchain: Toolchain) -> Recipe:
    # An emulated ATC is code of this package, so a change of it is another toolchain.
    code = (*BUILT_BY, *EMULATOR.glob("*.py")) if toolchain.emulated else BUILT_BY
    return Recipe(
        kind="om",
        producer="harness.convert.atc",
        version=code_version(*code),
        inputs={"source": source},
        arguments=arguments,
        toolchain=toolchain.describe(),
        chip=atc.soc_version(chip),
    )


def _converted(recipe: Recipe, name: str, means: Means, job: Callable[[], Job]) -> Entry:
    limit_s = _limit_s()

    def write(path: Path) -> Mapping[str, object]:
        return {**atc_run.convert(job(), means.asked(), path, means.log_dir, limit_s)}

    return means.store.get_or_build(recipe, name, write)


def _limit_s() -> float:
    """Return how long one ATC may take; raises UsageError for a setting that is no positive number of seconds."""
    given = os.environ.get("OMGATE_ATC_TIMEOUT", "")
    if not given:
        return atc_run.TIMEOUT_S
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError("OMGATE_ATC_TIMEOUT", "expected a number of seconds above 0", repr(given))
    return seconds


def _contradiction(path: Path, batch: int, chip: str) -> str:
    """Return what an OM says of itself that is of another chip or batch, or an empty string; few say anything."""
    said = _told(path)
    if said and said != atc.soc_version(chip):
        return f"one for {said}"
    sizes = {int(size) for size in _BATCH_IN_NAME.findall(path.stem)}
    return f"one at batch {sizes.pop()}" if len(sizes) == 1 and batch not in sizes else ""


def _told(path: Path) -> str:
    """Return the chip that an OM is for, by its own word or else by its name; empty where neither says."""
    if path.is_file():
        with path.open("rb") as stream:
            said = _CHIP_IN_FILE.search(stream.read(HEAD_BYTES))
        if said:
            return atc.soc_version(said[1].decode("ascii"))
    named = {atc.soc_version(chip) for chip in _CHIP_IN_NAME.findall(path.stem)}
    return named.pop() if len(named) == 1 else ""
