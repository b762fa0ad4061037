"""Everything a database needs before it can compute a formula: one list, which the deploy step runs in order.

The routines live in a schema of their own, which any number of orgs share. Making them again changes nothing.
"""

from __future__ import annotations

import re

from fieldsync.formula.sql.routines import logic, numbers, texts, times
from fieldsync.formula.sql.routines.routine import Routine

SCHEMA = "fieldsync_formula"
"""Where the routines live unless somebody says otherwise."""
ROUTINES: tuple[Routine, ...] = (*numbers.ROUTINES, *texts.ROUTINES, *times.ROUTINES, *logic.ROUTINES)

_CASES = """DO $deploy$
DECLARE rules text := (SELECT quote_ident(collname) FROM pg_collation
  WHERE collname IN ('pg_unicode_fast', 'und-x-icu', 'pg_c_utf8', 'C.utf8')
  ORDER BY array_position(ARRAY['pg_unicode_fast', 'und-x-icu', 'pg_c_utf8', 'C.utf8'], collname::text) LIMIT 1);
BEGIN
  EXECUTE format('CREATE OR REPLACE FUNCTION {s}.small(t text) RETURNS text '
    'LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT lower(t COLLATE %s) $f$', rules);
  EXECUTE format('CREATE OR REPLACE FUNCTION {s}.capital(t text) RETURNS text '
    'LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT upper(t COLLATE %s) $f$', rules);
  EXECUTE format('CREATE OR REPLACE FUNCTION {s}.words(t text) RETURNS text '
    'LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$ SELECT initcap(t COLLATE %s) $f$', rules);
END $deploy$"""
"""Upper and lower case by Unicode's rules: the collation that knows them has other names in other PostgreSQL."""


def ddl(schema: str = SCHEMA) -> tuple[str, ...]:
    """The statements, in order. The schema's name must be a plain identifier."""
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", schema), schema
    return (
        f"CREATE SCHEMA IF NOT EXISTS {schema}",
        _CASES.replace("{s}", schema),
        *(routine.ddl(schema) for routine in ROUTINES),
    )
