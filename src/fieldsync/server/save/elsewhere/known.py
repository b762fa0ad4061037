"""What the database knows of submitted roots: since when, by which device, and which duplicates a device has caused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import ARRAY, ClauseElement, Text, any_, bindparam, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.family.declaration import Submit
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.elsewhere.duplicate import Duplicate

_CHANGE, _DUPLICATE = system_table("_change"), system_table("_duplicate")


@dataclass(frozen=True)
class Submitted:
    """The write that submitted a root, or set another field: the version it made, and whose device made it."""

    version: int
    device: DeviceNumber | None


async def submitted_since(database: Database, submit: Submit, roots: Iterable[str]) -> dict[str, Submitted]:
    """For each root that the change log knows, the newest write that set its submit field."""
    return await last_set(database, submit.field, roots)


async def last_set(database: Database, field: str, ids: Iterable[str]) -> dict[str, Submitted]:
    """For each record that the change log knows, the newest write that set a field of it."""
    rows = await database.rows(_SINCE, field=field, ids=sorted(ids))
    return {found: Submitted(version, device) for found, version, device in rows}


async def duplicates_of(database: Database, device: RecordId, roots: Iterable[RecordRef]) -> list[Duplicate]:
    """Duplicates that a device caused, by their originals or by themselves."""
    wanted = {ref.id: ref.object for ref in roots}
    rows = await database.rows(_FIND, device=device, ids=sorted(wanted))
    return [
        Duplicate(
            RecordRef(wanted.get(original) or wanted[duplicate], original),
            duplicate,
            False,
            msgspec.json.decode(copied, type=dict[RecordId, RecordId]),
        )
        for original, duplicate, copied in rows
    ]


async def remember(database: Database, device: RecordId, duplicate: Duplicate) -> None:
    """Keep what the device's next saves on the original become."""
    await database.run(
        _REMEMBER,
        device_id=device,
        original_id=duplicate.original.id,
        duplicate_id=duplicate.id,
        copied=msgspec.json.encode(duplicate.copied).decode(),
    )


def _since() -> ClauseElement:
    """Read backwards from the newest entry of each root: what was submitted unseen was submitted lately."""
    wanted = func.unnest(cast(bindparam("ids"), ARRAY(Text))).table_valued("id").render_derived(name="w")
    sets_it = or_(_CHANGE.c.kind == "created", _CHANGE.c.old.has_key(bindparam("field", type_=Text)))
    newest = (
        select(_CHANGE.c.version, _CHANGE.c.device)
        .where(_CHANGE.c.id == wanted.c.id, sets_it)
        .order_by(_CHANGE.c.stamp.desc(), _CHANGE.c.version.desc())
        .limit(1)
        .lateral("newest")
    )
    return select(wanted.c.id, newest.c.version, newest.c.device).select_from(wanted.join(newest, true()))


def _find() -> ClauseElement:
    one = _DUPLICATE.c
    named = or_(one.original_id == any_(bindparam("ids")), one.duplicate_id == any_(bindparam("ids")))
    return select(one.original_id, one.duplicate_id, one.copied).where(one.device_id == bindparam("device"), named)


def _remember() -> ClauseElement:
    row = insert(_DUPLICATE).values({c.name: bindparam(c.name) for c in _DUPLICATE.c})
    return row.on_conflict_do_update(index_elements=["device_id", "original_id"], set_={"copied": row.excluded.copied})


_SINCE, _FIND, _REMEMBER = compile_statement(_since()), compile_statement(_find()), compile_statement(_remember())
