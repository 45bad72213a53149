"""The plan on toy cards: what is shown for which filters, and that nothing runs."""

from typing import Any

PLANNING = ("-p", "fixtures.planning")


def test_a_plan_runs_nothing_and_writes_nothing(suite: Any) -> None:
    suite.card()

    result = suite.run(*PLANNING)

    assert result.ret == 0
    assert not (suite.pytester.path / "reports").exists()


def test_a_plan_lists_cases_with_their_needs_and_the_unpromised_by_batch(suite: Any) -> None:
    suite.card(more=suite.throughput(1.0))

    result = suite.run(*PLANNING, "--model", "toy")

    result.stdout.fnmatch_lines(
        [
            "5 cases",
            "  accuracy           toy-ort-cpu-bs1  weights toy.safetensors; imagenet data, made here; torch",
            "  throughput         toy-ort-cpu-bs1  weights toy.safetensors; torch; the device alone",
            "3 cases that no card promises",
            "  latency            toy on ort-cpu at batch 1, 4",
            "  throughput         toy on ort-cpu at batch 4",
        ]
    )


def test_what_is_lacking_is_told_once_with_its_remedy_and_the_cases_it_holds_up(suite: Any) -> None:
    suite.card("absent", weights=False)

    result = suite.run(*PLANNING, "-k", "absent")

    result.stdout.fnmatch_lines(
        [
            "0 cases",
            "1 card or runtime cannot run here",
            "  absent: weights toy.safetensors, got nothing",
            "      put it into a folder and pass --weights-dir, or run with --weights seeded",
            "      without it, 4 cases cannot run:",
            "        parity             absent on ort-cpu at batch 1, 4",
        ]
    )


def test_markers_and_names_select_among_cases_lacks_and_unpromised_alike(suite: Any) -> None:
    suite.card()
    suite.card("other")
    suite.card("absent", weights=False)

    text = suite.run(*PLANNING, "-m", "latency", "-k", "toy").stdout.str()

    assert "0 cases\n" in text
    assert "0 cards or runtimes" in text
    assert "2 cases that no card promises" in text
    assert "other" not in text
    assert "absent" not in text


def test_workers_change_nothing_of_a_plan(suite: Any) -> None:
    suite.card()

    alone, together = suite.run_apart(*PLANNING, "-k", "toy"), suite.run_apart(*PLANNING, "-k", "toy", "-n", "2")

    assert together.ret == 0
    assert together.stdout.lines == alone.stdout.lines
    assert "4 cases" in alone.stdout.lines
