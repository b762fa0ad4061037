"""The encrypted SQLite file of one user and org: the only room that imports apsw.

What is written, and when, is decided elsewhere and run through `Store.write`; what the tables mean to a person is not
known here. Files on disk hold nothing in the clear: database, WAL and staging file are encrypted with one key.
"""
