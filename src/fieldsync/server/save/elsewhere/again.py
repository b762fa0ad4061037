"""Records that a device makes once more, because an older image of it was put back (ADR 4).

What was refused under an earlier number of the device, and is sent again under a newer one, keeps its id. Where the
history that went on sent it again too, the record is there: what is said of it now is an edit by somebody who saw none
of its values, and is compared as one. Under the same number an id that is there is another record, and a fork.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from fieldsync.base.ids import device_of
from fieldsync.protocol.upload import Operation
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel, Edit, Wave, Work, decode_row


class ForkedAt(Exception):
    """A create of a record that exists already under another transaction: the device's history is not ours."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.n = n


async def as_edits(org: Org, database: Database, caller: Caller, works: Iterable[Work]) -> None:
    """Read creates of what this device made under an earlier number, and what is there, as edits of it."""
    made: dict[str, list[Edit]] = defaultdict(list)
    for work in works:
        for edit in work.edits if work.open else ():
            if _is_own_create(caller, edit) and device_of(edit.item.id) != caller.number:
                made[edit.item.object].append(edit)
    for name, edits in made.items():
        rows = await database.rows(org.save.read(name), ids=sorted(edit.item.id for edit in edits))
        there = {decode_row(text)["Id"] for (text,) in rows}
        for edit in edits:
            if edit.item.id in there:
                edit.item = msgspec.structs.replace(edit.item, operation=Operation.UPDATE)


def part_histories(wave: Wave) -> None:
    """Raises ForkedAt for the first create of an id of this device's that is there: before anything else is found wrong
    with it, as what is refused would count as sent."""
    for work in wave.works:
        for edit in work.edits if work.open else ():
            if edit.current is not None and _is_own_create(wave.caller, edit):
                raise ForkedAt(work.incoming.n)


def _is_own_create(caller: Caller, edit: Edit) -> bool:
    creates = caller.channel is Channel.DEVICE and edit.item.operation is Operation.CREATE
    return creates and device_of(edit.item.id) in caller.numbers
