"""The private copy of a repository in which its scripts run, and the run's own folders beside it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from harness.card_scripts import filled
from harness.errors import RunError

NOT_COPIED = (".git", "__pycache__")


@dataclass(frozen=True)
class Workspace:
    """Absolute folders, `values` what each placeholder stands for, and `logs`, which outlives the rest."""

    repository: Path
    inputs: Path
    results: Path
    output: Path
    logs: Path
    values: Mapping[str, str]

    @classmethod
    def make(cls, source: Path, root: Path, logs: Path, values: Mapping[str, str]) -> Self:
        """Copy the repository below `root`, an old copy and its logs going first; raises RunError (kind `infra`)."""
        root, source = root.resolve(), source.resolve()
        if root.is_relative_to(source):
            what, do = "expected a run folder outside of the repository", "choose another --report-dir"
            raise RunError(str(root), what, str(source), do, kind="infra", stage="scripts")
        try:
            shutil.rmtree(root, ignore_errors=True)
            repository = root / "repository"
            _copy(source, repository)
            folders = {name: root / name for name in ("inputs", "results", "output")}
            for folder in (*folders.values(), logs):
                folder.mkdir(parents=True, exist_ok=True)
            for log in logs.glob("*.log"):  # of a run that was cut off
                log.unlink()
        except (OSError, shutil.Error) as error:
            what, do = f"expected to copy {source}", "free some space, or choose another --report-dir"
            raise RunError(str(root), what, str(error), do, kind="infra", stage="scripts") from error
        own = {"repository": repository, **folders}
        named = {name: str(path) for name, path in own.items()}
        return cls(**own, logs=logs.resolve(), values={**values, **named})

    def fill(self, word: str) -> str:
        """Return a word with its placeholders filled in; they were checked when the card was read."""
        return filled(word, self.values)

    def path(self, declared: str) -> Path:
        """Return where a declared path is: below the copy, or below the folder that it names."""
        return self.repository / self.fill(declared)

    def naming(self, name: str, path: Path) -> Self:
        """Return the same workspace in which one more placeholder stands for a path."""
        return replace(self, values={**self.values, name: str(path)})

    def remove(self) -> None:
        """Remove everything but the logs; never raises."""
        shutil.rmtree(self.repository.parent, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder, its history left out; a link that leads within it leads within the copy, others stay as they are.

    Nothing is followed, so a link to a data set is no copy of it.
    """
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
    for link in [path for path in target.rglob("*") if path.is_symlink()]:
        original = source / link.relative_to(target)
        leads_to = original.resolve()
        if leads_to.is_relative_to(source):
            link.unlink()
            link.symlink_to(target / leads_to.relative_to(source))
        elif not link.readlink().is_absolute():
            link.unlink()
            link.symlink_to(leads_to)
