"""Finding records online, and putting one with its lists on the person's feed.

Rights and sharing are asked as for every read: when it is found, when it is asked for, and again when the feed is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.feed import Bring, Brought, FoundOnline, FoundPage
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.model import Field
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.lists import read_children, read_list
from fieldsync.server.oversight.reader import Reader, open_to, reader_of
from fieldsync.server.postgres.listen import CHANNEL, news_for
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Frame, encode_rows
from fieldsync.server.save.changes import change_row
from fieldsync.server.save.head import lock_head
from fieldsync.server.sync.images import read_images
from fieldsync.soql.list_view import Window

SEARCH_CHARS_MIN = 2


async def find_online(org: Org, database: Database, caller: Caller, name: str, search: str) -> FoundPage:
    """Records of an object by a part of their name. Raises Refused: UNKNOWN_OBJECT, BAD_REQUEST."""
    if len(search.strip()) < SEARCH_CHARS_MIN:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"type {SEARCH_CHARS_MIN} letters or more"))
    reader = await reader_of(org, database, caller)
    open_to(org, reader, name)
    window = Window(limit=limits.ONLINE_FOUND_MAX + 1, search=search.strip())
    rows = await read_list(org, database, reader, (name, ""), window)
    found = tuple(FoundOnline(RecordId(row["Id"]), str(row.get("Name") or row["Id"])) for row in rows)
    return FoundPage(found[: limits.ONLINE_FOUND_MAX], more=len(found) > limits.ONLINE_FOUND_MAX)


async def bring(org: Org, database: Database, caller: Caller, asked: Bring) -> Brought:
    """Put the record and what hangs on it on the person's feed. Raises Refused: UNKNOWN_OBJECT, NOT_FOUND."""
    frame = await lock_head(org, database, caller)
    reader = await reader_of(org, database, caller)
    open_to(org, reader, asked.object)
    root = RecordRef(asked.object, asked.id)
    assert reader.scope is not None, "a caller has a scope"
    if not (await read_images(reader.scope, database, [root])).holds(root):
        raise Refused(problem(Code.NOT_FOUND, object=asked.object, id=asked.id))
    refs = [root, *([] if asked.alone else await _hanging(org, database, reader, root))]
    entries = [
        _entry(caller, frame, ref) | {"feed_user": caller.user_id, "feed_position": frame.position + place}
        for place, ref in enumerate(refs, 1)
    ]
    database.later(org.save.add_changes, rows=encode_rows(entries))
    database.later(org.save.move_head, user=caller.user_id, to=frame.position + len(entries))
    database.later(org.save.wake, channel=CHANNEL, payload=news_for(org.schema, caller.user_id))
    return Brought(len(refs))


def _entry(caller: Caller, frame: Frame, ref: RecordRef) -> dict[str, object]:
    return change_row(frame=frame, ref=ref, kind="fed", root=ref, transaction_id=None, device=None, old=None)


async def _hanging(org: Org, database: Database, reader: Reader, root: RecordRef) -> list[RecordRef]:
    """The newest records of every list on it. Details of a family come with their root."""
    found: list[RecordRef] = []
    for other, field in _lists(org.catalog, root.object):
        if (
            reader.scope is None
            or other.name not in reader.scope.objects
            or not reader.rights.may(other.name, Access.READ)
        ):
            continue
        window = Window(order="CreatedDate", descending=True, limit=limits.ONLINE_CHILDREN_MAX)
        rows = await read_children(org, database, reader, (other.name, field.name, root.id), window)
        found += [RecordRef(other.name, RecordId(row["Id"])) for row in rows]
    return list(dict.fromkeys(found))


def _lists(catalog: Catalog, name: str) -> Iterator[tuple[ObjectType, Field]]:
    """Objects whose records hang on one of this object, and by which field; not those of sales data."""
    for other in catalog:
        family = catalog.family_of(other.name)
        if other.declared.bulk is None and (family is None or family.root in (other.name, name)):
            yield from ((other, field) for field in other.references if field.references == name and field.children)
