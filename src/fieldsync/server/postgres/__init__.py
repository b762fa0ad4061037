"""Connections, transactions and the cluster itself: the only package that imports psycopg.

A query is built in the room whose idea it serves and run through this package; no rule of synchronisation is decided
here.
"""
