"""The suite's plugins; nothing else lives here."""

pytest_plugins = ["fixtures.options", "fixtures.selection", "fixtures.recording", "fixtures.gate", "fixtures.closing"]
