"""Promises that are no shares, judged on what a repository's script prints: PSNR in dB, FID, a loss."""

import datetime
from pathlib import Path

import pytest

from harness import ascend_host, cards, gates, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.commands.agreement import findings
from harness.drafts import Request, draft, write
from harness.emulator import prefix
from harness.needs import Places
from harness.results import Case, Result, Verdict
from harness.workbench import Workbench
from tests.harness.drafts.draft_readme import README
from tests.harness.drafts.small_networks import write as network
from tests.harness.scripts import toy_zoo

TODAY = datetime.date(2026, 11, 20)
CHIP = "Ascend310P3"
RUNTIMES = ("ort-cpu", "ais_bench")
OLD_METRIC = 'metric = { pattern = "top1: ([0-9.]+) %", unit = "%" }'
WRITES = """
import sys
from pathlib import Path
import numpy as np
np.ones((3, 16, 16), np.float32).tofile(Path(sys.argv[4]) / "img.bin")
"""
# It counts what the model gave, so that nothing is printed of a model that did not run.
PRINTS = """
import sys
from pathlib import Path
given = [path for path in Path(sys.argv[1]).iterdir() if path.stat().st_size]
print("files:", len(given))
print("{printed}" if given else "nothing")
"""


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")


def toy(folder: Path, row: str, metric: str, printed: str) -> cards.ModelCard:
    """Write the toy zoo with a promise for any chip and a script that prints a number; return its card."""
    path = toy_zoo.write(folder, postprocess=PRINTS.replace("{printed}", printed))
    text = path.read_text(encoding="utf-8")
    promise = f'chip = "any"\nbatch = "any"\n{row}'
    old = f'chip = "{CHIP}"\nbatch = 1\nmetric = "top1"\nvalue = 71.25\nunit = "%"'
    assert old in text
    assert OLD_METRIC in text
    text = text.replace('name = "top1"\nprotocol', 'name = "none"\nprotocol')
    path.write_text(text.replace(old, promise).replace(OLD_METRIC, f"metric = {metric}"), encoding="utf-8")
    return cards.load(path)


def judged(card: cards.ModelCard, folder: Path, runtime: str) -> tuple[Result, Verdict]:
    places = Places(data_dir=folder / "data", zoo_dir=folder / "zoo")
    given = {"model": card.name, "runtime": runtime, "batch": 1, "check": "accuracy", "condition": "scripts"}
    if runtime == "ort-cpu":
        case = Case(**given, chip="cpu")
        bench = Workbench({card.name: card}, Builder(Store(folder / "cache")), folder / "run", places=places)
    else:
        host = ascend_host.present(prefix.make(folder / "ascend", (CHIP,), {}))
        case = Case(**given, chip=CHIP, precision="fp16", emulated=True)
        builder = Builder(Store(folder / "cache"), None, host.toolchain, None, folder / "logs")
        bench = Workbench({card.name: card}, builder, folder / "run", places=places, host=host)
    result = pipeline.run(case, bench)
    return result, gates.judge(result, card, TODAY)


