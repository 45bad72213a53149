"""The house: who imports whom, as CONTRIBUTING.md's table says, and what no line of the library does."""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "harness"
FIXTURES = ROOT / "fixtures"
HEAVY = {
    *("matplotlib", "onnx", "onnxruntime", "onnxslim", "otava", "plotly", "psycopg", "ray", "scipy", "sqlalchemy"),
    *("tensorflow", "torch"),
}
UNPICKLERS = ("dill", "joblib", "marshal", "pickle")
MEANINGLESS = {"utils", "util", "common", "helpers", "helper", "base", "misc", "core"}


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def named(path: Path) -> str:
    """Return the dotted name of a module below the root: `harness.gates`, `harness.gates.speed`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {named(path): path for path in (*sources(HARNESS), *sources(FIXTURES))}


def imported(name: str, source: str, *, lazy: bool = True) -> set[str]:
    """Return the absolute names that a module imports; `from package import module` names the module.

    Without `lazy` only what runs when the module is imported: not in functions, not for type checkers.
    """
    tree = ast.parse(source)
    later = set() if lazy else {id(node) for late in ast.walk(tree) if _runs_later(late) for node in ast.walk(late)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in later:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(name, node)
            found.update(
                f"{origin}.{alias.name}" if f"{origin}.{alias.name}" in MODULES else origin for alias in node.names
            )
    return found


def _runs_later(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return True
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _origin(name: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def layers() -> tuple[dict[str, str], dict[str, set[str]]]:
    """Read CONTRIBUTING's table: the layer of each part of harness/, and the layers that each layer may import."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    layer_of, allowed = {}, {}
    for layer, parts, may in re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \|$", text, re.MULTILINE):
        allowed[layer] = set(may.split(", "))
        layer_of.update(dict.fromkeys(re.findall(r"`(\w+)`", parts), layer))
    return layer_of, allowed


def part(name: str) -> str:
    """Return the part of harness/ that a module belongs to: its first word below it."""
    return name.split(".")[1] if "." in name else ""


def test_every_module_of_the_library_has_a_layer_in_the_table():
    layer_of, allowed = layers()
    parts = {part(name) for name in MODULES if name.startswith("harness.")}

    assert parts == set(layer_of)
    assert set(layer_of.values()) == set(allowed)
    assert set().union(*allowed.values()) <= set(allowed)


def test_the_table_lets_no_two_layers_import_each_other():
    _, allowed = layers()

    order = graphlib.TopologicalSorter({layer: may - {layer} for layer, may in allowed.items()})
    assert next(iter(order.static_order())) == "facts"  # raises CycleError where two layers may import each other


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.startswith("harness.")))
def test_a_module_imports_only_from_the_layers_that_the_table_allows(name):
    layer_of, allowed = layers()

    wrong = [
        other
        for other in imported(name, MODULES[name].read_text(encoding="utf-8"))
        if other.startswith("harness.")
        and part(other) != part(name)
        and layer_of[part(other)] not in allowed[layer_of[part(name)]]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        name: {other for other in imported(name, path.read_text(encoding="utf-8"), lazy=False) if other in MODULES}
        for name, path in MODULES.items()
    }
    # A package's own modules and the package itself are one thing to Python's import.
    graph = {
        name: {other for other in others if not f"{name}.".startswith(f"{other}.")} for name, others in graph.items()
    }

    assert set(graphlib.TopologicalSorter(graph).static_order()) >= set(MODULES)


