"""The PostgreSQL back-end: a checked formula as a SQLAlchemy expression over routine functions of the database.

Errors travel inside the values, so that one record's division by zero never stops a statement: every type has one
value that stands for an error (`values.py`), routines hand it on, and nothing raises. SQLAlchemy is imported here only.
"""
