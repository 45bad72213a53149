"""Marks in the leases folder: facts about one NPU, for every process of the host, until the host restarts."""

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness import devices
from harness.npus.listing import Npu

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the id of this start of the host, empty where the kernel tells none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def leave(npu: Npu, kind: str, facts: Mapping[str, Any], root: Path | None = None) -> None:
    """Leave a mark on an NPU; raises RunError of kind `infra` where the leases folder cannot be used."""
    folder = _folder(root)
    devices.make_shared(folder)
    final = folder / f"{devices.file_name(npu.key)}.{uuid.uuid4().hex[:8]}.{kind}"
    temporary = final.with_name(f".{final.name}.tmp")
    temporary.write_text(json.dumps({**facts, "boot": boot_id()}), encoding="utf-8")
    temporary.chmod(0o666)  # another user, who may not remove the mark, may empty it
    temporary.replace(final)


def found(npu: Npu, kind: str, root: Path | None = None) -> dict[str, Any] | None:
    """Return the facts of a mark of this start of the host, or None; an older or an unreadable mark is none."""
    for path in _files(npu, kind, root):
        with suppress(OSError, ValueError):  # being removed, emptied by its taker-away, or nobody's JSON
            facts = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(facts, dict) and facts.get("boot") == boot_id():
                return facts
    return None


def take_away(npu: Npu, kind: str, root: Path | None = None) -> None:
    """Remove every mark of a kind from an NPU; those of other users, which nobody else may remove, are emptied."""
    for path in _files(npu, kind, root):
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            with suppress(OSError):
                os.close(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW))


def _files(npu: Npu, kind: str, root: Path | None) -> list[Path]:
    return sorted(_folder(root).glob(f"{devices.file_name(npu.key)}.*.{kind}"))


def _folder(root: Path | None) -> Path:
    return devices.LEASES if root is None else root
