"""Which records a save must hold because their family can be submitted or signed: the root decides, whatever member is
edited."""

from __future__ import annotations

from collections import defaultdict

from fieldsync.base import ids
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import Catalog, Family
from fieldsync.schema.family import signing
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Wave, decode_row

Wanted = dict[str, set[str]]


def submittable(catalog: Catalog, object_name: str) -> Family | None:
    """The family of an object, where its root can be submitted."""
    family = catalog.family_of(object_name)
    return family if family is not None and family.declaration.submit is not None else None


def deciding(catalog: Catalog, object_name: str) -> Family | None:
    """The family of an object, where its root says whether a member may change: it can be submitted, or signed."""
    family = catalog.family_of(object_name)
    if family is None or family.declaration.submit is not None:
        return family
    return family if signing.signatures(catalog[family.root]) else None


async def add_roots(org: Org, database: Database, wave: Wave, wanted: Wanted) -> None:
    """Add the roots of edited details to the records to be locked, so that no submit and no signature comes between."""
    names = _named(org, wave)
    while names:
        above: Wanted = defaultdict(set)
        for name, members in names.items():
            master = org.catalog[name].master
            family = deciding(org.catalog, name)
            if master is None or family is None or name == family.root:
                wanted[name] |= members
                continue
            for (text,) in await database.rows(org.save.read(name), ids=sorted(members)):
                value = decode_row(text)[master.name]
                if isinstance(value, str):
                    above[master.references or ""].add(value)
        names = above


def _named(org: Org, wave: Wave) -> Wanted:
    """Details whose master must be asked for, and masters that are named at once."""
    found: Wanted = defaultdict(set)
    for edit in wave.edits:
        family = deciding(org.catalog, edit.item.object)
        master = edit.object_type.master
        if family is None or edit.item.object == family.root or master is None:
            continue
        change = edit.item.changes.get(master.name)
        if change is not None and ids.is_id(change.new):
            found[master.references or ""].add(change.new)
        if edit.item.operation is not Operation.CREATE:
            found[edit.item.object].add(edit.item.id)
    return found
