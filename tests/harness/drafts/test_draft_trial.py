"""On READMEs of the real zoo, where they are: how much of what is promised is gated, and how far it is to a verdict."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import ascend_host, cli, gates, plan, readme
from harness.ascend_host import AscendHost
from harness.cards import Baseline, Expect, ModelCard, Ratio
from harness.drafts import Draft, Request, draft, write
from harness.emulator import prefix
from harness.emulator.inventory import MODELS
from harness.readme import atc_commands, document, drift
from harness.results import Case
from harness.runs import read_entries
from harness.selection import Selection
from tests.harness.drafts.small_networks import write as network

ROOT = Path(__file__).parents[3]
ZOO = ROOT.parent / "shared" / "readmes-dev"
READMES = sorted(path for path in ZOO.glob("*.md") if path.name != "CONVENTIONS.md")
WITH_COMMAND = [path for path in READMES if atc_commands.parse(document.decode(path.read_bytes()))]
TRIED = 20
MOST_COMMANDS, MOST_EDITS, LEAST_JUDGED = 3, 5, 16
REACH = 0.8
PICTURE = {"input": ("N", 3, 64, 64)}

pytestmark = pytest.mark.skipif(not ZOO.is_dir(), reason=f"{ZOO} is not here")


def small_model(path: Path, folder: Path) -> Path:
    """Write a small network with the inputs of a README's first command, pictures where it names none."""
    command = atc_commands.parse(document.decode(path.read_bytes()))[0]
    inputs = {
        name: ["N", *(int(size) if re.fullmatch(r"\d+", size) else None for size in sizes[1:])]
        for name, sizes in command.inputs.items()
    }
    return network(folder / "model.onnx", inputs or PICTURE)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> AscendHost:
    """An emulated host with one of each chip that is promised for and can be emulated."""
    folder = tmp_path_factory.mktemp("ascend")
    chips = [name for name in ("310P3", "310", "310B1") if name in MODELS]
    return ascend_host.present(prefix.make(folder, chips, {}))


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Draft, ModelCard]]:
    """Every README with an ATC command and the card that was drafted of it, in a folder of its own."""
    root = tmp_path_factory.mktemp("drafts")
    made = []
    for number, path in enumerate(WITH_COMMAND):
        folder = root / str(number)
        folder.mkdir()
        one = draft(Request(path, folder / "cards", small_model(path, folder)))
        made.append((path, one, write(one)))
    return made


def gated(card: ModelCard, host: AscendHost) -> Iterator[Baseline | Expect | Ratio]:
    """Yield the card's promised rows that a case of its plan is about, one that runs here or says what it lacks."""
    made = plan.make(Selection(models=(card.name,), card_folders=(card.path.parents[1],), host=host))
    cases = [*made.cases, *(case for lack in made.lacks for case in lack.cases)]
    rows: list[Baseline | Expect | Ratio] = [*card.baseline, *card.expect, *card.ratio]
    for row in rows:
        if getattr(row, "role", "promise") == "promise" and any(is_about(case, row, card) for case in cases):
            yield row


def is_about(case: Case, row: Baseline | Expect | Ratio, card: ModelCard) -> bool:
    promise = gates.promises_for(card, case)
    if row in (*promise.baselines, *promise.expectations, *promise.ratios):
        return True
    # One batch size is scored; the accuracy at another is what batch consistency stands for.
    return (
        isinstance(row, Baseline) and row.is_accuracy and case.check == "batch-consistency" and case.batch == row.batch
    )


def test_most_promised_rows_are_gated(drafted: list[tuple[Path, Draft, ModelCard]], host: AscendHost) -> None:
    promised = found = 0
    for path, _, card in drafted:
        promised += sum(row.role == "promise" for row in readme.parse(path.read_bytes()).rows)
        found += len(list(gated(card, host)))

    assert found >= REACH * promised, f"{found} of {promised} promised rows of {len(drafted)} READMEs are gated"


def test_no_draft_differs_from_its_readme(drafted: list[tuple[Path, Draft, ModelCard]]) -> None:
    differing = {
        path.name: [pair.place for pair in found.differences]
        for path, _, card in drafted
        if (found := drift.between((card,), readme.parse(path.read_bytes()), path)).differences
    }

    assert differing == {}


def test_every_readme_without_a_file_gives_a_card_with_questions(tmp_path: Path) -> None:
    for number, path in enumerate(READMES):
        made = draft(Request(path, tmp_path / str(number)))

        assert any(one.needed for one in made.questions), path.name
        assert write(made).path == made.folder / "card.toml"


def trial(path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, int, bool]:
    """Take a README to its gates; return the commands, the fields that had to be edited, and whether it was judged.

    Speeds are left out: those of an emulated chip are measured, never judged.
    """
    folder.mkdir()
    model = small_model(path, folder)
    assert cli.main(["new", str(path), "--model", str(model), "--output", str(folder / "cards")]) == 0
    printed = capsys.readouterr().out.splitlines()
    edits = sum(line.startswith("  ! ") for line in printed)
    words = shlex.split(printed[-1].removeprefix("next: "))[1:]
    words += ["-k", "not throughput and not latency"]
    words += ["--cache-dir", str(folder / "cache"), "--report-dir", str(folder / "runs")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "harness.cli", *words]
    ended = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, check=False, timeout=600)
    entries = [entry for run in (folder / "runs").glob("*/results.jsonl") for entry in read_entries(run.parent)]
    judged = ended.returncode in (0, 1) and any(entry.verdict.outcome in ("PASS", "FAIL") for entry in entries)
    return 2, edits, judged


@pytest.mark.slow
def test_readmes_come_to_a_judged_gate_in_a_few_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {path.name: trial(path, tmp_path / str(number), capsys) for number, path in enumerate(WITH_COMMAND[:TRIED])}

    easy = [name for name, (commands, edits, judged) in found.items()
            if commands <= MOST_COMMANDS and edits <= MOST_EDITS and judged]  # fmt: skip
    assert len(found) == TRIED
    assert len(easy) >= LEAST_JUDGED, {name: one for name, one in found.items() if name not in easy}
