"""The documentation names every option, command, key and code, and nothing that is not there."""

import configparser
import datetime
import json
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest

from fixtures import history, options
from harness import card_promises, card_scripts, card_tables, cards, lint, needs, plan, results, runtimes
from harness.cards import Table
from harness.cli import COMMANDS
from harness.datasets.digits import PARAMS
from harness.outcomes import ExitCode
from harness.preprocess.steps import STAGES
from harness.selection import Selection
from harness.units import written

ROOT = Path(__file__).parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("reports/*.md")))
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
SECTIONS = {
    "Top level": cards.ModelCard,
    "source": cards.Source,
    "weights": cards.Weights,
    "artifact": cards.Artifact,
    "input": cards.TensorSpec,
    "output": cards.OutputSpec,
    "dataset": cards.Dataset,
    "preprocess": cards.Step,
    "metric": cards.Metric,
    "atc": cards.Atc,
    "export": cards.Export,
    "script": cards.Script,
    "script.export": card_scripts.ExportStep,
    "script.preprocess": card_scripts.PreprocessStep,
    "script.postprocess": card_scripts.PostprocessStep,
    "script.postprocess.metric": card_scripts.PrintedMetric,
    "baseline": cards.Baseline,
    "Places": cards.Place,
    "expect": cards.Expect,
    "ratio": cards.Ratio,
    "Sides of a ratio": cards.RatioSide,
    "waiver": cards.Waiver,
    "loosened": cards.Loosened,
}
WORDS = {str: "string", int: "integer", float: "number", bool: "true or false", datetime.date: "date", Any: "anything"}
# Options of other programs that the pages mention.
OF_OTHERS = {
    "--collect-only",
    "--help",
    "--quiet",
    "--group",
    "--junitxml",
    "--loop",
    "--device",
    "--no-deps",
    "--batchsize",
    "--outfmt",
    # ais_bench's, as far as mentioned_options reads them
    "--aipp",
    "--dump",
    "--dym",
    "--energy",
    "--perf",
    "--pipeline",
    "--profiler",
}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """Return the part of a page below a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title!r}"
    return found.group(1)


def rows(part: str) -> list[list[str]]:
    """Return the cells of every table row in a part of a page, without headers and rules."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = {index for index, row in enumerate(cells) if set("".join(row)) <= {"-"}}
    return [row for index, row in enumerate(cells) if index not in rules and index + 1 not in rules]


def first_codes(part: str) -> list[str]:
    """Return what stands in backticks at the start of each table row."""
    return [found.group(1) for row in rows(part) if (found := re.match(r"`([^`]+)`", row[0]))]


def described(annotation: Any) -> str:
    """Return a key's type in the words of the card reference."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return described(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments if value != "")
    if origin in (typing.Union, types.UnionType):
        return " or ".join(described(one) for one in arguments if one is not type(None))
    if origin is tuple:
        return f"array of {described(arguments[0])}"
    if origin is dict:
        return "table of string" if arguments[1] is str else "table"
    return "table" if isinstance(annotation, type) and issubclass(annotation, Table) else WORDS[annotation]


def default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    worth_saying = isinstance(value, bool) or (value and not isinstance(value, Table))
    return f"`{json.dumps(value)}`" if worth_saying else "optional"


@pytest.mark.parametrize("title", SECTIONS)
def test_the_card_reference_has_every_key_with_its_type_and_default(title):
    fields = {field.alias or name: field for name, field in SECTIONS[title].model_fields.items()}
    if title == "Top level":
        del fields["path"]  # where the card was read from
    expected = {key: [described(one.rebuild_annotation()), default(one)] for key, one in fields.items()}

    found = rows(section(text("docs/cards.md"), title))
    assert {row[0].strip("`"): row[1:3] for row in found} == expected
    assert all(row[3] for row in found)


def test_every_table_of_a_card_has_a_section():
    tables = {
        one
        for module in (cards, card_tables, card_promises, card_scripts)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Table) and one not in (Table, card_scripts.ScriptStep)
    }

    assert tables == set(SECTIONS.values())


def test_the_card_reference_says_which_step_may_name_which_placeholder():
    steps = {
        "export": card_scripts.ExportStep,
        "preprocess": card_scripts.PreprocessStep,
        "postprocess": card_scripts.PostprocessStep,
    }
    found = {
        row[0].strip("`{}"): set(steps) if row[2] == "every step" else set(re.findall(r"`(\w+)`", row[2]))
        for row in rows(section(text("docs/cards.md"), "Placeholders"))
    }

    expected = {
        name: {step for step, one in steps.items() if name in one.allowed} for name in card_scripts.PLACEHOLDERS
    }
    assert found == expected


def test_the_card_reference_has_every_preprocessing_step_with_its_parameters():
    part = section(text("docs/cards.md"), "Preprocessing steps")
    found = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in rows(part)}

    assert found == {name: list(model.model_fields) for name, model in STAGES.items()}


def test_the_card_reference_has_every_generator_with_its_parameters():
    part = section(text("docs/cards.md"), "Generators")
    found = {row[0].strip("`"): re.findall(r"`([\w-]+)`", row[1]) for row in rows(part)}

    assert found == {name: list(model.model_fields) for name, model in PARAMS.items()}


def test_the_card_reference_has_every_lint_rule():
    used = set(re.findall(r'Mark\(\s*"([a-z-]+)"', text("harness/lint.py")))

    assert len(used) >= len(lint.RULES)
    assert set(first_codes(section(text("docs/cards.md"), "Lint"))) == used


class Options:
    """Stands in for pytest's parser and remembers what is registered."""

    def __init__(self) -> None:
        self.names: list[str] = []
        options.pytest_addoption(self)
        history.pytest_addoption(self)

    def getgroup(self, *_: str) -> "Options":
        return self

    def addoption(self, name: str, **_: object) -> None:
        self.names.append(name)


