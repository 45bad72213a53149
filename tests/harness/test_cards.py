"""Loading cards: what is refused, in which words, and what is made of the facts."""

import datetime
import json
import math
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import cards
from harness.errors import CardError, UsageError

VALID = """
name = "street"
family = "street"
classes = ["road", "car", "sky"]
chips = ["Ascend310P3"]
batches = [1, 4]

[source]
url = "https://example.org/street"
commit = "0123456789abcdef0123456789abcdef01234567"
framework = "torch"

[weights]
file = "street.pth"
prefix = "abc123"

[network]
layers = [1, 2]

[[input]]
name = "image"
dtype = "float32"
shape = ["N", 3, 64, 128]
layout = "NCHW"

[[output]]
name = "logits"
index = 0
dtype = "float32"
shape = ["N", 3, 64, 128]
scored = true

[[output]]
name = "half"
index = 1
dtype = "float32"
shape = ["N", 3, 32, 64]
om = false

[dataset]
kind = "cityscapes"
count = 10

[[preprocess]]
step = "scale"

[[preprocess]]
step = "normalize"
params = { mean = [0.5, 0.5, 0.5], std = [0.25, 0.25, 0.25] }

[metric]
name = "miou"
protocol = "dataset"

[atc]
framework = 5
out_nodes = "Resize_1:0"
flags = { log = "debug" }

[environment]
cann = "5.1.RC1"

[[baseline]]
chip = "Ascend310P3"
batch = 1
metric = "miou"
value = 0.689
role = "promise"
source = { file = "README.md", line = 7, column = "mIoU", text = "0.689" }

[[baseline]]
chip = "Ascend310P3"
batch = 4
metric = "throughput"
value = 31.22
unit = "images/s"
role = "promise"
definition = "ais_bench"
source = { file = "README.md", line = 8, text = "31.22" }

[[expect]]
chip = "Ascend310P3"
batch = 4
check = "any"
outcome = "oom"
memory_mib_at_most = 24576
source = { file = "README.md", line = 9, text = "out of memory" }

[[ratio]]
name = "larger"
numerator = { chip = "Ascend310P3", batch = "best", metric = "throughput" }
denominator = { chip = "Ascend310", batch = 4, scope = "card", metric = "throughput" }
at_least = 1.606
source = { file = "README.md", line = 10, text = "1.606" }

[[waiver]]
chip = "Ascend310P3"
batch = "any"
check = "latency"
owner = "A. Person"
reason = "slow driver"
link = "https://example.org/1"
expires = 2030-01-31
"""


@pytest.fixture
def load(tmp_path: Path):
    """Return a function that writes a card's text and loads it."""

    def load_text(text: str) -> cards.ModelCard:
        path = tmp_path / "card.toml"
        path.write_text(text, encoding="utf-8")
        return cards.load(path)

    return load_text


def changed(old: str, new: str) -> str:
    assert VALID.count(old) >= 1
    return VALID.replace(old, new, 1)


def error_of(load, text: str, tmp_path: Path) -> str:
    with pytest.raises(CardError) as caught:
        load(text)
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"{tmp_path / 'card.toml'}: ")


