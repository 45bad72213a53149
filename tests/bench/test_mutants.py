"""The mutant study: broken links turn the check red that should see them, and changes that alter nothing stay green."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from harness import cards
from tests.bench import (
    mutants_card,
    mutants_equivalent,
    mutants_input,
    mutants_onnx,
    mutants_run,
    mutants_score,
    mutants_store,
    mutants_tf_convert,
    mutants_tf_data,
    mutants_tf_equivalent,
    mutants_tf_network,
    mutants_tf_score,
)
from tests.bench.mutants import CARDS, Equivalent, Lab, Mutant, Seen

TORCH = (mutants_card, mutants_input, mutants_onnx, mutants_store, mutants_run, mutants_score)
TENSORFLOW = (mutants_tf_network, mutants_tf_convert, mutants_tf_data, mutants_tf_score)
SEMANTIC = tuple(mutant for module in (*TORCH, *TENSORFLOW) for mutant in module.MUTANTS)
EQUIVALENT = (*mutants_equivalent.MUTANTS, *mutants_tf_equivalent.MUTANTS)
LEAST_CAUGHT = 0.95
FEWEST_SEMANTIC, FEWEST_EQUIVALENT = 80, 26
WARM = (("accuracy", 1), ("parity", 1), ("batch-consistency", 4))
SHOWN = 100


@dataclass
class Study:
    """What became of every mutant that has run so far."""

    caught: dict[Mutant, tuple[bool, Seen]] = field(default_factory=dict)
    green: dict[Equivalent, tuple[bool, list[Seen]]] = field(default_factory=dict)


def identity(mutant: Mutant | Equivalent) -> str:
    check = f"-{mutant.seen_by}" if isinstance(mutant, Mutant) else ""
    return f"{mutant.name}-{mutant.card}{check}".replace(" ", "_")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("INTRAOP", "INTEROP"):  # what converting a graph with TensorFlow takes; its sessions say it
            patch.setenv(f"TF_NUM_{kind}_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def study() -> Study:
    return Study()


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder with what the unbroken tiny cards build, each of them seen to pass."""
    cache = tmp_path_factory.mktemp("warm")
    for name in CARDS:
        with pytest.MonkeyPatch.context() as patch:
            lab = Lab(cache, name, tmp_path_factory.mktemp(name), patch)
            lab.store.root = cache / "store"
            seen = {check: lab.run(check, batch) for check, batch in WARM if batch in cards.get(name).batches}

        assert {check: found.outcome for check, found in seen.items()} == dict.fromkeys(seen, "PASS"), seen
    return cache


@pytest.fixture
def lab(request: pytest.FixtureRequest, warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(warm, request.param, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("lab", "mutant"),
    [pytest.param(mutant.card, mutant, id=identity(mutant)) for mutant in SEMANTIC],
    indirect=["lab"],
)
def test_a_mutant_turns_the_check_red_that_should_see_it(lab: Lab, mutant: Mutant, study: Study) -> None:
    for change in mutant.how:
        change(lab)

    seen = lab.run("accuracy" if mutant.seen_by == "card" else mutant.seen_by, mutant.batch, mutant.case)

    caught = seen.red and seen.code == mutant.code
    study.caught[mutant] = caught, seen
    assert caught is (not mutant.survives), seen


@pytest.mark.parametrize(
    ("lab", "mutant"),
    [pytest.param(mutant.card, mutant, id=identity(mutant)) for mutant in EQUIVALENT],
    indirect=["lab"],
)
def test_a_change_that_alters_no_answer_keeps_every_check_green(lab: Lab, mutant: Equivalent, study: Study) -> None:
    for change in mutant.how:
        change(lab)

    seen = [lab.run(check, batch, mutant.case, **(mutant.means or {})) for check, batch in mutant.checks]

    green = all(found.outcome == "PASS" for found in seen)
    study.green[mutant] = green, seen
    assert green, seen


def test_at_least_95_of_100_mutants_are_caught_and_no_equivalent_one(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print("\n" + "\n".join(table(study)))  # noqa: T201 - the table is what this test is for

    if len(study.caught) + len(study.green) < len(SEMANTIC) + len(EQUIVALENT):
        pytest.skip("a part of the mutants was selected; the share is that of all")
    assert len(SEMANTIC) >= FEWEST_SEMANTIC
    assert len(EQUIVALENT) >= FEWEST_EQUIVALENT
    assert sum(caught for caught, _ in study.caught.values()) >= LEAST_CAUGHT * len(SEMANTIC)
    assert all(green for green, _ in study.green.values())


def table(study: Study) -> Iterator[str]:
    """Yield the lines of the study: what was broken, on which card, who saw it and what was said."""
    yield f"| {'mutant':<58} | {'card':<22} | {'seen by':<17} | verdict"
    for mutant, (caught, seen) in study.caught.items():
        by = mutant.seen_by if caught else "-"
        yield f"| {mutant.name:<58} | {mutant.card:<22} | {by:<17} | {_said(seen)}"
    caught_count = sum(caught for caught, _ in study.caught.values())
    yield f"{caught_count} of {len(study.caught)} mutants caught by the check that should see them"
    yield f"| {'equivalent change':<58} | {'card':<22} | {'checks':<17} | verdict"
    for change, (green, found) in study.green.items():
        worst = next((seen for seen in found if seen.outcome != "PASS"), found[0])
        count = f"{len(found)} {'green' if green else 'RED'}"
        yield f"| {change.name:<58} | {change.card:<22} | {count:<17} | {_said(worst)}"
    yield f"{sum(not green for green, _ in study.green.values())} of {len(study.green)} equivalent changes red"


def _said(seen: Seen) -> str:
    reason = seen.reason if len(seen.reason) <= SHOWN else f"{seen.reason[: SHOWN - 1]}…"
    return f"{seen.outcome}/{seen.code}: {reason}"
