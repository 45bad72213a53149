"""The last lines of a run: what is a regression, what the host broke, and what nobody decided."""

from harness.render.ending import lines
from harness.results import Case, Entry, Result, Verdict


def entry(batch, outcome, code, **verdict):
    case = Case(model="toy", runtime="ort-cpu", chip="cpu", batch=batch, check="parity")
    return Entry(result=Result(case=case, status="measured"), verdict=Verdict(outcome=outcome, code=code, **verdict))


def test_each_way_of_not_passing_has_a_line_and_passing_has_none():
    entries = [
        entry(1, "PASS", "met"),
        entry(2, "FAIL", "parity"),
        entry(3, "FAIL", "missed", waived_by="someone until 2027-01-01: known (link)"),
        entry(4, "NOT_RUN", "infra"),
        entry(5, "NOT_RUN", "device-drained"),
        entry(6, "INCONCLUSIVE", "budget"),
        entry(7, "INCONCLUSIVE", "not-quiet"),
        entry(8, "NOT_RUN", "missing-weights"),
    ]

    assert list(lines(entries)) == [
        "1 regression: test_parity[toy-ort-cpu-bs2]",
        "1 waived: test_parity[toy-ort-cpu-bs3]",
        "2 not measured by the host's fault: test_parity[toy-ort-cpu-bs4], test_parity[toy-ort-cpu-bs5]",
        "1 left out by the budget: test_parity[toy-ort-cpu-bs6]",
        "1 undecided: test_parity[toy-ort-cpu-bs7]",
    ]


def test_of_many_the_first_five_are_named():
    (line,) = lines(entry(batch, "FAIL", "parity") for batch in range(1, 9))

    assert line.startswith("8 regressions: test_parity[toy-ort-cpu-bs1], ")
    assert line.endswith("test_parity[toy-ort-cpu-bs5] and 3 more")