def test_a_sound_card_keeps_its_facts(load):
    card = load(VALID)

    assert (card.name, card.class_count, card.batches) == ("street", 3, (1, 4))
    assert card.scored_output.name == "logits"
    assert [output.name for output in card.kept_outputs] == ["logits"]
    assert card.input[0].at(4) == (4, 3, 64, 128)
    assert card.network == {"layers": (1, 2)}
    assert card.waiver[0].expires == datetime.date(2030, 1, 31)
    assert card.baseline[0].source.line == 7


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[metric]", "[metrik]", "metrik: unknown key; did you mean 'metric'?"),
        ("protocol =", "protocoll =", "metric.protocoll: unknown key; did you mean 'protocol'?"),
        ("line = 8", "lin = 8", "baseline[1].source.lin: unknown key; did you mean 'line'?"),
        ("memory_mib_at_most", "memory", "expect[0].memory: unknown key; did you mean 'memory_mib_at_most'?"),
        ("scope =", "scop =", "ratio[0].denominator.scop: unknown key; did you mean 'scope'?"),
        ('family = "street"\n', "", "family: expected this key, got nothing; add it"),
        (
            'metric = "miou"',
            'metric = "miou"\nclass_ = "car"',
            "baseline[0].class_: unknown key; did you mean 'class'?",
        ),
        ("[metric]", 'path = "x"\n[metric]', "preprocess[1].path: unknown key"),
        ('name = "street"', 'name = "street"\npath = "x"', "path: unknown key"),
        ('role = "promise"\n', "", "baseline[0].role: expected this key, got nothing; add it"),
    ],
)
def test_an_unknown_or_missing_key_is_named_with_its_place(load, tmp_path, old, new, expected):
    assert error_of(load, changed(old, new), tmp_path) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("value = 0.689", 'value = "0.689"', "baseline[0].value: expected a number, got '0.689'"),
        ("value = 0.689", "value = true", "baseline[0].value: expected a number, got True"),
        ("value = 0.689", "value = nan", "baseline[0].value: expected a finite number, got nan"),
        ("value = 31.22", "value = inf", "baseline[1].value: expected a finite number, got inf"),
        ("batch = 4", 'batch = "4"', "baseline[1].batch: expected an integer or 'any' or 'unstated', got '4'"),
        (
            "batch = 4",
            'batch = "ani"',
            "baseline[1].batch: expected an integer or 'any' or 'unstated', got 'ani'; did you mean 'any'?",
        ),
        (
            "batch = 4",
            "batch = 2030-01-01",
            "baseline[1].batch: expected an integer or 'any' or 'unstated', got datetime.date(2030, 1, 1)",
        ),
        ('["N", 3, 64, 128]', '["M", 3, 64, 128]', "input[0].shape[0]: expected an integer or 'N', got 'M'"),
        ('["N", 3, 64, 128]', '"N,3,64,128"', "input[0].shape: expected an array, got 'N,3,64,128'"),
        ('["road", "car", "sky"]', '["road", 3]', "classes[1]: expected a string, got 3"),
        ('["road", "car", "sky"]', "1.5", "classes: expected an integer or an array, got 1.5"),
        ('["road", "car", "sky"]', "{ a = 1 }", "classes: expected an integer or an array, got {'a': 1}"),
        ("framework = 5", 'framework = "5"', "atc.framework: expected 3 or 5, got '5'"),
        ("scored = true", 'scored = "yes"', "output[0].scored: expected true or false, got 'yes'"),
        (
            'role = "promise"',
            'role = "promised"',
            "baseline[0].role: expected 'promise', 'reference' or 'measured', got 'promised'; did you mean 'promise'?",
        ),
        ("[metric]", "[[metric]]", "metric: expected a table, got ({'name': 'miou', 'protocol': 'dataset'},)"),
        ("[network]\nlayers = [1, 2]", "network = 3", "weights.network: unknown key"),
        (
            "expires = 2030-01-31",
            'expires = "2030-01-31"',
            "waiver[0].expires: expected a date such as 2026-12-31, without quotes, got '2030-01-31'",
        ),
        ('{ log = "debug" }', "{ log = 1 }", "atc.flags.log: expected a string, got 1"),
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_toml(load, tmp_path, old, new, expected):
    assert error_of(load, changed(old, new), tmp_path) == expected


@pytest.mark.parametrize(("value", "expected"), [("3", "an array, got 3"), ("[1]", "a table, got 1")])
def test_a_table_that_is_none_is_a_card_error_too(load, tmp_path, value, expected):
    start, end = VALID.index("[[baseline]]"), VALID.index("[[expect]]")
    where = "baseline" if value == "3" else "baseline[0]"

    message = error_of(load, f"baseline = {value}\n" + VALID[:start] + VALID[end:], tmp_path)

    assert message == f"{where}: expected {expected}"


