"""What is run, what was measured, and what was decided: plain data that travels to JSON and back.

Every document carries `schema = 1`; keys that this version does not know are kept when read.
"""

from harness.results.cases import SCRIPTS, Case
from harness.results.entries import Entry, ErrorKind, Failure, Outcomes, Result
from harness.results.measurements import (
    Agreement,
    Look,
    Measure,
    Measurement,
    OutputParity,
    Paired,
    Repeat,
    Samples,
    Side,
)
from harness.results.records import SCHEMA, Record
from harness.results.verdicts import Code, Judgement, Outcome, Verdict

__all__ = [
    "SCHEMA",
    "SCRIPTS",
    "Agreement",
    "Case",
    "Code",
    "Entry",
    "ErrorKind",
    "Failure",
    "Judgement",
    "Look",
    "Measure",
    "Measurement",
    "Outcome",
    "Outcomes",
    "OutputParity",
    "Paired",
    "Record",
    "Repeat",
    "Result",
    "Samples",
    "Side",
    "Verdict",
]
