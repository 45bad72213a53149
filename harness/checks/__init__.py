"""What a case measures: one file per check, each a function from a case and a workbench to the facts of a result."""