NO_SHARE = 'a number that is no share has a unit, as in unit = "dB", or unit = "1"'
DIRECTION = 'add higher_is_better = true, or false; a share has unit = "%", or none as a fraction of 1'
PER_CENT = "write it as it is printed, in per cent, or leave out unit for a fraction of 1"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "value = 0.689",
            "value = 1.5",
            f'baseline[0].value: expected 0 to 1 for miou, got 1.5; per cent have unit = "%"; {NO_SHARE}',
        ),
        (
            "value = 0.689",
            'value = 101.0\nunit = "%"',
            f"baseline[0].value: expected 0 to 100 for miou, got 101; {NO_SHARE}",
        ),
        (
            "value = 0.689",
            'value = 46.6\nunit = "mm"',
            f"baseline[0].higher_is_better: expected whether more of miou in mm is better, got nothing; {DIRECTION}",
        ),
        (
            "value = 0.689",
            'value = 68.9\nunit = "percent"',
            "baseline[0].unit: expected '%' for per cent, got 'percent'; write unit = \"%\"",
        ),
        (
            "value = 0.689",
            'value = 0.689\nunit = "%"',
            f"baseline[0].value: expected per cent for miou, as unit says, got 0.689; {PER_CENT}",
        ),
        ("value = 31.22", "value = 0.0", "baseline[1].value: expected more than 0 for throughput, got 0"),
        ("batches = [1, 4]", "batches = [1, 0]", "batches[1]: expected more than 0, got 0"),
        ("batches = [1, 4]", "batches = [4, 1, 4]", "batches: expected distinct sizes, got 4 twice"),
        ("batches = [1, 4]", "batches = []", "batches: expected at least 1 item, got ()"),
        ('["N", 3, 64, 128]', '["N", 3, -64, 128]', "input[0].shape[2]: expected more than 0 or 'N', got -64"),
        ("scored = true", "scored = false", "output: expected exactly one output with scored = true, got 0"),
        ("om = false", "scored = true", "output: expected exactly one output with scored = true, got 2"),
        (
            "scored = true",
            "scored = true\nom = false",
            "output: expected the scored output to be kept in the OM, got om = false",
        ),
        ("index = 1", "index = 0", "output: expected distinct indices, got 0 twice"),
        ('name = "half"', 'name = "image"', "output: expected distinct names, got 'image' twice"),
        ('"car", "sky"', '"road", "sky"', "classes: expected distinct names, got 'road' twice"),
        ('["road", "car", "sky"]', "0", "classes: expected more than 0 or an array, got 0"),
        ('["road", "car", "sky"]', "[]", "classes: expected at least one class, got none"),
        (
            'prefix = "abc123"',
            'prefix = "XYZ"',
            "weights.prefix: expected text that matches ^[0-9a-f]{0,64}$, got 'XYZ'",
        ),
        (
            'prefix = "abc123"',
            'prefix = "abc123"\nsha256 = "' + "f" * 64 + '"',
            "weights.prefix: expected the first digits of sha256, got 'abc123'",
        ),
        (
            'file = "street.pth"',
            'file = "../street.pth"',
            "weights.file: expected a file name or a relative path below the folder, got '../street.pth'",
        ),
        (
            'file = "street.pth"',
            'file = "/street.pth"',
            "weights.file: expected a file name or a relative path below the folder, got '/street.pth'",
        ),
        (
            "at_least = 1.606",
            "at_least = 1.606\nwithin = 1.0",
            "ratio[0].at_least: expected exactly one of at_least and within, got both",
        ),
        ("at_least = 1.606", "", "ratio[0].at_least: expected exactly one of at_least and within, got neither"),
        ('owner = "A. Person"', 'owner = ""', "waiver[0].owner: expected some text, got ''"),
        (
            'name = "street"',
            'name = "Street!"',
            "name: expected text that matches ^[a-z0-9][a-z0-9_.-]*$, got 'Street!'",
        ),
    ],
)
def test_an_impossible_value_names_field_expectation_and_finding(load, tmp_path, old, new, expected):
    assert error_of(load, changed(old, new), tmp_path) == expected


