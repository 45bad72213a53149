"""A run as people look at it: pictures, tables and text, all of the same verdicts; nothing here runs anything."""
