"""Running `fieldsync import tree`: the records of a tree get ids, then go through the save pipeline."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from rich.progress import Progress

from fieldsync.base.ids import RecordId
from fieldsync.base.world import system_world
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.tree import TreeRecord, TreeReference, read_plan
from fieldsync.server.org.bring_in import Arriving, NotTaken, bring_in, draw_ids
from fieldsync.server.org.open import open_org


class TreeDone(msgspec.Struct, frozen=True):
    """What became of a tree: records saved by object and the ids of named ones, or, with nothing saved, the refused."""

    saved: dict[str, int]
    ids: dict[str, RecordId]
    refused: tuple[NotTaken, ...]


def bring_in_tree(uri: str, org_name: str, plan: Path, bars: Progress) -> TreeDone:
    """Read a plan and save its records. Raises Refused for a plan that cannot be read or does not fit the catalog."""
    return asyncio.run(_bring_in(uri, org_name, plan, bars))


async def _bring_in(uri: str, org_name: str, plan: Path, bars: Progress) -> TreeDone:
    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, org_name, system_world())
        records = read_plan(plan, org.catalog)
        drawn = await draw_ids(org, [record.object for record in records])
        arriving = arriving_records(records, drawn)
        bar = bars.add_task("saving", total=len(arriving))
        refused = await bring_in(org, arriving, lambda saved: bars.update(bar, completed=saved))
    if refused:
        return TreeDone({}, {}, tuple(refused))
    named = {record.reference: record_id for record, record_id in zip(records, drawn, strict=True)}
    return TreeDone(dict(Counter(record.object for record in records)), named, ())


def arriving_records(records: Sequence[TreeRecord], drawn: Sequence[RecordId]) -> list[Arriving]:
    """The records with their ids, and with ids in place of the names they refer to."""
    ids = {record.reference: record_id for record, record_id in zip(records, drawn, strict=True)}
    return [
        Arriving(record.object, ids[record.reference], _resolved(record.values, ids), record.place)
        for record in records
    ]


def _resolved(values: Mapping[str, FieldValue | TreeReference], ids: Mapping[str, RecordId]) -> dict[str, FieldValue]:
    return {column: ids[value.name] if isinstance(value, TreeReference) else value for column, value in values.items()}