def test_two_promises_of_one_thing_contradict_each_other(load, tmp_path):
    row = VALID[VALID.index("[[baseline]]") : VALID.index("[[expect]]")].split("\n\n")[0]

    message = error_of(load, VALID + row.replace("0.689", "0.7") + "\n", tmp_path)

    assert message == "baseline[2]: expected one promise, got another in baseline[0]"


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "name = 'a'\nname = 'b'",
        "classes = " + "[" * 5000 + "]" * 5000,
        "classes = " + "1" * 5000,
        "expires = 2030-02-31",
        "name = '\x00'",
        "name = 'a\nb'",
    ],
    ids=["no value", "twice", "too deep", "too large", "no such day", "control character", "open string"],
)
def test_text_that_is_no_toml_is_a_card_error_naming_the_file(load, tmp_path, text):
    assert error_of(load, text, tmp_path).startswith("expected a readable TOML file, got ")


def test_bytes_that_are_no_utf8_and_absent_files_are_card_errors(tmp_path):
    path = tmp_path / "card.toml"
    path.write_bytes(b"name = '\xff'")

    with pytest.raises(CardError, match="expected a readable TOML file"):
        cards.load(path)
    with pytest.raises(CardError, match="No such file"):
        cards.load(tmp_path / "none.toml")


def test_a_key_or_value_with_line_breaks_stays_on_one_line(load, tmp_path):
    assert error_of(load, changed("commit =", '"com\\nmit" ='), tmp_path) == (
        "source.\"com\\nmit\": unknown key; did you mean 'commit'?"
    )
    assert "'a\\nb'" in error_of(load, changed("classes =", 'classes = "a\\nb"\nowner ='), tmp_path)


def test_an_integer_too_large_to_print_is_refused_without_printing_it(load, tmp_path):
    message = error_of(load, changed("value = 31.22", "value = 0x" + "f" * 6000), tmp_path)

    assert message == "baseline[1].value: expected a number, got a very large integer"


@pytest.mark.parametrize("alias", ["310P", "310P3", "Ascend310P", "Ascend310P3", "ascend310p3", " 310P "])
def test_every_alias_of_a_chip_becomes_its_full_name_when_loading(load, alias):
    card = load(VALID.replace('"Ascend310P3"', f'"{alias}"'))

    sides = (card.ratio[0].numerator, card.expect[0], card.waiver[0], *card.baseline)
    assert card.chips == ("Ascend310P3",)
    assert {side.chip for side in sides} == {"Ascend310P3"}
    assert {row.printed for row in card.baseline} == {alias}


def test_other_chips_keep_their_names(load):
    names = ["cpu", "any", "Ascend310B4", "Ascend910B", "NVIDIA H200"]

    assert [cards.canonical_chip(name) for name in names] == names
    assert cards.canonical_chip("310") == "Ascend310"


@pytest.mark.parametrize(
    ("printed", "unit", "target", "half_unit"),
    [
        ("47.008", "%", 0.47008, 0.000005),
        ("80.98", "%", 0.8098, 0.00005),
        ("0.689", "", 0.689, 0.0005),
        ("68.90", "%", 0.689, 0.00005),
        ("6.89e-1", "", 0.689, 0.0005),
        ("1", "", 1.0, 0.5),
    ],
)
def test_per_cent_becomes_a_fraction_and_the_printed_decimals_are_kept(load, printed, unit, target, half_unit):
    row = load(changed("value = 0.689", f'value = {printed}\nunit = "{unit}"')).baseline[0]

    assert row.target == pytest.approx(target, abs=1e-12)
    assert row.half_unit == pytest.approx(half_unit, rel=1e-9)
    assert type(row.value) is float


def test_stated_decimals_win_over_counted_ones(load):
    assert load(changed("value = 0.689", "value = 0.689\ndecimals = 1")).baseline[0].half_unit == pytest.approx(0.05)


def test_cards_are_found_one_folder_deep_and_beside_other_files(tmp_path):
    for name in ("a/card.toml", "a/tiny.toml", "b/card.toml", ".hidden/card.toml", "a/b/card.toml", "loose.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a/notes.md").touch()

    found = [str(path.relative_to(tmp_path)) for path in cards.files([tmp_path]) if path.is_relative_to(tmp_path)]

    assert found == ["a/card.toml", "a/tiny.toml", "b/card.toml", "loose.toml"]


