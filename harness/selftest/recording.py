"""What a self-test saw: the words and files of every tool that it started, as plain data that travels to JSON."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

SCHEMA = 1


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True)


class Transcript(_Plain):
    """One invocation of a tool: `end` is its exit in words, `text` all that it printed.

    `files` are the files that it made, by path below its folder, with their bytes; of those, `texts` holds the content
    of small text files and `values` the numbers of small `.bin` files, read as float32. For a file of the host (`tool`
    is `file`) `text` is its content. `reading` is what our parsers made of it all.
    """

    name: str
    tool: str
    argv: tuple[str, ...] = ()
    end: str = ""
    text: str = ""
    files: Mapping[str, int] = {}
    texts: Mapping[str, str] = {}
    values: Mapping[str, tuple[float, ...]] = {}
    reading: Any = None

    @property
    def succeeded(self) -> bool:
        """Tell whether the tool ended with exit code 0."""
        return self.end == "exit code 0"


class Check(_Plain):
    """Something that has to work, whether it did, and what there is to say of it."""

    name: str
    ok: bool
    text: str


class Recording(_Plain):
    """All that a self-test saw of one NPU; `absent` says of each transcript that is not there why it is not.

    `notes` are observations that are no text of a tool.
    """

    schema_version: int = SCHEMA
    emulated: bool
    chip: str
    npu: str
    npu_id: int
    chip_id: int
    runtime_id: int
    cann: str = ""
    driver: str = ""
    tools: Mapping[str, bool] = {}
    transcripts: tuple[Transcript, ...] = ()
    checks: tuple[Check, ...] = ()
    notes: Mapping[str, str] = {}
    absent: Mapping[str, str] = {}

    def transcript(self, name: str) -> Transcript:
        """Return the transcript of that name; raises NotProbed with the reason why there is none."""
        for one in self.transcripts:
            if one.name == name:
                return one
        raise NotProbed(self.absent.get(name, "was not run"))

    def note(self, name: str) -> str:
        """Return a note; raises NotProbed with the reason why there is none."""
        if name not in self.notes:
            raise NotProbed(self.absent.get(name, "was not seen"))
        return self.notes[name]


class NotProbed(Exception):  # noqa: N818 - no error: a fact that this host cannot tell of
    """Nothing was seen that could tell; the message says why."""
