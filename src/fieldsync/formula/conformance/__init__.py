"""Public test suites of the formula language, run on both back-ends.

`read` turns a file of suites into cases, `run` runs them in Python, `formula.sql.conformance` in PostgreSQL. The rules
by which a suite's value counts as equal to ours stand in `compare`, each with its reason; no rule names a case.
"""
