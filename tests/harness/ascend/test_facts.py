"""The table of what is taken for granted: every fact is named once, leads somewhere, and is probed or says why not."""

import importlib

import pytest

from harness.ascend.facts import FACTS
from harness.selftest.probes import PROBES


def test_every_fact_is_named_once():
    ids = [fact.id for fact in FACTS]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_a_fact_is_either_probed_or_says_why_it_cannot_be(fact):
    assert (fact.id in PROBES) != bool(fact.not_probed)
    assert fact.says
    assert fact.assumed


@pytest.mark.parametrize("module", sorted({module for fact in FACTS for module in fact.relied_on_by}))
def test_the_modules_that_rely_on_a_fact_are_there(module):
    assert importlib.import_module(module).__doc__


def test_every_fact_is_relied_on_by_something_and_every_probe_is_of_a_fact():
    assert all(fact.relied_on_by for fact in FACTS)
    assert set(PROBES) <= {fact.id for fact in FACTS}
