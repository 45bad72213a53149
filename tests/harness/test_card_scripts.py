"""The tables of script steps: what is refused when a card is read, in which words."""

from pathlib import Path

import pytest

from harness import cards, cli
from harness.card_scripts import placeholders
from harness.errors import CardError
from tests.harness.scripts import toy_zoo

METRIC = 'metric = { pattern = "top1: ([0-9.]+) %", unit = "%" }'


@pytest.fixture
def refused(tmp_path: Path):
    """Return a function that writes the toy card with one change and gives the line that refuses it."""

    def read(old: str, new: str) -> str:
        path = toy_zoo.write(tmp_path, edit=(old, new))
        with pytest.raises(CardError) as caught:
            cards.load(path)
        return str(caught.value).removeprefix(f"{path}: ")

    return read


def test_a_card_has_its_steps_in_order_with_what_they_name(tmp_path):
    script = cards.load(toy_zoo.write(tmp_path)).script

    assert script is not None
    assert list(script.steps) == ["export", "preprocess", "postprocess"]
    assert [sorted(step.names) for step in script.steps.values()] == [
        ["model", "weights"],
        ["dataset", "inputs", "output"],
        ["output", "results"],
    ]
    assert script.postprocess.metric[0].pattern == "top1: ([0-9.]+) %"


def test_several_metrics_are_an_array_of_tables(tmp_path):
    more = '[[script.postprocess.metric]]\nname = "top1"\njson = "top1"\nunit = "fraction"\n'
    more += '[[script.postprocess.metric]]\nname = "top5"\npattern = "(x)"\nfrom = "{output}/log.txt"\nunit = "%"\n'
    script = cards.load(toy_zoo.write(tmp_path, edit=(METRIC, more))).script

    assert script is not None
    assert [metric.name for metric in script.postprocess.metric] == ["top1", "top5"]


def test_only_words_in_braces_are_placeholders():
    assert placeholders('{a}/x {"b": 1} {} {c d} {e_1}') == ("a", "e_1")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"{inputs}"', '"{input}"', "script.preprocess.argv[3]: unknown placeholder {input}; did you mean 'inputs'?"),
        ('"{inputs}"', '"{results}"', "script.preprocess: expected no placeholders but {repository}, {dataset}, "),
        ('"{weights}"]', '"{dataset}"]', "script.export: expected no placeholders but {repository}, {weights}, "),
        ('"{weights}"]', '"\\u0000"]', "script.export.argv[3]: expected a word of a command line"),
        ("[script.export]", '[script.export]\nenvironment = "x"', "script.export.environment: unknown key"),
        ("[script.export]", '[script.export]\nenv = { "A-B" = "1" }', "script.export.env: expected names and values"),
        ("[script.export]", '[script.export]\nenv = { A = "{no}" }', "script.export: unknown placeholder {no}"),
        ("[script.export]", '[script.export]\nworkdir = "../up"', "script.export.workdir: expected a path below the"),
        ("[script.export]", '[script.export]\nworkdir = "/tmp"', "script.export.workdir: expected a path below the"),
        ("[script.export]", '[script.export]\ntimeout_s = 0', "script.export.timeout_s: expected more than 0"),
        ("[script.export]", '[script.export]\nmodel = "a/{output}"', "script.export.model: expected a path below the"),
        ('outputs = ["{output}/labels"]', 'outputs = ["{dataset}/x"]', "script.preprocess.outputs[0]: expected a path"),
        ('["preprocess.py"]', '"preprocess.py"', "script.preprocess.inputs: expected an array"),
        (METRIC, "", "script.postprocess.metric: expected this key"),
        (METRIC, 'metric = { unit = "%" }', "script.postprocess.metric.pattern: expected either pattern or json"),
        (METRIC, 'metric = { pattern = "(a)" }', "script.postprocess.metric.unit: expected this key"),
        (METRIC, 'metric = { pattern = "(a", unit = "%" }', "script.postprocess.metric.pattern: expected a regular"),
        (METRIC, 'metric = { pattern = "(a)(b)", unit = "%" }', "script.postprocess.metric.pattern: expected one"),
        (METRIC, 'metric = { pattern = "(a)", unit = "percent" }', "script.postprocess.metric.unit: expected '%' for"),
        (METRIC, 'metric = { pattern = "(a)", unit = "" }', "script.postprocess.metric.unit: expected a unit"),
        (METRIC, METRIC + '\nfiles = "{name}.bin"', "script.postprocess.files: expected a file name with {name}"),
        (METRIC, METRIC + '\nfiles = "{name}_{index}.pkl"', "script.postprocess.files: expected a file name with"),
        (METRIC, METRIC + '\nfiles = "../{name}_{index}.bin"', "script.postprocess.files: expected a file name with"),
        ("[script.preprocess]", "[script.prepare]", "script.prepare: unknown key; did you mean 'preprocess'?"),
    ],
)  # fmt: skip
def test_an_impossible_step_is_refused_with_its_place(refused, old, new, expected):
    assert refused(old, new).startswith(expected)


def test_the_toy_card_is_sound_and_a_promise_that_no_script_prints_is_found(tmp_path, capsys):
    path = toy_zoo.write(tmp_path)
    assert cli.main(["validate", str(path)]) == 0
    capsys.readouterr()

    path.write_text(path.read_text().replace('unit = "%" }', 'unit = "%", name = "top5" }'), encoding="utf-8")
    assert cli.main(["validate", str(path)]) == 1
    expected = "script.postprocess.metric: expected a metric that reads top1 (as-printed), which baseline[0] promises"
    assert expected in capsys.readouterr().out
