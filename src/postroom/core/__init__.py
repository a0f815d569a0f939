"""The law, and nothing else: pure functions over facts; no clock, no I/O, no database."""
