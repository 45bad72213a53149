"""The parts of script steps: the private copy, the interpreter, files in and out, and reading a printed number."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.card_scripts import PrintedMetric, ScriptStep
from harness.cards import TensorSpec
from harness.errors import RunError
from harness.samples import Outputs
from harness.scripts.file_inference import run_over_files
from harness.scripts.prepared import Prepared, look
from harness.scripts.printed import read_metric
from harness.scripts.steps import environment, with_interpreter
from harness.scripts.workspace import Workspace


def metric(**given: str) -> PrintedMetric:
    return PrintedMetric.model_validate({"unit": "%", **given})


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("mIoU: 68.9\n", {"pattern": "mIoU: ([0-9.]+)"}, 0.689),
        ("x\nmIoU: 0.689\nmIoU: 0.6890\n", {"pattern": "^mIoU: ([0-9.]+)$", "unit": "fraction"}, 0.689),
        ("a 50%\r b 60%\r", {"pattern": "b (.*%)"}, 0.6),
        ('log\n{"top1": {"all": [1, 76.5]}}\nend', {"json": "top1.all.1"}, 0.765),
        ('{\n "acc": "99.9%"\n}', {"json": "acc"}, 0.999),
        ("acc=1e0", {"pattern": "acc=(.*)", "unit": "fraction"}, 1.0),
    ],
)
def test_a_number_is_read_as_a_fraction(tmp_path, text, given, expected):
    path = tmp_path / "log"
    path.write_bytes(text.encode())

    assert read_metric(metric(**given), path) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "given", "said", "kind"),
    [
        ("", {"pattern": "(x)"}, "in what the script printed, got nothing", "tool-failed"),
        ("acc 1\nacc 2", {"pattern": "acc (.)"}, "got 1, 2", "tool-failed"),
        ("acc nan", {"pattern": "acc (.*)"}, "expected a finite number, got nan", "nan"),
        ("acc inf", {"pattern": "acc (.*)"}, "expected a finite number", "nan"),
        ("acc -1", {"pattern": "acc (.*)"}, "expected 0 to 100, got -1", "tool-failed"),
        ("acc 71.2", {"pattern": "acc (.*)", "unit": "fraction"}, "expected 0 to 1, got 71.2", "tool-failed"),
        ("acc good", {"pattern": "acc (.*)"}, "expected a number, got 'good'", "tool-failed"),
        ('{"acc": {"all": 1}}', {"json": "acc"}, "expected a number", "tool-failed"),
        ('{"acc": [1]}', {"json": "acc.1"}, "got nothing", "tool-failed"),
        ("[" * 100_000, {"json": "acc"}, "got nothing", "tool-failed"),
    ],
)
def test_a_number_that_is_not_clear_is_an_error_in_four_parts(tmp_path, text, given, said, kind):
    path = tmp_path / "log"
    path.write_text(text)

    with pytest.raises(RunError) as caught:
        read_metric(metric(**given), path)
    assert said in str(caught.value)
    assert caught.value.kind == kind
    assert caught.value.do


def test_a_file_that_was_not_written_is_an_error(tmp_path):
    with pytest.raises(RunError, match="expected a file that the script wrote"):
        read_metric(metric(json="a"), tmp_path / "absent")


@given(st.text(max_size=40))
def test_no_text_breaks_the_search(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("log") / "log"
    path.write_text(text, encoding="utf-8")

    for one in (metric(pattern="(.)"), metric(json="a.0")):
        try:
            value = read_metric(one, path)
        except RunError:
            continue
        assert 0.0 <= value <= 1.0


STEP = {"argv": ("x",)}


@pytest.mark.parametrize(
    ("argv", "interpreter", "expected"),
    [
        (["python3.7", "a.py"], "", [sys.executable, "a.py"]),
        (["python3.7.5", "a.py"], "", [sys.executable, "a.py"]),
        (["python", "-m", "ais"], "python3.9", ["python3.9", "-m", "ais"]),
        (["a.py", "-v"], "", [sys.executable, "a.py", "-v"]),
        (["bash", "a.sh"], "python3.9", ["bash", "a.sh"]),
        (["python3", "a.py"], "envs/zoo", ["{folder}/envs/zoo/bin/python", "a.py"]),
        (["python3", "a.py"], "./py", ["{folder}/py", "a.py"]),
    ],
)
def test_python_means_the_steps_interpreter(tmp_path, argv, interpreter, expected):
    (tmp_path / "envs/zoo").mkdir(parents=True)
    step = ScriptStep.model_validate({**STEP, "interpreter": interpreter})

    assert with_interpreter(argv, step, tmp_path) == [word.format(folder=tmp_path) for word in expected]


def test_a_step_sees_a_few_variables_and_its_own():
    given = {"PATH": "/bin", "ASCEND_OPP_PATH": "/opp", "PYTHONPATH": "/leak", "API_TOKEN": "x", "LANG": "C"}

    assert environment(given, {"A": "1"}) == {"PATH": "/bin", "ASCEND_OPP_PATH": "/opp", "LANG": "C", "A": "1"}


def test_the_copy_has_no_history_and_its_links_lead_within_it_or_where_they_led(tmp_path):
    source, elsewhere = tmp_path / "source", tmp_path / "elsewhere"
    (source / ".git").mkdir(parents=True)
    (source / "a").mkdir()
    elsewhere.mkdir()
    (source / "a/file").write_text("1")
    (source / "inner").symlink_to(source / "a")
    (source / "outer").symlink_to("../elsewhere")
    (source / "broken").symlink_to("nowhere")

    place = Workspace.make(source, tmp_path / "work", tmp_path / "logs", {"batch": "4"})

    assert sorted(path.name for path in place.repository.iterdir()) == ["a", "broken", "inner", "outer"]
    assert (place.repository / "inner").resolve() == place.repository / "a"
    assert (place.repository / "outer").resolve() == elsewhere
    assert place.fill("{batch} {output}/x {other}") == f"4 {tmp_path}/work/output/x {{other}}"
    assert place.path("{results}/a") == tmp_path / "work/results/a"
    assert place.path("a/file").read_text() == "1"
    place.remove()
    assert (source / "a/file").exists()
    assert elsewhere.is_dir()
    assert not (tmp_path / "work").exists()


def test_a_run_folder_inside_the_repository_is_refused(tmp_path):
    with pytest.raises(RunError, match="expected a run folder outside of the repository"):
        Workspace.make(tmp_path, tmp_path / "reports/work", tmp_path / "reports/logs", {})

    assert list(tmp_path.iterdir()) == []


class Adding:
    """A session of two inputs and two outputs: their sum in float32, and the sum of all as an integer."""

    def __init__(self) -> None:
        size = {"dtype": "float32", "shape": ("N", 2)}
        self.inputs = tuple(TensorSpec.model_validate({"name": name, **size}) for name in ("a", "b"))

    def run(self, samples):
        for sample in samples:
            total = sample.arrays[0] + sample.arrays[1]
            yield Outputs(sample.id, (total, np.array([total.sum()], np.int64)))


@pytest.fixture
def folders(tmp_path):
    """Two input folders with files of one and of two samples, and a folder for results."""
    for folder, factor in (("a", 1), ("b", 10)):
        (tmp_path / folder).mkdir()
        np.array([1, 2], np.float32).__mul__(factor).tofile(tmp_path / folder / "x.y.bin")
        np.array([3, 4, 5, 6], np.float32).__mul__(factor).tofile(tmp_path / folder / "two.bin")
    (tmp_path / "results").mkdir()
    return [tmp_path / "a", tmp_path / "b"], tmp_path / "results"


def test_files_go_in_and_come_out_under_the_names_of_the_tool(folders):
    inputs, results = folders

    prepared = look(inputs, Adding().inputs)
    run_over_files(Adding(), prepared, results, "{name}_{index}.bin")

    assert prepared.ids == ("two.bin:0", "two.bin:1", "x.y.bin:0")
    assert sorted(path.name for path in results.iterdir()) == ["two_0.bin", "two_1.bin", "x.y_0.bin", "x.y_1.bin"]
    assert np.fromfile(results / "x.y_0.bin", np.float32).tolist() == [11, 22]
    assert np.fromfile(results / "two_0.bin", np.float32).tolist() == [33, 44, 55, 66]
    assert np.fromfile(results / "two_1.bin", np.int64).tolist() == [77, 121]


def test_outputs_may_be_text_or_npy_and_counted_from_one(folders):
    inputs, results = folders

    prepared = look(inputs, Adding().inputs)
    run_over_files(Adding(), prepared, results, "{name}_{number}.txt")
    run_over_files(Adding(), prepared, results, "{name}_output_{index}.npy")

    assert (results / "two_1.txt").read_text() == "33.000000 44.000000\n55.000000 66.000000\n"
    assert (results / "two_2.txt").read_text() == "77\n121\n"
    assert np.load(results / "x.y_output_1.npy").tolist() == [[33]]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda a, b: (a / "two.bin").write_bytes(b"123"), "expected a multiple of 8 bytes, float32 2 of 'a', got 3"),
        (lambda a, b: (a / "two.bin").write_bytes(b""), "got 0"),
        (lambda a, b: (b / "two.bin").unlink(), "expected the same files as in"),
        (lambda a, b: (b / "two.bin").write_bytes(b"12345678"), "expected as many samples of every input"),
        (lambda a, b: [path.unlink() for path in (*a.iterdir(), *b.iterdir())], "expected .bin or .npy files"),
        (lambda a, b: np.save(a / "c.npy", np.zeros(2)), "expected the same files as in"),
        (lambda a, b: (a / "c.npy").write_text("x") and (b / "c.npy").write_text("x"), "expected a .npy file"),
        (lambda a, b: [np.save(one / "c.npy", np.zeros(2)) for one in (a, b)], "got 16 of float64"),
    ],
)
def test_files_that_do_not_fit_the_model_are_named(folders, break_it, said):
    inputs, _ = folders
    break_it(*inputs)

    with pytest.raises(RunError) as caught:
        look(inputs, Adding().inputs)
    assert said in str(caught.value)
    assert (caught.value.kind, bool(caught.value.do)) == ("data", True)


def test_one_folder_is_asked_for_per_input(folders):
    inputs, _ = folders

    with pytest.raises(RunError, match="expected one folder for each of the inputs a, b, got 1"):
        look(inputs[:1], Adding().inputs)


def test_npy_files_are_read_as_bin_files_are(folders):
    inputs, results = folders
    for folder, factor in zip(inputs, (1, 10), strict=True):
        np.save(folder / "three.npy", np.float32([[7, 8]]) * factor)

    prepared = look(inputs, Adding().inputs)
    run_over_files(Adding(), prepared, results, "{name}_{index}.bin")

    assert prepared.ids == ("three.npy:0", "two.bin:0", "two.bin:1", "x.y.bin:0")
    assert np.fromfile(results / "three_0.bin", np.float32).tolist() == [77, 88]


@pytest.mark.parametrize(
    ("counts", "declared", "used"),
    [((4, 4, 4), 10, 10), ((4, 4, 4), 8, 12), ((4, 4, 4), 12, 12), ((4, 4, 4), 13, 12), ((1, 1), 1, 2), ((4, 4), 0, 8)],
)
def test_only_what_fills_the_last_file_of_a_batch_is_left_out(counts, declared, used):
    prepared = Prepared((), tuple("abc"[: len(counts)]), counts)

    assert prepared.without_filling(declared) == prepared.ids[:used]
