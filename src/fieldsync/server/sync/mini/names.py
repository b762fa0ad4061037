"""What records are called that a device does not hold: only of what the person may read, and only the name."""

from __future__ import annotations

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.feed import Named, Unnamed
from fieldsync.protocol.rows import RecordRef
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import reader_of
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.sync.images import read_images


async def names_of(org: Org, database: Database, caller: Caller, asked: Unnamed) -> Named:
    """The names of these records. Raises Refused(TOO_LARGE)."""
    if sum(map(len, asked.ids.values())) > limits.NAMES_ASKED_MAX:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{limits.NAMES_ASKED_MAX} names a request"))
    reader = await reader_of(org, database, caller)
    assert reader.scope is not None, "a caller has a scope"
    known = [RecordRef(name, one) for name, ids in asked.ids.items() if name in org.catalog for one in ids]
    found = {}
    for block in (await read_images(reader.scope, database, known)).blocks(reader.scope):
        if {"Id", "Name"} <= set(block.columns):
            own, name = block.columns.index("Id"), block.columns.index("Name")
            found.update({row[own]: row[name] for row in msgspec.json.decode(block.rows) if row[name]})
    return Named(found)
