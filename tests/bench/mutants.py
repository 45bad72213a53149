"""Mutants: one link of the real pipeline changed on a copy of a tiny card, and the check that should see it.

A mutant runs in a `Lab` of its own: a copy of the model's folder, a store whose warm entries are links, a run folder,
and patches that end with it. Nothing of the product is replaced but the link that a mutant breaks.
"""

import datetime
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import cards, gates, needs, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.digests import file_sha256
from harness.errors import CardError
from harness.measure import TimePlan
from harness.outcomes import outcome_of
from harness.results import Case, Verdict
from harness.samples import Array
from harness.workbench import Workbench

RESNEST, ICNET, INTRADA = "resnest50-tiny", "icnet-tiny", "intrada-deeplabv2-tiny"
SEGMENTATION, SPINENET = "resnest-seg-tiny", "spinenet-tiny"
CARDS = (RESNEST, ICNET, INTRADA, SEGMENTATION, SPINENET)
TODAY = datetime.date(2026, 11, 20)
TIME_PLAN = TimePlan(warmup=2, min_rounds=10, max_rounds=100, budget_s=0.2)
# A timing that other processes disturbed decides nothing; a person would time again.
TIMINGS = 5


@dataclass(frozen=True)
class Seen:
    """What the product said of a case: red or not in the suite's truth table, the verdict's code, and why."""

    red: bool
    outcome: str
    code: str
    reason: str


