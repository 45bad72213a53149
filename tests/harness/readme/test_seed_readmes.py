"""The five READMEs that the shipped cards were written from: what is parsed is what the cards hold."""

from pathlib import Path

import pytest

from harness import cards
from harness.cards import ModelCard
from harness.readme import Row, parse

SEEDS = Path(__file__).parents[3] / "../shared/seeds"
FAMILIES = ("icnet", "intrada-deeplabv2", "resnest50", "resnest-seg", "spinenet")
pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the READMEs that the cards come from are not here")
MS = {"ms": 1.0, "s/batch": 1000.0}


def of_card(card: ModelCard) -> set[tuple[object, ...]]:
    """Return the card's baselines and expectations that stand on a line of the README."""
    found = {
        (
            baseline.source.line, "" if baseline.chip == "any" else baseline.chip, baseline.scope,
            baseline.batch if isinstance(baseline.batch, int) else None, baseline.metric, baseline.class_,
            baseline.value * MS.get(baseline.unit, 1.0), baseline.role,
        )
        for baseline in card.baseline if baseline.source.line
    }  # fmt: skip
    expected = {
        (one.source.line, one.chip, "chip", one.batch, "unsupported", "", None, "promise") for one in card.expect
    }
    return found | expected


def of_row(row: Row) -> tuple[object, ...]:
    metric = "unsupported" if row.kind == "unsupported" else row.metric
    batch = None if row.role == "reference" and not row.chip else row.batch
    return (row.where.line, row.chip, row.scope, batch, metric, row.cls, row.value, row.role)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_seed_parses_to_exactly_the_rows_of_its_card(name):
    card, found = cards.get(name), parse(SEEDS / f"{name}.md").rows

    assert {of_row(row) for row in found if row.kind != "ratio"} == of_card(card)
    assert len([row for row in found if row.kind != "ratio"]) == len(of_card(card))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_printed_text_and_the_column_of_a_row_are_those_that_the_card_cites(name):
    places = {(row.where.line, row.value): row.where for row in parse(SEEDS / f"{name}.md").rows}

    for baseline in cards.get(name).baseline:
        where = places.get((baseline.source.line, baseline.value))
        if where and baseline.source.column:
            assert (where.column, where.text) == (baseline.source.column, baseline.source.text)


def test_the_ratios_of_a_seed_are_those_of_its_card():
    card = cards.get("intrada-deeplabv2")
    found = [row for row in parse(SEEDS / "intrada-deeplabv2.md").rows if row.kind == "ratio"]

    stated = {(one.source.line, one.at_least or (one.tolerance or 0) * 100, one.role) for one in card.ratio}
    assert {(row.where.line, row.value, row.role) for row in found} == stated
    assert len(found) == len(card.ratio)