def test_a_folder_given_twice_counts_once(tmp_path, monkeypatch):
    (tmp_path / "street").mkdir()
    (tmp_path / "street/card.toml").write_text(VALID, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert cards.names([tmp_path, Path("../") / tmp_path.name, Path()]).count("street") == 1


def test_a_folder_without_cards_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"--cards .*/none: .*got no such folder"):
        cards.files([tmp_path / "none"])
    with pytest.raises(UsageError, match=r"expected model folders with \*.toml cards, got none"):
        cards.files([tmp_path])


def test_two_cards_of_one_name_are_refused_naming_both_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.toml").write_text(VALID, encoding="utf-8")

    with pytest.raises(CardError) as caught:
        cards.load_all([tmp_path])

    assert str(caught.value) == (
        f"{tmp_path}/b/card.toml: name: expected a name of its own, got 'street', also in {tmp_path}/a/card.toml"
    )


def test_a_name_is_looked_up_with_a_hint(tmp_path):
    (tmp_path / "card.toml").write_text(VALID, encoding="utf-8")

    assert cards.get("street", [tmp_path]).family == "street"
    with pytest.raises(UsageError, match=r"--model: unknown model, got 'stret'; did you mean 'street'\?"):
        cards.get("stret", [tmp_path])
    with pytest.raises(UsageError, match=r"got '@'; known: .*street"):
        cards.get("@", [tmp_path])


toml_values = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.floats(width=64).map(lambda number: "nan" if math.isnan(number) else repr(number)),
    st.text(max_size=20).map(json.dumps),
    st.sampled_from(
        ["true", "[]", "{}", "[[1]]", "2030-01-01", "2030-01-01T00:00:00Z", "07:00:00", "0xffff", "-inf", "''"]
    ),
    st.sampled_from(["[{ a = 1 }]", '{ chip = "cpu" }', '["N", 0]', '"N"', "1_0.5_0e-3", "[[", '"\\ud800"', "1e999"]),
)


@st.composite
def mutants(draw) -> str:
    """Return the valid card with one to three lines changed, dropped, doubled, or with letters exchanged."""
    lines = VALID.strip().split("\n")
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        key = lines[place].partition(" = ")[0]
        kind = draw(st.sampled_from(["value", "key", "drop", "double", "letters"]))
        if kind == "value":
            lines[place] = f"{key} = {draw(toml_values)}"
        elif kind == "key":
            lines[place] = lines[place].replace(key, json.dumps(draw(st.text(max_size=8))), 1)
        elif kind == "letters":
            at = draw(st.integers(0, len(lines[place])))
            lines[place] = lines[place][:at] + draw(st.text(max_size=3)) + lines[place][at + 1 :]
        else:
            lines[place : place + 1] = [lines[place]] * (2 if kind == "double" else 0)
    return "\n".join(lines)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=mutants())
def test_any_mutation_of_a_card_loads_or_gives_one_line(tmp_path, text):
    path = tmp_path / "card.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    line = ""
    try:
        cards.load(path)
    except CardError as error:
        line = str(error)

    assert not line or line.startswith(f"{path}: ")
    assert len(line.splitlines()) <= 1


def test_a_thousand_cards_load_in_a_second_or_two(tmp_path):
    for number in range(1000):
        (tmp_path / f"m{number}").mkdir()
        (tmp_path / f"m{number}/tiny.toml").write_text(changed("street", f"street-{number}"), encoding="utf-8")
    started = time.process_time()

    loaded = cards.load_all([tmp_path])

    # 0.5 s here; the limit allows for a host four times as slow.
    assert len(loaded) >= 1000
    assert time.process_time() - started < 2.0
    shutil.rmtree(tmp_path)


def test_loading_cards_imports_nothing_heavy():
    code = "import sys, harness.cards; harness.cards.load_all(); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"numpy", "torch", "onnx", "onnxruntime", "PIL", "pytest"} & set(done.stdout.split())