PSNR = ('metric = "psnr"\nvalue = 31.53\nunit = "dB"', '{ name = "psnr", pattern = "PSNR: ([0-9.]+)", unit = "dB" }')
FID = ('metric = "fid"\nvalue = 9.95', '{ name = "fid", pattern = "FID: ([0-9.]+)", unit = "1" }')
LOSS = (
    'metric = "mel distance"\nvalue = -4.5\nunit = "1"\nhigher_is_better = false\ntolerance = 0.1',
    '{ name = "mel distance", pattern = "distance (-?[0-9.]+)", unit = "1" }',
)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("promise", "printed", "expected", "said"),
    [
        (PSNR, "PSNR: 31.52", "PASS met", "psnr (as-printed) 31.52 dB against 31.53 dB promised for any"),
        (PSNR, "PSNR: 31.21", "FAIL missed", "tolerance 1 % of 31.53 dB (default)"),
        (FID, "FID: 10.04", "PASS met", "fid (as-printed) 10.04 against 9.950 promised for any"),
        (FID, "FID: 10.06", "FAIL missed", "tolerance 1 % of 9.950 (default)"),
        (LOSS, "distance -4.41", "PASS met", "tolerance 0.1 (card)"),
        (LOSS, "distance -4.39", "FAIL missed", "tolerance 0.1 (card)"),
    ],
    ids=["psnr", "psnr missed", "fid", "fid missed", "below nothing", "below nothing, missed"],
)
def test_a_printed_score_is_judged_in_its_own_unit(tmp_path, runtime, promise, printed, expected, said):
    card = toy(tmp_path, *promise, printed)

    result, verdict = judged(card, tmp_path, runtime)

    assert (result.status, f"{verdict.outcome} {verdict.code}") == ("measured", expected), verdict.reason
    assert said in verdict.reason
    assert result.measures[0].n == toy_zoo.SAMPLES
    assert list(findings(card)) == []


def test_a_number_that_is_no_share_as_the_card_says_is_still_refused_as_one(tmp_path):
    card = toy(tmp_path, FID[0], FID[1].replace('"1"', '"%"'), "FID: 995.0")

    result, verdict = judged(card, tmp_path, "ort-cpu")

    assert (verdict.outcome, result.error.kind) == ("FAIL", "tool-failed")
    assert "expected 0 to 100, got 995.0" in result.error.message
    (found,) = findings(card)
    assert "expected the unit of fid as baseline[0] has it, none" in str(found)


def drafted(folder: Path, printed: str) -> Path:
    """Draft a card of a README with a PSNR whose scripts lie beside it; return the card's path."""
    zoo = folder / "zoo"
    (folder / "data" / "set5").mkdir(parents=True)
    zoo.mkdir()
    text = README.replace("top1: 70.10%", "PSNR: 31.53")
    text = text.replace("toynet_bs1.om\n", "toynet_bs1.om --input ./prep --output ./result\n")
    (zoo / "README.md").write_text(text, encoding="utf-8")
    (zoo / "toynet_preprocess.py").write_text(WRITES)
    (zoo / "toynet_postprocess.py").write_text(PRINTS.replace("{printed}", printed))
    model = network(folder / "toynet.onnx", {"image": ["N", 3, 16, 16]})
    return write(draft(Request(zoo / "README.md", folder / "cards", model))).path


def answered(text: str) -> str:
    """Return a draft as a person answers it: the data set's folder, the pattern; no export, the ONNX file is here."""
    head, steps = text.split("# [script]\n")
    first, rest = steps.split("#\n# [script.export]")
    export, rest = rest.split("# [script.preprocess]")
    assert "toynet_pth2onnx.py" in export
    lines = [*first.split("\n"), '# dataset = "set5"', *f"# [script.preprocess]{rest}".split("\n")]
    script = "\n".join(line.removeprefix("# ") for line in lines).replace("${data}", "{dataset}")
    script = script.replace("the printed number, as a regular expression with one group:", "PSNR:")
    return f"{head}[script]\n{script}"


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("printed", "outcome"), [("PSNR: 31.52", "PASS"), ("PSNR: 30.00", "FAIL")])
def test_a_readmes_psnr_comes_from_the_draft_to_its_verdict(tmp_path, runtime, printed, outcome):
    path = drafted(tmp_path, printed)
    text = answered(path.read_text(encoding="utf-8"))
    old = f'chip = "{CHIP}"\nbatch = 1\nmetric = "psnr"'
    assert old in text
    path.write_text(text.replace(old, 'chip = "any"\nbatch = "any"\nmetric = "psnr"'), encoding="utf-8")

    result, verdict = judged(cards.load(path), tmp_path, runtime)

    assert (result.status, verdict.outcome) == ("measured", outcome), verdict.reason
    assert "against 31.53 promised for any, README.md:" in verdict.reason
    assert "tolerance 1 % of 31.53 (default)" in verdict.reason
