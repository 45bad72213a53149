"""Cases through a repository's scripts on an NPU: the OM of what the export step wrote, run by the README's own tool.

The toy zoo's numbers are counted by hand in `toy_zoo`: 57 of 80 labels agree, 71.25 %.
"""

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import ascend_host, cards, gates, pipeline, plan
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.emulator import prefix
from harness.needs import Places
from harness.npus import choice
from harness.results import Case, Result, Verdict
from harness.selection import Plan, Selection
from harness.workbench import Workbench
from tests.harness.scripts import toy_zoo

TODAY = datetime.date(2026, 11, 20)
CHIP = "Ascend310P3"
NAMES = {"aclruntime": "_0.bin", "ais_bench": "_0.bin", "msame": "_output_0.bin", "benchmark": "_1.bin"}
"""What each tool puts behind an input's name for its first output (contract of the tools)."""
ANYWHERE = ('chip = "Ascend310P3"\nbatch = 1', 'chip = "any"\nbatch = "any"')
# As the preprocess scripts for msame do: files of a whole batch, the last one filled up with its last sample.
BATCHED = """
import sys
from pathlib import Path
import numpy as np

source, target, labels, batch = *map(Path, sys.argv[1:4]), int(sys.argv[4])
labels.mkdir(exist_ok=True)
truth = (source / "labels.txt").read_text().split()
for first in range(0, len(truth), batch):
    rows = []
    for number in range(first, min(first + batch, len(truth))):
        rows.append(np.eye(3, dtype=np.float32)[number % 3])
    rows += [rows[-1]] * (batch - len(rows))
    np.stack(rows).tofile(target / f"batch_{first // batch:02d}.bin")
    (labels / f"batch_{first // batch:02d}.txt").write_text(" ".join(truth[first:first + batch]))
"""
BATCHED_POST = """
import sys
from pathlib import Path
import numpy as np

results, labels = map(Path, sys.argv[1:3])
right = total = 0
for path in sorted(labels.glob("*.txt")):
    truth = np.array(path.read_text().split(), int)
    scores = np.fromfile(results / f"{path.stem}_output_0.bin", np.float32).reshape(-1, 3)
    right += int((scores.argmax(1)[: len(truth)] == truth).sum())
    total += len(truth)
print(f"top1: {100 * right / total:.2f} %")
"""


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


