"""What functions do with values: pure functions of Python values, which the table of `functions/` names."""
