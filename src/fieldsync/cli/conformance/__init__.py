"""`fieldsync conformance`: public suites of formulas and queries, run on every back-end."""

from fieldsync.cli.conformance.commands import app

__all__ = ["app"]
