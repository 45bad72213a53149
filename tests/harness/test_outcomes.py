"""The truth table of the gates and the exit codes, as the design fixes them."""

import pytest

from harness.outcomes import Ended, ExitCode, exit_code, is_finished, outcome_of
from harness.results import Verdict

TABLE = [
    # outcome, code, waived, nightly card -> default, strict
    ("PASS", "met", False, True, "passed", "passed"),
    ("PASS", "expected", False, True, "passed", "passed"),
    ("FAIL", "missed", False, True, "failed", "failed"),
    ("FAIL", "nan", False, True, "failed", "failed"),
    ("FAIL", "parity", False, False, "failed", "failed"),
    ("FAIL", "now-fits", False, True, "failed", "failed"),
    ("FAIL", "wrong-error", False, True, "failed", "failed"),
    ("FAIL", "waiver-expired", False, True, "failed", "failed"),
    ("FAIL", "missed", True, True, "xfailed", "xfailed"),
    ("INCONCLUSIVE", "margin", False, False, "skipped", "failed"),
    ("INCONCLUSIVE", "not-quiet", False, True, "skipped", "failed"),
    ("INCONCLUSIVE", "budget", False, True, "skipped", "failed"),
    ("NO_BASELINE", "no-promise", False, False, "skipped", "failed"),
    ("NOT_RUN", "missing-weights", False, True, "skipped", "failed"),
    ("NOT_RUN", "missing-weights", False, False, "skipped", "skipped"),
    ("NOT_RUN", "missing-data", False, True, "skipped", "failed"),
    ("NOT_RUN", "missing-tool", False, False, "skipped", "skipped"),
    ("NOT_RUN", "missing-memory", False, True, "skipped", "failed"),
    ("NOT_RUN", "ratio-side-missing", False, True, "skipped", "failed"),
    ("NOT_RUN", "infra", False, False, "failed", "failed"),
    ("NOT_RUN", "device-drained", False, True, "failed", "failed"),
    ("NO_BASELINE", "seeded", False, True, "passed", "passed"),
    ("NO_BASELINE", "emulated", False, False, "passed", "passed"),
]


@pytest.mark.parametrize(("outcome", "code", "waived", "nightly", "default", "strict"), TABLE)
def test_a_verdict_ends_as_the_truth_table_says(
    outcome: str, code: str, waived: bool, nightly: bool, default: str, strict: str
) -> None:
    verdict = Verdict.model_validate({"outcome": outcome, "code": code, "waived_by": "ana" if waived else ""})

    assert outcome_of(verdict, strict=False, nightly=nightly) == default
    assert outcome_of(verdict, strict=True, nightly=nightly) == strict


GREEN = Ended("passed", is_gate=True, verdict="PASS", code="met")
RED = Ended("failed", is_gate=True, verdict="FAIL", code="missed")
WAIVED = Ended("xfailed", is_gate=True, verdict="FAIL", code="missed")
SKIPPED = Ended("skipped", is_gate=True, verdict="NOT_RUN", code="missing-weights")
UNDECIDED = Ended("skipped", is_gate=True, verdict="INCONCLUSIVE", code="margin")
SEEDED = Ended("passed", is_gate=True, verdict="NO_BASELINE", code="seeded")
INFRA = Ended("failed", is_gate=True, verdict="NOT_RUN", code="infra")
UNIT_TEST = Ended("passed", is_gate=False)
BROKEN_TEST = Ended("failed", is_gate=False)


@pytest.mark.parametrize(
    ("ended", "max_skips", "code"),
    [
        ([GREEN], None, ExitCode.GREEN),
        ([GREEN, WAIVED], None, ExitCode.GREEN),
        ([WAIVED], None, ExitCode.GREEN),
        ([UNIT_TEST], None, ExitCode.GREEN),
        ([GREEN, RED], None, ExitCode.RED),
        ([GREEN, BROKEN_TEST], None, ExitCode.RED),
        ([GREEN, RED, INFRA], None, ExitCode.RED),
        ([GREEN, INFRA], None, ExitCode.INFRA_ONLY),
        ([INFRA], None, ExitCode.INFRA_ONLY),
        ([SKIPPED], None, ExitCode.NOTHING_JUDGED),
        ([SKIPPED, UNIT_TEST], None, ExitCode.NOTHING_JUDGED),
        ([UNDECIDED], None, ExitCode.NOTHING_JUDGED),
        ([SEEDED], None, ExitCode.NOTHING_JUDGED),
        ([GREEN, SEEDED], None, ExitCode.GREEN),
        ([GREEN, SKIPPED], 1, ExitCode.GREEN),
        ([GREEN, SKIPPED, SKIPPED], 1, ExitCode.RED),
        ([GREEN, SEEDED], 0, ExitCode.GREEN),
    ],
)
def test_the_exit_code_follows_from_how_the_items_ended(
    ended: list[Ended], max_skips: int | None, code: ExitCode
) -> None:
    assert exit_code(ended, max_skips) == code


@pytest.mark.parametrize(
    ("outcome", "code", "finished"),
    [
        ("PASS", "met", True),
        ("FAIL", "missed", True),
        ("INCONCLUSIVE", "not-quiet", True),
        ("INCONCLUSIVE", "budget", True),
        ("NO_BASELINE", "no-promise", True),
        ("NOT_RUN", "infra", False),
        ("NOT_RUN", "device-drained", False),
        ("NOT_RUN", "missing-memory", False),
        ("INCONCLUSIVE", "ratio-side-missing", False),
    ],
)
def test_what_is_taken_up_again_is_what_never_ran_or_waited_for_that(outcome, code, finished):
    assert is_finished(Verdict(outcome=outcome, code=code)) is finished
