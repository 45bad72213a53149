"""Accuracy: exactly the samples of the feed are scored, each once and in order."""

from types import SimpleNamespace

import pytest

from harness import cards
from harness.checks.accuracy import require_each_once
from harness.errors import RunError
from harness.stream import Feed

CARD = cards.get("resnest50-tiny")


def feed(*ids: str) -> Feed:
    return Feed(SimpleNamespace(ids=ids), ids, lambda picture: picture)


def test_the_feed_scored_in_order_is_accepted() -> None:
    require_each_once(CARD, ["a", "b", "c"], feed("a", "b", "c"))


@pytest.mark.parametrize(
    ("scored", "wanted", "got"),
    [
        (["a", "a", "b"], "b", "a"),  # the first twice, the last never
        (["a", "b"], "c", "none"),  # the tail dropped
        (["a", "c", "b"], "b", "c"),  # out of order
        (["a", "b", "c", "c"], "none", "c"),  # padding scored
    ],
)
def test_another_sample_than_the_feeds_is_named(scored: list[str], wanted: str, got: str) -> None:
    with pytest.raises(RunError, match=f"expected sample {wanted} to be scored next, got {got}") as caught:
        require_each_once(CARD, scored, feed("a", "b", "c"))

    assert caught.value.kind == "data"
