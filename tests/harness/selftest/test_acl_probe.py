"""The probe of aclruntime runs under interpreters that are older than omgate's."""

import ast
from pathlib import Path

from harness.selftest import acl_probe


def test_the_probe_parses_as_python_3_7_and_imports_nothing_of_omgate():
    tree = ast.parse(Path(acl_probe.__file__).read_text(encoding="utf-8"), feature_version=(3, 7))

    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    stdlib = {"__future__", "collections.abc", "json", "pathlib", "sys", "typing"}
    assert imported == {*stdlib, "numpy", "aclruntime"}
