"""The typed row of a README: one printed number, what it stands for, and where it stands."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["accuracy", "throughput", "latency", "ratio", "unsupported"]
Role = Literal["promise", "reference"]


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Where(_Fact):
    """The place of a number: line (from 1), the column's header where it stands in a table, the printed text."""

    line: int = Field(ge=1)
    column: str = ""
    text: str


class Row(_Fact):
    """One printed number.

    `chip` is canonical and `printed_chip` as printed; a chip without a printed one comes from the README's ATC command.
    `value` is None where the README says that it does not run; a latency is in ms. `unit` is `%`, `fraction`,
    `images/s` (also `samples/s`, `tasks/s`), `ms`, `x` of a ratio, or nothing. A ratio has both chips in `chip`.
    `cls` is the class of a value per class; `condition` tells rows apart (sequence length, resolution, variant).
    """

    kind: Kind
    metric: str = Field(min_length=1)
    value: float | None
    unit: str = ""
    role: Role = "promise"
    chip: str = ""
    printed_chip: str = ""
    scope: Literal["chip", "card"] = "chip"
    batch: int | None = Field(default=None, gt=0)
    model: str = ""
    dataset: str = ""
    cls: str = ""
    protocol: str = ""
    definition: str = ""
    condition: str = ""
    certain: bool = True
    reason: str = ""
    where: Where

    @property
    def identity(self) -> tuple[object, ...]:
        """Everything but the number and its place: two rows with the same identity contradict each other."""
        return self.identity_under(self.condition)

    def identity_under(self, condition: str) -> tuple[object, ...]:
        """Return the identity that the row would have with another condition."""
        what = (self.kind, self.metric, self.cls, self.role, self.protocol, self.definition, condition)
        return (*what, self.chip, self.scope, self.batch, self.model, self.dataset)

    def changed(self, **values: object) -> "Row":
        """Return the row with other values of some fields; raises pydantic's ValidationError where one is wrong."""
        return Row.model_validate({**self.__dict__, **values})


class Notice(_Fact):
    """Something that a reader should look at: an unknown header, an ambiguous figure, no results at all."""

    line: int = Field(ge=0)
    text: str


class Parsed(_Fact):
    """What a README promises: the rows in the order of its lines, and notices."""

    rows: tuple[Row, ...] = ()
    notices: tuple[Notice, ...] = ()
