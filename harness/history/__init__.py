"""What was measured over months: an append-only database, and what can be learned from its series of numbers."""
