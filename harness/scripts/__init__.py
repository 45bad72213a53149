"""Gating a model through its repository's own scripts: export, preprocess, the model, postprocess, the printed number.

Running them is running the repository's code with the user's rights, so it happens only on request.
"""

from harness.scripts.cases import batches, missing, needed, replaced, script_case
from harness.scripts.run import measure

__all__ = ["batches", "measure", "missing", "needed", "replaced", "script_case"]
