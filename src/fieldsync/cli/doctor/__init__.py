"""`fieldsync doctor`: what is wrong with an org. `checks.py` is the table; `command.py` runs it."""