class Host:
    """An emulated NPU host with the toy zoo on it; `write` makes the zoo, `run` measures and judges a case of it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache

    def write(self, tool: str, *edits: tuple[str, str], **scripts: str) -> ModelCard:
        path = toy_zoo.write(self.folder, **{"postprocess": self.postprocess(tool), **scripts})
        text = path.read_text().replace(f'chips = ["{CHIP}"]', f'chips = ["{CHIP}"]\ntools = ["{tool}"]')
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return cards.load(path)

    def postprocess(self, tool: str) -> str:
        """Return the script as the tool's users have it: other names than the tool's it does not find."""
        return toy_zoo.POSTPROCESS.replace("_0.bin", NAMES[tool])

    def host(self, fault: str = "") -> ascend_host.AscendHost:
        environ = {"OMGATE_EMULATE_FAULT": fault} if fault else {}
        return ascend_host.present(prefix.make(self.folder / "ascend", (CHIP,), environ))

    def run(
        self, card: ModelCard, runtime: str, fault: str = "", om: Path | None = None, **facts: Any
    ) -> tuple[Result, Verdict]:
        host = self.host(fault)
        places = Places(data_dir=self.folder / "data", zoo_dir=self.folder / "zoo")
        builder = Builder(Store(self.cache), None, host.toolchain, om, self.folder / "logs")
        means = {"places": places, "host": host, "tool_timeout_s": 8.0 if fault else 60.0}
        bench = Workbench({card.name: card}, builder, self.folder / "run", **means)
        given = {"chip": CHIP, "batch": 1, "precision": "fp16", "emulated": True, "condition": "scripts", **facts}
        result = pipeline.run(Case(model=card.name, runtime=runtime, check="accuracy", **given), bench)
        return result, gates.judge(result, card, TODAY)

    def log(self, result: Result, name: str) -> str:
        return Path(result.model_extra["logs"][name]).read_text()


@pytest.fixture
def host(tmp_path: Path, cache: Path) -> Host:
    return Host(tmp_path, cache)


@pytest.mark.parametrize("batch", [1, 32])
@pytest.mark.parametrize("tool", ["aclruntime", "ais_bench", "benchmark"])
def test_the_tool_makes_its_batches_of_the_scripts_files_and_the_number_is_judged(host, tool, batch):
    files = ("[script.postprocess]", '[script.postprocess]\nfiles = "{name}_{index}.bin"')
    card = host.write(tool, ANYWHERE, *([files] if tool == "aclruntime" else []))

    result, verdict = host.run(card, tool, batch=batch)

    assert (verdict.outcome, verdict.code, result.case.emulated) == ("PASS", "met", True)
    assert [(one.value, one.n) for one in result.measures] == [(57 / 80, 80)]
    assert result.samples is not None
    assert result.samples.whole
    assert result.artifact["recipe"]["chip"] == CHIP
    assert result.digests["weights"]
    assert result.environment["device"] == CHIP


@pytest.mark.parametrize("batch", [1, 32])
def test_msame_takes_files_of_a_whole_batch_as_its_users_make_them(host, batch):
    argv = ('"{output}/labels"]\ninputs', '"{output}/labels", "{batch}"]\ninputs')
    card = host.write("msame", ANYWHERE, argv, preprocess=BATCHED, postprocess=BATCHED_POST)

    result, verdict = host.run(card, "msame", batch=batch)

    assert verdict.outcome == "PASS"
    assert [(one.value, one.n) for one in result.measures] == [(57 / 80, 80)]


def test_the_postprocess_step_reads_the_tools_folder_as_the_tool_left_it(host):
    listing = "import sys, pathlib\nprint(sorted(p.name for p in pathlib.Path(sys.argv[1]).iterdir())[:2])\n"
    card = host.write("benchmark", postprocess=listing + host.postprocess("benchmark"))

    result, _ = host.run(card, "benchmark", batch=4)

    assert host.log(result, "postprocess").startswith("['img_000_1.bin', 'img_001_1.bin']\n")
    assert "[INFO]" in host.log(result, "model") or "Performance Summary" in host.log(result, "model")
    assert not list((host.folder / "run" / "work").rglob("img_*"))


def test_a_number_that_is_not_the_promised_one_fails(host):
    card = host.write("ais_bench", ANYWHERE, postprocess="print('top1: 57.00 %')")

    _, verdict = host.run(card, "ais_bench", batch=4)

    assert (verdict.outcome, verdict.code) == ("FAIL", "missed")
    assert "57.00 %" in verdict.reason


def test_an_emulated_number_is_never_judged_against_a_chips_and_a_real_one_is(host):
    card = host.write("ais_bench", postprocess="print('top1: 57.00 %')")

    assert host.run(card, "ais_bench")[1].code == "emulated"
    assert host.run(card, "ais_bench", emulated=False)[1].code == "missed"


def test_another_tool_than_the_readmes_writes_under_the_names_that_the_card_says(host):
    files = ("[script.postprocess]", '[script.postprocess]\nfiles = "{name}_{number}.bin"')
    card = host.write("benchmark", files, ANYWHERE)

    result, verdict = host.run(card, "msame", batch=32)

    assert verdict.outcome == "PASS"
    assert [one.value for one in result.measures] == [57 / 80]


@pytest.mark.parametrize(
    ("tool", "files", "read"),
    [
        ("ais_bench", "{name}_{index}.npy", "np.load(results / f'{path.stem}_0.npy')"),
        ("ais_bench", "{name}_{index}.txt", "np.loadtxt(results / f'{path.stem}_0.txt')"),
        ("benchmark", "{name}_{number}.txt", "np.loadtxt(results / f'{path.stem}_1.txt')"),
    ],
)
def test_the_tool_writes_the_format_that_the_card_names(host, tool, files, read):
    script = re.sub(r"np\.fromfile\(.*\)", read, toy_zoo.POSTPROCESS)
    card = host.write(
        tool, ANYWHERE, ("[script.postprocess]", f'[script.postprocess]\nfiles = "{files}"'), postprocess=script
    )

    result, _ = host.run(card, tool, batch=4)

    assert [one.value for one in result.measures] == [57 / 80]


def test_ais_bench_takes_npy_files(host):
    script = toy_zoo.PREPROCESS.replace(
        'x.tofile(target / f"img_{number:03d}.bin")', 'np.save(target / f"img_{number:03d}.npy", x)'
    )
    card = host.write("ais_bench", preprocess=script)

    assert [one.value for one in host.run(card, "ais_bench", batch=4)[0].measures] == [57 / 80]


DOTTED = toy_zoo.PREPROCESS.replace("img_{number:03d}.bin", "img.{number:03d}.bin")
EMPTY = "import sys\n"


@pytest.mark.parametrize(
    ("tool", "edits", "scripts", "said"),
    [
        ("msame", [], {}, ["msame takes files of 4 samples here", "got 1 sample in img_000.bin", "{batch}"]),
        ("ais_bench", [], {"preprocess": DOTTED}, ["one file for it and for img.000.bin", "other names"]),
        (
            "benchmark",
            [("[script.postprocess]", '[script.postprocess]\nfiles = "{name}_{index}.bin"')],
            {},
            ["expected an output img_000_0.bin, as the card says, got img_000_1.bin", "correct `files`"],
        ),
        (
            "msame",
            [("[script.postprocess]", '[script.postprocess]\nfiles = "{name}_{index}.npy"')],
            {},
            ["expected files that msame can write, BIN or TXT, got NPY"],
        ),
        (
            "ais_bench",
            [],
            {"export": toy_zoo.EXPORT.replace("[None, 3]", "[1, 3]")},
            ["expected an ONNX file of a free batch size, or of 4, got one of 1", "{batch}"],
        ),
    ],
)
def test_what_does_not_fit_the_tool_is_told_before_a_wrong_number_is(host, tool, edits, scripts, said):
    card = host.write(tool, *edits, **scripts)

    result, _ = host.run(card, tool, batch=4)

    assert result.status == "error"
    assert result.error is not None
    assert result.error.kind == "data"
    for part in said:
        assert part in result.error.message


@pytest.mark.parametrize("name", ["preprocess", "postprocess"])
def test_a_script_that_fails_is_told_by_its_step_and_not_held_against_the_device(host, name):
    card = host.write("ais_bench", **{name: "raise SystemExit('507033: boom')"})

    result, verdict = host.run(card, "ais_bench")

    assert result.error is not None
    assert (result.error.kind, result.error.stage, verdict.outcome) == ("tool-failed", f"script.{name}", "FAIL")
    assert result.error.message.startswith(f"script.{name}: ")
    assert "507033: boom" in result.error.message
    assert choice.drained(host.host().npus[0]) is None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("hang", "timeout"), ("truncated-output", "tool-failed"), ("stale-results", "tool-failed")],
)
def test_a_tool_that_breaks_is_no_number(host, fault, kind):
    card = host.write("ais_bench")

    result, _ = host.run(card, "ais_bench", fault=f"{fault}@ais_bench#1")

    assert (result.status, result.measures) == ("error", ())
    assert result.error is not None
    assert result.error.kind == kind


def test_a_tool_has_the_time_of_as_many_calls_as_its_files_are_chunks(host, monkeypatch):
    monkeypatch.setattr("harness.runtimes.protocol.SessionOptions.chunk_bytes", 240)
    asked: list[tuple[str, int]] = []
    opened = Workbench.open

    def noting(self: Workbench, case: Case, artifact: Any, outfmt: str = "", calls: int = 1) -> Any:
        asked.append((outfmt, calls))
        return opened(self, case, artifact, outfmt, calls)

    monkeypatch.setattr(Workbench, "open", noting)
    host.run(host.write("ais_bench"), "ais_bench")

    assert asked == [("BIN", 8)]  # 80 samples of 12 bytes in and 12 out are 1920 bytes


def test_an_om_that_is_brought_is_run_and_nothing_exported(host):
    first, _ = host.run(host.write("ais_bench"), "ais_bench", batch=4)
    om = host.folder / "toy.om"
    om.write_bytes(next(path for path in host.cache.rglob("*bs4.om")).read_bytes())
    script = host.folder / "zoo/cv/Toy/tools/export.py"
    script.write_text("raise SystemExit('exported')")

    result, _ = host.run(cards.load(host.folder / "models/toyzoo/card.toml"), "ais_bench", om=om, batch=4)

    assert [one.value for one in result.measures] == [one.value for one in first.measures] == [57 / 80]
    assert result.artifact["recipe"]["kind"] == "brought"
    assert set(result.model_extra["logs"]) == {"preprocess", "postprocess", "model"}


@pytest.fixture
def planned(host: Host) -> Callable[..., tuple[list[Case], Plan]]:
    """Return a function that plans the toy zoo's card on the emulated host."""

    def make(row: str, **asked: Any) -> tuple[list[Case], Plan]:
        host.write("msame", ("[script]", row + "\n[script]"))
        wanted = {"models": ("toyzoo",), "run_scripts": True, "runtimes": (), "host": host.host(), **asked}
        places = Places(data_dir=host.folder / "data", zoo_dir=host.folder / "zoo")
        made = plan.make(Selection(card_folders=(host.folder / "models",), places=places, **wanted))
        return [case for case in made.cases if case.runtime in NAMES and case.model == "toyzoo"], made

    return make


