"""What others did to a record since an earlier save of the same device, that an item names in `after` (DESIGN 7).

Nothing is asked where that save was the last to write the record, as it mostly was. Else the change log says, column by
column, who wrote after it: a trigger that changed what a person typed is no other, so nobody conflicts with himself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fieldsync.base.ids import DeviceNumber
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Predecessor, Since, Wave
from fieldsync.server.save.conflict import overrides
from fieldsync.server.save.elsewhere.author import Write, writes_of


async def look_back(catalog: Catalog, database: Database, wave: Wave) -> None:
    """Put what others did since its predecessor into the facts of every edit that was not the next to write."""
    asked: dict[str, Predecessor] = {}
    for edit in wave.edits:
        predecessor = _overtaken(catalog, wave, edit)
        if predecessor is not None:
            asked[edit.item.id] = predecessor
    for record_id, writes in (await writes_of(database, asked)).items() if asked else ():
        since = others_since(writes, asked[record_id].stamp, wave.caller.numbers)
        if since is not None:
            wave.facts.since[record_id] = since


def _overtaken(catalog: Catalog, wave: Wave, edit: Edit) -> Predecessor | None:
    """The saved predecessor, where the row seems to have been written since and old values are to be compared."""
    predecessor = wave.facts.predecessors.get(edit.item.after) if edit.item.after is not None else None
    compared = edit.item.operation in (Operation.UPDATE, Operation.DELETE) and not overrides(catalog, edit.item.object)
    if predecessor is None or not predecessor.saved or edit.current is None or not compared:
        return None
    return None if predecessor.stamp == edit.current[STAMP] else predecessor


def others_since(writes: Sequence[Write], stamp: int, numbers: Collection[DeviceNumber]) -> Since | None:
    """What was written after the save with this stamp by other devices than these; None: it wrote nothing, or the log
    does not reach back to it. `writes`: newest first. Pure."""
    others: list[Write] = []
    for write in writes:
        if write.stamp == stamp:
            return Since(bool(others), frozenset(column for other in others for column in other.old))
        if write.device not in numbers:
            others.append(write)
    return None
