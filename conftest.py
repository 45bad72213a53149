"""The suite's plugins; nothing else lives here."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.selection",
    "fixtures.resuming",
    "fixtures.scheduling",
    "fixtures.recording",
    "fixtures.history",
    "fixtures.gate",
    "fixtures.closing",
]