def test_the_readme_has_every_option_and_no_other():
    found = [word.split()[0] for word in first_codes(section(text("README.md"), "Options"))]

    assert sorted(found) == sorted(Options().names)


def test_the_readme_has_every_marker():
    part = section(text("README.md"), "Options")

    markers = re.search(r"^Markers: (.*?)\. ", part, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", markers.group(1))) == set(options.MARKERS)


def test_the_readme_has_every_command_and_no_other():
    found = [words.split()[1] for words in first_codes(section(text("README.md"), "Commands"))]

    assert sorted(found) == sorted(COMMANDS)


def mentioned_options(page: Path) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_mentions_only_options_that_exist(page):
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "harness/commands").glob("*.py"))
    of_commands = set(re.findall(r'"(--[a-z-]+)"', source))
    of_atc = set(re.findall(r"--[a-z_]+", " ".join(card.atc.source.text for card in cards.load_all() if card.atc)))

    unknown = {
        one
        for one in mentioned_options(page) - of_commands - set(Options().names) - OF_OTHERS
        if not any(flag.startswith(one) for flag in of_atc | {"--precision_mode", "--keep_dtype"})
    }
    assert unknown == set()


def test_the_pages_name_every_environment_variable_that_the_code_reads():
    sources = [*(ROOT / "harness").rglob("*.py"), *(ROOT / "fixtures").rglob("*.py")]
    sources += [ROOT / "tests/harness" / name for name in ("ascend/test_bundles.py", "history/conftest.py")]
    sources.append(ROOT / "tests/browser/test_report_page.py")  # which looks for Chromium there
    read = {name for path in sources for name in re.findall(r'"(OMGATE_[A-Z_]+)"', path.read_text(encoding="utf-8"))}
    named = {name for page in PAGES for name in re.findall(r"OMGATE_[A-Z_]+", page.read_text(encoding="utf-8"))}

    assert read
    assert named == read


def test_the_gates_page_has_every_code_with_an_outcome_that_exists():
    found = rows(section(text("docs/gates.md"), "Verdicts"))
    codes = {
        row[0].strip("`"): re.findall(r"`(\w+)`", row[1])
        for row in found
        if row[0].strip("`") in get_args(results.Code)
    }

    assert set(codes) == set(get_args(results.Code))
    assert {outcome for outcomes in codes.values() for outcome in outcomes} == set(get_args(results.Outcome))


def test_troubleshooting_explains_every_code_below_an_outcome_that_it_has():
    outcomes = {
        "Green": "PASS",
        "Red": "FAIL",
        "Undecided": "INCONCLUSIVE",
        "Nothing to compare with": "NO_BASELINE",
        "Not run": "NOT_RUN",
    }
    may = {row[0].strip("`"): row[1] for row in rows(section(text("docs/gates.md"), "Verdicts"))}
    parts = re.split(r"^## (.+)\n", text("docs/troubleshooting.md"), flags=re.MULTILINE)
    told = {
        code: (outcomes[title], explained)
        for title, part in zip(parts[1::2], parts[2::2], strict=True)
        for code, explained in re.findall(r"^### (\S+)\n(.*?)(?=^###|\Z)", part, re.MULTILINE | re.DOTALL)
    }

    assert set(told) == set(get_args(results.Code))
    assert {code for code, (outcome, _) in told.items() if f"`{outcome}`" not in may[code]} == set()
    assert {code for code, (_, explained) in told.items() if len(explained.split()) < 10} == set()


