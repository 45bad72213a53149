"""The same verdicts as text for people."""
