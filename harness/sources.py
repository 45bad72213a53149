"""What a case is made from, as one digest: a night that finds another one there has a changed case."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness import environment, needs, networks, tf_checkpoints
from harness.cards import ModelCard
from harness.digests import file_sha256, text_sha256

BROUGHT = (".onnx", ".pb", ".om")
SAYS_NOTHING = {"path", "owner", "nightly"}
"""What of a card is no part of what its cases do."""


def digest(card: ModelCard, weights: str, places: needs.Places, toolchain: Mapping[str, Any]) -> str:
    """Return the sha256 of card, network code, weights, brought files and the tools' versions.

    `weights` is `card`, `seeded` or the path of a checkpoint. A file that is missing counts as such.
    """
    brought = (needs.brought_file(card, suffix) for suffix in BROUGHT)
    files = [networks.network_file(card), *brought, _weights(card, weights, places)]
    facts = {
        "card": json.loads(card.model_dump_json(exclude=SAYS_NOTHING, exclude_defaults=True)),
        "weights": weights if weights in ("card", "seeded") else "",
        "files": [_content(path) if path else "" for path in files],
        "tools": dict(toolchain) or environment.describe()["packages"],
    }
    return text_sha256(json.dumps(facts, sort_keys=True, default=str))


def weights_file(card: ModelCard, weights: str, places: needs.Places) -> Path | None:
    """Return the checkpoint's file, or None where there is none."""
    path = _weights(card, weights, places)
    return path if path and path.is_file() else None


def _weights(card: ModelCard, weights: str, places: needs.Places) -> Path | None:
    if weights != "card":
        return None if weights == "seeded" else tf_checkpoints.identity_file(Path(weights))
    if card.weights is None:
        return None
    beside = card.path.parent / card.weights.file
    path = beside if beside.is_file() or places.weights_dir is None else places.weights_dir / card.weights.file
    return tf_checkpoints.identity_file(path)


def _content(path: Path) -> str:
    if not path.is_file():
        return "none"
    found = path.stat()
    return _sha256(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, size: int, changed_ns: int) -> str:
    """Return a file's digest, read once for all cases of a process; size and time tell that it is the same file."""
    return file_sha256(path)
