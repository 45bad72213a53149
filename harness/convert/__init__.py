"""Stage 1: from a framework's network to the files that runtimes open."""
