"""Applying a prepared update in which every row is another one: how long a person waits behind *Apply* (FEATURES D10).

The floor is a plain bulk insert of the same rows into an encrypted file with the same columns and indexes.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from fieldsync.device.store.probe import bulk_insert_seconds
from fieldsync.protocol.session import Platform
from fieldsync.server.org.create import seeding_org
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.incremental import Rows, edit_rows
from fieldsync.sim.bench.refresh import CONDITIONS, OBJECT, make_org
from fieldsync.sim.bench.setting import ORG, Setting, served


def measure(folder: Path, port: int, *, rows: int) -> list[Figure]:
    """Seconds of `Apply` beside its floor."""
    with served(folder, port, lambda uri, world: make_org(uri, world, rows)) as place:
        key = place.world.chance.bytes(32)
        device = place.signed_in("ipad", Platform.IPAD, key)
        try:
            device.sync()
            _change_all(place)
            prepared = device.updates.prepare()
            assert prepared.rows_received >= rows, "every row is another one"
            applied = device.updates.apply()
        finally:
            device.close()
        floor = bulk_insert_seconds(place.folder / "ipad", key, OBJECT, place.folder / "floor.db")
    conditions = f"{rows} changed rows, {CONDITIONS}"
    return [figure("apply a prepared update", applied.apply_seconds, "s", floor=floor, conditions=conditions)]


def _change_all(place: Setting) -> None:
    """As a person online would: every row gets another phone, in one transaction."""
    with seeding_org(place.uri, ORG, place.world) as seeding:
        table = seeding.metadata.tables[OBJECT]
        everything = list(seeding.connection.execute(select(table.c.Id)).scalars())
        edit_rows(seeding, Rows("", everything), "+43 1")
