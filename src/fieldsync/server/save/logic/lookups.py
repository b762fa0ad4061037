"""VLOOKUP in rules: what is asked for is noted, read for all records at once, and the rules are asked again."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Text, any_, bindparam, cast, func, select

from fieldsync.formula.record import Stored
from fieldsync.formula.types import Value
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import decode_row

Asked = tuple[str, str, str]
"""Object, field to return, field to match."""


class Lookups:
    """Answers what it knows. Called as `formula.record.Lookup`."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._known: dict[tuple[Asked, str], Stored] = {}
        self._missing: dict[Asked, set[str]] = defaultdict(set)

    def __call__(self, object_name: str, returned: str, matched: str, value: Value) -> Stored:
        asked, text = (object_name, returned, matched), str(value)
        if (asked, text) not in self._known:
            self._missing[asked].add(text)
        return self._known.get((asked, text))

    async def fetch(self, database: Database) -> bool:
        """Read what was asked for and not known; whether there was anything."""
        missing, self._missing = self._missing, defaultdict(set)
        for asked, texts in missing.items():
            self._known.update(((asked, text), None) for text in texts)
            for (row,) in await database.rows(_statement(self._org, asked), values=sorted(texts)):
                found = decode_row(row)
                self._known[asked, found["matched"]] = found["returned"]
        return bool(missing)


def _statement(org: Org, asked: Asked) -> Statement:
    """The first present record of each value, by id."""
    name, returned, matched = asked
    table = org.metadata.tables[name]
    text = cast(table.c[matched], Text)
    pair = func.json_build_object("matched", text, "returned", table.c[returned])
    rows = select(cast(pair, Text)).where(text == any_(bindparam("values")), table.c.IsDeleted.is_(False))
    return compile_statement(rows.order_by(table.c.Id.desc()))
