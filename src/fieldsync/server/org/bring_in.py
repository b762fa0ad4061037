"""Records brought in from files: through the save pipeline like any other write, all of them or none.

The caller has given each record its id and resolved what refers to what. They are saved as the org's admin, one
transaction a record; nothing of it goes on a feed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, mint, uuid7
from fieldsync.base.problems import Problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.upload import Change, Item, Operation, Rejected, encode_items, hash_of
from fieldsync.schema.fields import FieldValue
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work, transaction
from fieldsync.server.save.batch import Caller, Channel, Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save

Told = Callable[[int], None]
"""Hears how many records are saved, every batch."""


@dataclass(frozen=True)
class Arriving:
    """One record to be: `values` name columns, references are ids; `source` says where it stands, for a report.

    `before` is for a record that is there: what those columns hold now."""

    object_name: str
    id: RecordId
    values: Mapping[str, FieldValue]
    source: str
    before: Mapping[str, FieldValue] | None = None


@dataclass(frozen=True)
class NotTaken:
    """A record that was refused, and why."""

    source: str
    problems: tuple[Problem, ...]


class _TakenBack(Exception):
    """Ends the transaction when something was refused."""


async def draw_ids(org: Org, objects: Sequence[str]) -> list[RecordId]:
    """An id for each record to be, by its object."""
    async with transaction(org.pool) as database:
        epoch = org.metadata.tables["_epoch"]
        newest = select(epoch.c.server_number).order_by(epoch.c.number.desc()).limit(1)
        row = await database.one(compile_statement(newest))
        assert row is not None, "an org is created with its first epoch"
        counters = await database.rows(org.save.server_ids, count=len(objects))
    return [mint(org.catalog[name].prefix, row[0], counter) for name, (counter,) in zip(objects, counters, strict=True)]


async def bring_in(org: Org, arriving: Sequence[Arriving], told: Told) -> list[NotTaken]:
    """Save every record, in order. If one is refused none is kept, and every refusal of its batch comes back."""
    refused: list[NotTaken] = []
    try:
        async with transaction(org.pool) as database:
            caller = await admin_of(org, database)
            frame = await lock_head(org, database, caller)
            done = 0
            for batch in _batches(org, arriving):
                incoming = tuple(_transaction(org, one, done + i) for i, one in enumerate(batch, 1))
                results = (await save(org, database, caller, frame, incoming)).results
                refused = _refusals(batch, {result.id: result.outcome for result in results}, incoming)
                if refused:
                    raise _TakenBack
                done += len(batch)
                told(done)
    except _TakenBack:
        pass
    return refused


def _batches(org: Org, arriving: Sequence[Arriving]) -> Iterator[list[Arriving]]:
    """Records that do not refer to each other, at most as many as the pipeline takes."""
    batch: list[Arriving] = []
    ids: set[object] = set()
    for one in arriving:
        references = {one.values.get(field.name) for field in org.catalog[one.object_name].references}
        if len(batch) == limits.UPLOAD_BATCH_RECORDS_MAX or references & ids:
            yield batch
            batch, ids = [], set()
        batch.append(one)
        ids.add(one.id)
    if batch:
        yield batch


def _transaction(org: Org, one: Arriving, n: int) -> Incoming:
    operation = Operation.CREATE if one.before is None else Operation.UPDATE
    changes = {column: Change((one.before or {}).get(column), value) for column, value in one.values.items()}
    items = (Item(one.object_name, one.id, operation, changes),)
    now = org.world.clock.now()
    transaction_id = uuid7(unix_ms(now), org.world.chance.bytes(10))
    return Incoming(transaction_id, n, hash_of((encode_items(items),)), instant(now), items)


def _refusals(
    batch: Sequence[Arriving], outcomes: Mapping[str, object], incoming: Sequence[Incoming]
) -> list[NotTaken]:
    found = []
    for one, sent in zip(batch, incoming, strict=True):
        outcome = outcomes.get(sent.id)
        if isinstance(outcome, Rejected):
            found.append(NotTaken(one.source, outcome.problems))
    return found


async def admin_of(org: Org, database: Work) -> Caller:
    """The org's first user, as an import."""
    user, profile = org.metadata.tables["User"], org.metadata.tables["Profile"]
    admins = [found.name for found in org.catalog.profiles.values() if found.admin]
    people = select(user.c.Id, profile.c.Name).join_from(user, profile, profile.c.Id == user.c.ProfileId)
    first = people.where(profile.c.Name == bindparam("profile")).order_by(user.c.CreatedDate, user.c.Id).limit(1)
    row = await database.one(compile_statement(first), profile=admins[0])
    assert row is not None, "an org is created with an admin"
    return Caller(RecordId(row[0]), row[1], Channel.IMPORT, rights=org.rights.of(row[1]))


@asynccontextmanager
async def admin_calls(org: Org) -> AsyncIterator[tuple[Work, Caller]]:
    """A transaction, and in it the org's first user: for commands, which nobody signs in to."""
    async with transaction(org.pool) as database:
        yield database, await admin_of(org, database)
