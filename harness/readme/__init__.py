"""What a README promises, as typed rows: `parse` reads a file or its bytes."""

from harness.readme.results import Parser, parse
from harness.readme.rows import Notice, Parsed, Row, Where

__all__ = ["Notice", "Parsed", "Parser", "Row", "Where", "parse"]