ROW = """
[[baseline]]
chip = "{chip}"
batch = {batch}
metric = "top1"
value = 71.25
unit = "%"
role = "promise"
source = {{ file = "README.md", line = 10, text = "71.25%" }}
"""


def test_every_promised_batch_size_of_the_chip_is_planned_with_the_readmes_tool(planned):
    found, made = planned(ROW.format(chip=CHIP, batch=4) + ROW.format(chip="Ascend310", batch=8))

    assert [(case.runtime, case.batch, case.condition, case.emulated) for case in found] == [
        ("msame", 1, "scripts", True),
        ("msame", 4, "scripts", True),
    ]
    assert [case.batch for case in made.cases if case.runtime == "ort-cpu"] == [1]


def test_a_batch_size_that_is_asked_for_is_the_only_one(planned):
    found, _ = planned(ROW.format(chip=CHIP, batch=4), batches=(4,), chips=(CHIP,))

    assert [case.batch for case in found] == [4]


def test_without_the_request_the_cases_are_told_and_not_run(planned):
    found, made = planned(ROW.format(chip=CHIP, batch=4), models=(), run_scripts=False)

    assert found == []
    told = {(case.runtime, case.batch) for case in made.on_request if case.runtime in NAMES}
    assert told == {("msame", 1), ("msame", 4)}
