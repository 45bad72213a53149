"""A whole zoo at a glance: what its READMEs promise, and what became of it; nothing is executed, no link followed."""

from harness.zoo.survey import Sight, Survey, survey

__all__ = ["Sight", "Survey", "survey"]
