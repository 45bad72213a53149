"""What the Ascend tools print and write, read as data: one module per tool, pure functions of text."""
