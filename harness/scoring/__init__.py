"""Judging outputs that a tool made on another host: from a folder and a summary to the verdicts of a gate."""
