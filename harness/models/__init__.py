"""One folder per system: its cards, its network, its training script and its small weights."""
