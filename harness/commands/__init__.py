"""One module per command of `omgate`, imported only when asked for; each has `run(arguments)`, the exit code."""