@pytest.mark.parametrize(
    ("page", "title"),
    [("docs/gates.md", "Exit codes"), ("README.md", "What is judged"), ("README.zh-CN.md", "判定规则")],
)
def test_a_table_of_exit_codes_has_every_one(page, title):
    numbers = [int(row[0]) for row in rows(section(text(page), title)) if row[0].isdigit()]

    assert numbers == [int(code) for code in ExitCode]


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_words_name_every_runtime_and_every_outcome(page):
    part = section(page.read_text(encoding="utf-8"), "Words" if page.name == "README.md" else "名词")
    named = set(re.findall(r"`([\w-]+)`", part))

    assert named >= {*runtimes.RUNTIMES, *get_args(results.Outcome), *(set(cards.CHECKS) - {"ratio"})}


def command(environment: str) -> str:
    return f"python3 -m venv .venv && .venv/bin/python -m pip install --quiet tox && .venv/bin/tox -e {environment}"


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_readmes_have_the_two_commands_alone_in_their_blocks(page):
    assert f"{command('gates')}\n" in blocks(page)
    assert f"{command('tests')}\n" in blocks(page)


def test_ci_runs_the_readmes_test_command_and_then_the_gates():
    lines = text(".ci/run").splitlines()

    assert command("tests") in lines
    assert any(re.match(r"\.venv/bin/tox -e [a-z,]*\bgates\b", line) for line in lines)


def tox_environments() -> set[str]:
    parser = configparser.ConfigParser()
    parser.read_string(text("tox.ini"))
    return {name.partition(":")[2] for name in parser.sections() if ":" in name}


@pytest.mark.parametrize("page", [*PAGES, ROOT / ".ci/run"], ids=lambda page: page.name)
def test_every_tox_environment_that_is_mentioned_exists(page):
    mentioned = re.findall(r"\btox -e ([a-z0-9,]+)", page.read_text(encoding="utf-8"))

    assert {name for names in mentioned for name in names.split(",")} <= tox_environments()


def test_contributing_names_every_tox_environment():
    mentioned = re.findall(r"`tox -e ([a-z0-9]+)`", text("CONTRIBUTING.md"))

    assert set(mentioned) == tox_environments()


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_leads_somewhere(page):
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target))):
            broken.append(link)

    assert broken == []


def output(page: Path) -> str:
    found = re.search(r"<!-- output -->\n```\n(.*?)```\n<!-- /output -->", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "no <!-- output --> block"
    return found.group(1)


def test_both_readmes_show_the_same_output():
    assert output(READMES[0]) == output(READMES[1])


def test_the_shown_output_has_the_cases_and_the_promises_of_today(monkeypatch):
    monkeypatch.setattr(needs, "has_torch", lambda: True)  # as in the gates' environment, which has both frameworks
    monkeypatch.setattr(needs, "has_tensorflow", lambda: True)
    made = plan.make(Selection(runtimes=("ort-cpu",)))
    shown = {tuple(line.split()[:2]): line for line in output(READMES[0]).splitlines()}

    assert {(case.id, case.check) for case in made.cases} == {key for key in shown if "-ort-cpu-" in "".join(key)}
    for case in made.cases:
        promised = [row for row in made.cards[case.model].baseline if row.role != "reference" and row.is_accuracy]
        if case.check == "accuracy":
            assert written(promised[0].target, "fraction") in shown[case.id, "accuracy"]


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_readmes_own_model_is_a_sound_card(page, tmp_path):
    tables = [block for block in blocks(page) if block.startswith("# models/mynet/card.toml")]
    code = [block for block in blocks(READMES[0]) if block.startswith("# models/mynet/network.py")]
    (tmp_path / "card.toml").write_text(tables[0], encoding="utf-8")
    (tmp_path / "network.py").write_text(code[0], encoding="utf-8")

    from harness.commands.agreement import findings

    assert findings(cards.load(tmp_path / "card.toml")) == ()