def test_the_library_knows_neither_pytest_nor_the_suite():
    outsiders = {"pytest", "_pytest", "pluggy", "fixtures", "tests"}
    found = {name: imported(name, path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

    knowing = {name for name, others in found.items() if {other.split(".")[0] for other in others} & outsiders}
    assert {name for name in knowing if name.startswith("harness")} == set()
    assert {"fixtures.gate", "fixtures.options"} <= knowing  # and the walk sees such imports


def test_the_plugins_import_each_other_by_relative_names_only():
    # Inside the wheel their package has another name.
    absolute = [
        name for name, path in MODULES.items() if re.search(r"(from|import) fixtures\b", path.read_text("utf-8"))
    ]

    assert absolute == []


def test_nothing_imports_a_network_or_a_training_script_by_name():
    found = {
        (name, other)
        for name, path in MODULES.items()
        for other in imported(name, path.read_text(encoding="utf-8"))
        if other.startswith("harness.models")
    }

    assert found == set()


def heavy_at_import(name: str, source: str) -> set[str]:
    return {other.split(".")[0] for other in imported(name, source, lazy=False)} & HEAVY


@pytest.mark.parametrize("source", ["import torch", "from onnx import helper", "if True:\n    import scipy.special"])
def test_a_heavy_import_is_seen_wherever_it_runs_at_import(source):
    assert heavy_at_import("harness.cards", source)


def test_heavy_libraries_are_imported_inside_functions_only():
    guilty = {name for name, path in MODULES.items() if heavy_at_import(name, path.read_text(encoding="utf-8"))}

    scripts = {name for name in MODULES if re.fullmatch(r"harness\.models\.\w+\.(network|train)", name)}
    assert guilty <= scripts  # these are run by path, when their model is built or trained
    assert guilty  # and they do import torch, so the rule can see


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {module.split(".")[0] for module in done.stdout.split()}


def test_loading_the_cards_loads_no_numpy():
    loaded = loaded_by("import harness.cards; harness.cards.load_all()")

    assert "pydantic" in loaded
    assert loaded & {"numpy", *HEAVY} == set()


def test_importing_the_whole_library_loads_nothing_heavy():
    modules = [name for name in MODULES if name.startswith("harness") and not name.startswith("harness.models.")]

    loaded = loaded_by(f"import {', '.join(sorted(modules))}")
    assert "numpy" in loaded
    assert loaded & HEAVY == set()


def test_no_module_has_a_name_that_says_nothing():
    words = {word for name in MODULES for word in name.split(".")}

    assert words & MEANINGLESS == set()


def broken_rules(source: str) -> set[str]:
    """Return which of the rules about lines of code a source breaks."""
    return {rule for node in ast.walk(ast.parse(source)) for rule in _broken_by(node)}


def _broken_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Assert):
        yield "assert"
    if isinstance(node, ast.ExceptHandler) and _is_too_broad(node):
        yield "broad except"
    if isinstance(node, ast.Call):
        yield from _broken_by_call(ast.unparse(node.func), {one.arg: ast.unparse(one.value) for one in node.keywords})
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLERS:
        yield "pickle"


def _is_too_broad(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler takes what it cannot answer; BaseException may be caught to be passed on."""
    caught = set(re.findall(r"\w+", ast.unparse(handler.type))) if handler.type else {"BaseException"}
    body = [inner for statement in handler.body for inner in ast.walk(statement)]
    raised = any(isinstance(inner, ast.Raise) for inner in body)
    handed_on = any(isinstance(inner, ast.Name) and inner.id == handler.name for inner in body)
    return "Exception" in caught or ("BaseException" in caught and not (raised or handed_on))


def _broken_by_call(function: str, keywords: dict[str | None, str]) -> Iterator[str]:
    if keywords.get("shell", "False") != "False" or function in ("os.system", "os.popen"):
        yield "shell"
    if function in ("eval", "exec", "compile", "__import__"):
        yield "eval"
    if re.match(rf"({'|'.join(UNPICKLERS)})\.(load|loads|dump|dumps|Unpickler|Pickler)$", function):
        yield "pickle"
    if function == "torch.load" and keywords.get("weights_only") != "True":
        yield "pickle"
    if keywords.get("allow_pickle", "False") != "False":
        yield "pickle"


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("assert cards", "assert"),
        ("try: run()\nexcept: pass", "broad except"),
        ("try: run()\nexcept (OSError, Exception): pass", "broad except"),
        ("try: run()\nexcept Exception as error: raise CardError('x', 'y') from error", "broad except"),
        ("try: run()\nexcept BaseException: close()", "broad except"),
        ("subprocess.run(command, shell=True)", "shell"),
        ("subprocess.run(command, shell=wanted)", "shell"),
        ("os.system('atc')", "shell"),
        ("eval(text)", "eval"),
        ("pickle.load(stream)", "pickle"),
        ("from pickle import load", "pickle"),
        ("torch.load(path)", "pickle"),
        ("numpy.load(path, allow_pickle=True)", "pickle"),
    ],
)
def test_a_forbidden_line_is_seen(source, rule):
    assert broken_rules(source) == {rule}


@pytest.mark.parametrize(
    "source",
    [
        "try: run()\nexcept BaseException: close(); raise",
        "try: run()\nexcept BaseException as error: put(error)",
        "try: run()\nexcept OSError: pass",
        "subprocess.run(['atc'], shell=False)",
        "torch.load(path, weights_only=True)",
        "network.eval()",
        "numpy.load(path, allow_pickle=False)",
    ],
)
def test_an_allowed_line_is_not_taken_for_a_forbidden_one(source):
    assert broken_rules(source) == set()


def test_no_line_asserts_swallows_evaluates_unpickles_or_calls_a_shell():
    broken = {name: broken_rules(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

    assert {name: rules for name, rules in broken.items() if rules} == {}
