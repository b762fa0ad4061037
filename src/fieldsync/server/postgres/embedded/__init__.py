"""A PostgreSQL of our own, from a wheel: started beside the product and gone with it, also after a kill -9.

`server` is the whole life of one, `files` where things are, `cluster` how they are made and the settings, `owner` who
may run it now, `account` whom it runs as when we are root, `process` and `child` how it is started. Nothing here speaks
SQL or imports psycopg.
"""

from fieldsync.server.postgres.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
