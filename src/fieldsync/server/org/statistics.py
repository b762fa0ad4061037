"""What the planner knows of the tables, renewed by whoever fills them, so that no reader waits for autovacuum.

A table that was filled a moment ago and never analyzed is taken for a small one: a database refresh would sort it on
disk instead of reading it in order of ids.
"""

from __future__ import annotations

from sqlalchemy import text

from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.names import quoted

ROWS_FROM, PART_FROM = 1_000, 0.1
"""Fewer rows than this, or a smaller part of the table, written by one transaction, change no plan."""
_WRITTEN = text(
    "SELECT written.relname FROM pg_stat_xact_user_tables written JOIN pg_class known ON known.oid = written.relid"
    " WHERE written.schemaname = current_schema()"
    " AND n_tup_ins + n_tup_upd + n_tup_del >= greatest(:rows, :part * known.reltuples) ORDER BY written.relname"
)


def refresh_statistics(connection: AdminConnection) -> None:
    """Analyze the tables of this org into which this transaction has written many rows."""
    for name in connection.execute(_WRITTEN, {"rows": ROWS_FROM, "part": PART_FROM}).scalars().all():
        connection.execute(text(f"ANALYZE {quoted(name)}"))