class Lab:
    """A copy of one tiny card with a store, data and patches of its own."""

    def __init__(self, warm: Path, name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name, self.root, self.monkeypatch = name, root, monkeypatch
        shipped = cards.get(name).path
        self.models = root / "models" / shipped.parent.name
        shutil.copytree(shipped.parent, self.models, ignore=shutil.ignore_patterns("__pycache__"))
        self.card_file = self.models / shipped.name
        self.store = Store(root / "cache")
        self.run_dir = root / "run"
        self.data_dir: Path | None = None
        monkeypatch.setattr("harness.devices.LEASES", root / "leases")  # other work on this host is no part of it
        for entry in (warm / "store").glob("??/*/recipe.json"):
            link = self.store.root / entry.parent.relative_to(warm / "store")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(entry.parent)

    def card(self) -> ModelCard:
        """Read the card as it is now."""
        return cards.load(self.card_file)

    def edit(self, pattern: str, new: str, file: str = "") -> None:
        """Replace the first match of a pattern in the card, or in another file of its folder; it has to be there."""
        path = self.models / file if file else self.card_file
        text, count = re.subn(pattern, new, path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
        if count == 0:
            raise LookupError(f"{path.name} has no {pattern!r}")
        path.write_text(text, encoding="utf-8")

    def wrap(self, target: str, around: Callable[[Any], Any]) -> None:
        """Replace a function or method by what `around` makes of it."""
        self.monkeypatch.setattr(target, around(_resolve(target)))

    def forget(self, *kinds: str) -> None:
        """Drop the warm entries of some kinds, of all kinds if none is named, so that they are built anew."""
        for entry in self.entries():
            if not kinds or _kind(entry) in kinds:
                entry.unlink()

    def own(self, *kinds: str) -> list[Path]:
        """Replace links to warm entries of some kinds by copies that may be damaged; return the copies."""
        copies = [entry for entry in self.entries() if _kind(entry) in kinds]
        for entry in copies:
            warm = entry.resolve()
            entry.unlink()
            shutil.copytree(warm, entry)
            for path in entry.rglob("*"):
                path.chmod(0o644)
        return copies

    def entries(self) -> list[Path]:
        """Return the folders of the store's warm entries."""
        return sorted(path for path in self.store.root.glob("??/*") if path.is_symlink())

    def rewrite_weights(self, change: Callable[[dict[str, Array]], None]) -> None:
        """Change the card's checkpoint, and its size and digest in the card."""
        from safetensors.numpy import load_file, save_file

        path = self.models / "tiny.safetensors"
        state = load_file(path)
        change(state)
        save_file({name: np.array(array, order="C") for name, array in state.items()}, path)
        self.declare_weights(path)

    def declare_weights(self, path: Path) -> None:
        """Make the card name this checkpoint, with its size and digest."""
        self.edit(r"^file = .*$", f'file = "{path.name}"')
        self.edit(r"^sha256 = .*$", f'sha256 = "{file_sha256(path)}"')
        self.edit(r"^bytes = .*$", f"bytes = {path.stat().st_size}")

    def own_data(self) -> Path:
        """Make the card read its data from a folder of the user's, a copy that may be changed; return its root."""
        card = self.card()
        made = Builder(self.store).dataset(card)
        self.data_dir = self.root / "data"
        root = self.data_dir / card.dataset.kind
        for path in sorted(made.rglob("*")):
            copy = root / path.relative_to(made)
            if path.is_dir():
                copy.mkdir(parents=True)
            else:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        self.edit(r"^generator = .*\n", "")
        return root

    def bench(self, **means: Any) -> Workbench:
        """Return a workbench over the card as it is now; raises CardError."""
        card = self.card()
        builder, places = Builder(self.store), needs.Places(data_dir=self.data_dir)
        given = {"run_dir": self.run_dir, "places": places, "time_plan": TIME_PLAN, **means}
        return Workbench(cards={card.name: card}, builder=builder, **given)

    def run(self, check: str, batch: int = 1, case: Mapping[str, Any] | None = None, **means: Any) -> Seen:
        """Run and judge one case as the suite does; a card that cannot be read is red before anything runs."""
        try:
            bench = self.bench(**means)
        except CardError as error:
            return Seen(True, "refused", "card", str(error).removeprefix(f"{self.card_file}: "))
        (card,) = bench.cards.values()
        fields = {"model": card.name, "runtime": "ort-cpu", "chip": "cpu", "batch": batch, "check": check}
        verdict = _judged(Case(**{**fields, **(case or {})}), bench)
        red = outcome_of(verdict, strict=False, nightly=card.nightly) == "failed"
        return Seen(red, verdict.outcome, verdict.code, verdict.reason.replace(str(self.root), "…"))


Change = Callable[[Lab], object]


@dataclass(frozen=True, eq=False)
class Mutant:
    """What is broken, on which card, how, and which check should say so with which code.

    `survives` tells why a mutant is beyond what the gates promise to see; it counts as not caught.
    """

    name: str
    card: str
    seen_by: str
    how: tuple[Change, ...]
    code: str = "missed"
    batch: int = 4
    survives: str = ""
    case: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Equivalent:
    """A change that alters no answer: every check has to stay green."""

    name: str
    card: str
    how: tuple[Change, ...] = ()
    means: Mapping[str, Any] | None = None
    case: Mapping[str, Any] | None = None
    checks: tuple[tuple[str, int], ...] = (("accuracy", 1), ("parity", 1), ("batch-consistency", 4))


def edit(pattern: str, new: str, file: str = "") -> Change:
    """Return a change of the card's text, or of another file's in its folder."""
    return lambda lab: lab.edit(pattern, new, file)


def wrap(target: str, around: Callable[[Any], Any]) -> Change:
    """Return a change of a function of the product."""
    return lambda lab: lab.wrap(target, around)


def forget(*kinds: str) -> Change:
    """Return a change that has entries of these kinds built anew."""
    return lambda lab: lab.forget(*kinds)


def refused(mutant: Mutant) -> Mutant:
    """Return the mutant as one that the card's own rules refuse."""
    return replace(mutant, seen_by="card", code="card")


def _judged(case: Case, bench: Workbench) -> Verdict:
    for _ in range(TIMINGS):
        verdict = gates.judge(pipeline.run(case, bench), bench.card(case), TODAY)
        if verdict.code != "not-quiet":
            break
    return verdict


def _kind(entry: Path) -> str:
    return str(json.loads((entry / "recipe.json").read_text(encoding="utf-8"))["recipe"]["kind"])


def _resolve(target: str) -> Any:
    from _pytest.monkeypatch import derive_importpath

    attribute, holder = derive_importpath(target, raising=True)
    return getattr(holder, attribute)
