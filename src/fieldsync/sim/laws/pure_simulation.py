"""L10: trying a save in simulate mode changes no state: no row of any table, and no sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Text, cast, func, literal, select, union_all

from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.sim.world import SimWorld

SEQUENCES = "SELECT sequencename::text, last_value FROM pg_sequences WHERE schemaname = current_schema()"
MOVED_BY_ASKING = frozenset({"_session", "_sign_in_attempt"})
Fingerprint = Mapping[str, object]


def fingerprint(world: SimWorld) -> Fingerprint:
    """What each table and sequence of the org holds, as a hash; without sessions and sign-ins, which asking moves."""
    tables = [t for t in world.server.org.metadata.tables.values() if t.name not in MOVED_BY_ASKING]
    row = {table.name: cast(func.row_to_json(table.table_valued()), Text) for table in tables}
    hashes = [
        select(literal(t.name), func.md5(func.coalesce(func.string_agg(row[t.name], "|"), ""))).select_from(t)
        for t in tables
    ]
    found: dict[str, object] = dict(world.server.ask(compile_statement(union_all(*hashes))))
    return found | dict(world.query(SEQUENCES))


def check(world: SimWorld, before: Fingerprint) -> Iterator[str]:
    """A sentence where something is not as it was."""
    after = fingerprint(world)
    changed = sorted(name for name in before if before[name] != after.get(name))
    if changed:
        yield f"L10: trying a save changed {', '.join(changed)}"
