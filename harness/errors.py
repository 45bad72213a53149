"""The errors omgate raises: each says where, what, what it got, and what to do."""


class OmgateError(Exception):
    """An error in four parts, printed as one line.

    `where` is a file and field, a command or an option; `what` is what was expected; `got` is what was found
    (omitted when there is nothing to show); `do` is the next step for the person reading.
    """

    def __init__(self, where: str, what: str, got: str = "", do: str = "") -> None:
        self.where, self.what, self.got, self.do = where, what, got, do
        super().__init__(str(self))

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}"
        if self.got:
            line += f", got {self.got}"
        return f"{line}; {self.do}" if self.do else line

    def __reduce__(self) -> tuple[type["OmgateError"], tuple[str, str, str, str]]:
        return type(self), (self.where, self.what, self.got, self.do)


class CardError(OmgateError):
    """A card that breaks the schema or contradicts itself."""


class UsageError(OmgateError):
    """Something the user asked for that cannot be: reported before any work starts, exit code 4."""


class DataError(OmgateError):
    """A data set whose files are missing, damaged, or not what the card declares."""


class WeightsError(OmgateError):
    """A checkpoint that is missing keys, has others, or is not of an accepted kind."""


class StoreError(OmgateError):
    """A store entry that cannot be written or trusted."""


class MissingNeedError(OmgateError):
    """Something a case needs and this machine lacks; `need` is `weights`, `data`, `tool`, `memory`, `device`."""

    def __init__(self, where: str, what: str, got: str = "", do: str = "", need: str = "tool") -> None:
        super().__init__(where, what, got, do)
        self.need = need

    def __reduce__(self) -> tuple[type["OmgateError"], tuple[str, ...]]:  # type: ignore[override]
        return type(self), (self.where, self.what, self.got, self.do, self.need)


class RunError(OmgateError):
    """A case that broke while it ran.

    `kind` is one of `oom unsupported compile-error corrupt-artifact tool-failed timeout device-lost data nan infra`
    (only the first three can be expected by a card); `stage` is the step that broke; `log` is where the whole log is;
    `code` is the tool's own code for it (`E10016`, `507033`), where it gave one.
    """

    def __init__(self, where: str, what: str, got: str = "", do: str = "", **details: str) -> None:
        super().__init__(where, what, got, do)
        self.kind = details.get("kind", "tool-failed")
        self.stage = details.get("stage", "")
        self.log = details.get("log", "")
        self.code = details.get("code", "")

    def __reduce__(self) -> tuple[object, ...]:  # type: ignore[override]
        details = {"kind": self.kind, "stage": self.stage, "log": self.log, "code": self.code}
        return _rebuild_run_error, (self.where, self.what, self.got, self.do, details)


def _rebuild_run_error(where: str, what: str, got: str, do: str, details: dict[str, str]) -> RunError:
    return RunError(where, what, got, do, **details)


def closest(word: str, choices: "list[str] | tuple[str, ...]") -> str:
    """Return ` did you mean 'x'?` for the nearest of `choices`, or an empty string when nothing is near."""
    import difflib

    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else ""
