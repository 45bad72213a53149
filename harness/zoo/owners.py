"""Who owns a path of a repository: the CODEOWNERS file of GitHub, Gitee and GitLab; the last rule that fits wins."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

PLACES = ("CODEOWNERS", ".github/CODEOWNERS", ".gitee/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
# GitHub reads no larger one.
MOST_BYTES = 3 * 2**20
MOST_PARTS = 40


@dataclass(frozen=True)
class Rule:
    """A pattern by its parts, whether it is only looked for from the root, and the owners."""

    parts: tuple[str, ...]
    anchored: bool
    folder: bool
    owners: str

    def fits(self, path: tuple[str, ...]) -> bool:
        """Tell whether the pattern is of this path, by its parts."""
        if not self.anchored:
            names = path[:-1] if self.folder else path
            return any(fnmatchcase(name, self.parts[0]) for name in names)
        return _fits(self.parts, path, whole=not self.folder and self.parts[-1] == "*")


@dataclass(frozen=True)
class Owners:
    """The rules of a repository in their order."""

    rules: tuple[Rule, ...] = ()

    def of(self, path: Path) -> str:
        """Return the owners of a path below the repository's root, or nothing."""
        parts = path.parts[:MOST_PARTS]
        return next((rule.owners for rule in reversed(self.rules) if rule.fits(parts)), "")


def read(root: Path) -> Owners:
    """Return the rules of the first CODEOWNERS file of a repository; none where there is no plain, readable one."""
    for place in PLACES:
        file = root / place
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= MOST_BYTES:
            text = file.read_bytes().decode("utf-8", "replace")
            return Owners(tuple(rule for line in text.splitlines() if (rule := _rule(line)) is not None))
    return Owners()


def _rule(line: str) -> Rule | None:
    """Return the rule of a line; none of a comment, a GitLab section, an exclusion."""
    words = line.partition(" #")[0].split()
    if not words or words[0][0] in "#[!^":
        return None
    pattern = words[0].removesuffix("**") if words[0].endswith("/**") else words[0]
    parts = tuple(part for part in pattern.split("/") if part)[:MOST_PARTS]
    anchored = "/" in pattern.rstrip("/")
    return Rule(parts, anchored, pattern.endswith("/"), " ".join(words[1:])) if parts else None


def _fits(pattern: tuple[str, ...], path: tuple[str, ...], *, whole: bool) -> bool:
    """Tell whether a pattern is the path or one of its folders; `**` stands for any folders, `whole` asks for the path.

    Row by row over the pattern, so that many `**` cost no more than one.
    """
    reached = {0}
    for part in pattern:
        if part == "**":
            reached = set(range(min(reached), len(path) + 1)) if reached else set()
        else:
            reached = {i + 1 for i in reached if i < len(path) and fnmatchcase(path[i], part)}
    return len(path) in reached if whole else bool(reached)
