"""What others did to a record that the maker of an edit had not seen, where the edit names an earlier one of his own.

Nothing is asked where every old value is still there, as it mostly is. Else the change log says, column by column, who
set it last since the version the person had before him: an own save, or a trigger that changed what he typed there, is
no other, so nobody conflicts with himself; and what others had set before his own saves came is theirs (DESIGN 7). What
his device wrote under an earlier number is another's, and so is what a save of a higher queue number wrote: an older
image that was put back may know nothing of it (ADR 4).
"""

from __future__ import annotations

from collections.abc import Sequence

from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.fields import same
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Since, Wave
from fieldsync.server.save.conflict import overrides
from fieldsync.server.save.elsewhere.author import WRITES_READ_MAX, Write, writes_of


async def look_back(catalog: Catalog, database: Database, wave: Wave) -> None:
    """Put what others did, and the maker of an edit had not seen, into the facts of the edits that depend on it."""
    asked = {
        edit.item.id: (edit.item.seen, work.incoming.n)
        for work in wave.works
        for edit in (work.edits if work.open else ())
        if _is_in_question(catalog, wave, edit)
    }
    for record_id, writes in (await writes_of(database, asked)).items() if asked else ():
        seen, n = asked[RecordId(record_id)]
        since = others_since(writes, seen, wave.caller.number, n)
        if since is not None:
            wave.facts.since[record_id] = since


def _is_in_question(catalog: Catalog, wave: Wave, edit: Edit) -> bool:
    """Whether an edit behind a saved one of its own device meets a row that is not as its maker left it."""
    item, row = edit.item, edit.current
    predecessor = wave.facts.predecessors.get(item.after) if item.after is not None else None
    if predecessor is None or not predecessor.saved or row is None or overrides(catalog, item.object):
        return False
    if item.operation is Operation.DELETE:
        return bool(item.seen < row[STAMP])
    fields = edit.object_type.column_fields
    return item.operation is Operation.UPDATE and any(
        not same(fields[column], row[column], value)
        for column, change in item.changes.items()
        for value in (change.old, change.new)
    )


def others_since(writes: Sequence[Write], seen: int, number: DeviceNumber | None, n: int) -> Since | None:
    """What was written behind the version `seen` by others than this device's saves before its `n`th: whether at all,
    and the columns they were the last to set. None: the log does not reach back to it. `writes`: newest first. Pure."""
    written, theirs, mine = False, set[str](), set[str]()
    for write in writes:
        if write.version <= seen or write.created:
            return Since(written, frozenset(theirs))
        if number is not None and write.device == number and (write.n is None or write.n < n):
            mine |= write.old.keys()
        else:
            written = True
            theirs |= write.old.keys() - mine
    return Since(written, frozenset(theirs)) if seen == 0 and len(writes) < WRITES_READ_MAX else None
